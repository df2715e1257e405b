"""Measure what many runs cost in files, index and polling, on generated folders: the figures of docs/scaling.md.

    python docs/scaling.py FOLDER [RUNS]

FOLDER must not exist; it takes about 135 kB per run. No run is started, and Slurm is not asked. Each line gives the
time on the clock, which is longer on a busy machine, and the CPU time of this process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run import squeue
from engine.contract.run.event_file import encode
from engine.contract.run.events import Epoch, Finished, RunStarted
from engine.contract.run.index import Index
from engine.contract.run.jobs import JobRecord
from engine.contract.run.process import ExitRecord
from engine.contract.run.store import RunFolder, create
from engine.launch.slurm import submit
from presets.references import recipe_of

T = TypeVar("T")
EPOCHS = 200


def timed(what: str, count: int, work: Callable[[], T]) -> T:
    """Do the work and print what it took, in all and per run, and how much of that this process computed."""
    began, computed = time.perf_counter(), time.process_time()
    done = work()
    took, computed = time.perf_counter() - began, time.process_time() - computed
    print(
        f"{what:48} {took:9.2f} s  {1e6 * took / count:9.1f} us per run  {1e6 * computed / count:9.1f} us CPU",
        flush=True,
    )
    return done


def course() -> bytes:
    """The events of a run that has finished."""
    started = RunStarted(attempt=1, epochs=EPOCHS, steps_per_epoch=390, t=time.time())
    tested = (
        Epoch(epoch=epoch, test_accuracy=0.9, test_loss=0.4, train_loss=0.4, t=started.t + epoch, worked=1.0 * epoch)
        for epoch in range(1, EPOCHS + 1)
    )
    finished = Finished(
        epochs=EPOCHS, last_accuracy=0.9, best_accuracy=0.9, t=started.t + EPOCHS + 1, worked=EPOCHS + 1
    )
    return "".join(f"{encode(event)}\n" for event in (started, *tested, finished)).encode()


def main(root: Path, count: int) -> None:
    recipe = recipe_of("resnet34_cutmix", catalog())
    placement = Placement(launcher="slurm", partition="gpu", time="4:00:00", cpus=4)

    def prepare() -> list[RunFolder]:
        made = [create(root / "runs", recipe, seed=seed, placement=placement) for seed in range(count)]
        for run in made:
            submit.prepare(run, {}, {})
        return made

    def record() -> None:
        for number, run in enumerate(runs):
            JobRecord("slurm", f"7_{number}", submitted=time.time()).write(run.path)

    def finish() -> None:
        events = course()
        for run in runs:
            run.events.write_bytes(events)
            run.write_exit(ExitRecord("finished", ended=time.time()))

    runs = timed("folders and job scripts", count, prepare)
    timed("job records", count, record)
    files = [path for path in (root / "runs").rglob("*") if path.is_file()]
    size = sum(path.stat().st_blocks * 512 for path in files)
    print(f"a run that waits: {len(files) / count:.1f} files, {size / count / 1000:.1f} kB on disk")
    lines = [
        f"7_{i}|PENDING|Priority|0:00|4:00:00||N/A|2026-11-28T05:10:24|{root}/runs/20261128-051024-abcd\n"
        for i in range(count)
    ]
    text = "".join(lines)
    print(f"an answer of squeue: {len(text) / 1e6:.2f} MB")
    jobs = timed("reading an answer of squeue", count, lambda: squeue.read_lines(text))
    answer = squeue.Answer(time.time(), "", jobs)
    cache = root / "squeue.json"
    timed("writing the cache", count, lambda: cache.write_bytes(squeue._encoded(answer)))
    timed("reading the cache", count, lambda: squeue._read(cache))
    squeue.job = lambda number, submitted, path=None: squeue._read(cache).jobs.get(number)
    index = Index(root / "index.sqlite")
    timed("all rows, every run waits", count, lambda: index.rows([root / "runs"]))
    timed("all rows again, every run waits", count, lambda: index.rows([root / "runs"]))
    timed("(making the runs finished)", count, finish)
    files = [path for path in (root / "runs").rglob("*") if path.is_file()]
    size = sum(path.stat().st_blocks * 512 for path in files)
    print(f"a finished run without weights: {len(files) / count:.1f} files, {size / count / 1000:.1f} kB on disk")
    time.sleep(2.5)  # files that changed just now are not cached
    timed("all rows, every run is finished", count, lambda: index.rows([root / "runs"]))
    timed("all rows again, every run is finished", count, lambda: index.rows([root / "runs"]))
    print(f"the index: {(root / 'index.sqlite').stat().st_size / count / 1000:.2f} kB per run")
    timed("all rows by another program", count, lambda: Index(root / "index.sqlite").rows([root / "runs"]))
    timed("as a screen polls", count, lambda: index.rows([root / "runs"], quick=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
