"""A bench of runs with a fake trainer, and the promise that no process outlives its test."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ExitRecord, Identity, ProcRecord
from engine.contract.run.store import Status, create, runs_root
from engine.launch import control, local

SUPERVISOR = (str(Path(__file__).with_name("fake_supervisor.py")),)
PATIENCE = 180.0  # seconds until a test gives up: reached only where something is broken, however busy the machine is


class Bench:
    """Makes runs, starts them with the quick supervisor, and waits for what they do."""

    supervisor = SUPERVISOR

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self, act: str = "work", recipe: dict[str, Any] | None = None, **placement: Any) -> RunFolder:
        """A run whose trainer will do as `fake_trainer.py` describes; on the CPU unless told otherwise."""
        table = {
            "epochs": 1,
            "batch_size": 8,
            "model": "lenet",
            "augmentation": [],
            "optimizer": {"name": "sgd", "lr": 0.1},
        }
        resolved = resolve(table | {"data": {"name": "shapes"}} | (recipe or {}), catalog())
        run = create(self.root, resolved, seed=0, placement=Placement(**{"device": "cpu"} | placement))
        (run.path / "fake.txt").write_text(act)
        return run

    def start(self, act: str = "work", **placement: Any) -> RunFolder:
        """A run that has been taken up by its supervisor."""
        run = self.make(act, **placement)
        local.start(run, supervisor=SUPERVISOR, timeout=PATIENCE)
        return run

    def working(self, act: str = "work", **placement: Any) -> RunFolder:
        """A run whose trainer is at work and has said so."""
        run = self.start(act, **placement)
        self.until(lambda: run.events.exists() and b'"step"' in run.events.read_bytes())
        return run

    def undisturbed(self, recipe: dict[str, Any]) -> RunFolder:
        """A run on the CPU that has finished, carried out on one thread of this process."""
        from engine.attempt import carry_out  # not before it is needed: it imports torch

        run = self.make(recipe=recipe, threads=1)
        assert carry_out(run, lambda: False) == 0
        return run

    def until(self, true: Callable[[], object], patience: float = PATIENCE) -> None:
        """Wait until something is true. At most a fifth of the time is spent on asking, which may look at all processes."""
        deadline = time.monotonic() + patience
        began = time.monotonic()
        while not true():
            assert began < deadline, f"not within {patience:g} s"
            time.sleep(max(0.02, 4 * (time.monotonic() - began)))
            began = time.monotonic()

    def ended(self, run: RunFolder) -> Status:
        """The status of a run after its end, when its supervisor has gone as well."""
        status = control.wait(run, PATIENCE)
        assert not status.live, status
        return status

    def record(self, run: RunFolder) -> ExitRecord:
        self.ended(run)
        record = ExitRecord.read(run.exit)
        assert record is not None
        return record

    def processes(self, run: RunFolder) -> tuple[Identity, Identity]:
        """Supervisor and trainer, once both are recorded."""
        self.until(lambda: (proc := ProcRecord.read(run.proc)) is not None and proc.trainer is not None)
        proc = ProcRecord.read(run.proc)
        assert proc is not None and proc.trainer is not None
        return proc.supervisor, proc.trainer

    def alive(self) -> list[psutil.Process]:
        """Every living process that has one of this bench's folders on its command line."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(str(self.root) in word for word in process.cmdline()):
                    found.append(process)
        return found

    def end(self) -> None:
        """Kill every process of this bench."""

        def all_gone() -> bool:
            left = self.alive()
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            return not left

        self.until(all_gone)


@pytest.fixture
def bench(private_folders: Path) -> Iterator[Bench]:
    bench = Bench(runs_root())
    yield bench
    bench.end()
