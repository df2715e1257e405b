"""A workbench over a private runs folder, with a launcher that starts nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import textual.app
import textual.pilot
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.worker import WorkerCancelled

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.changes import flat
from engine.contract.recipe.schema import Placement
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Finished, RunStarted
from engine.contract.run.index import Index
from engine.contract.run.records import ExitRecord
from engine.contract.run.store import RunFolder, create
from presets.loader import Edits, list_presets
from presets.references import recipe_of
from tests.tui.at_rest import at_rest, handled
from tui.app import Workbench
from tui.forms import seen_images
from tui.workspace import Workspace

HOSTILE = "\x1b[31m[red]evil[/red] [@click=app.quit]x[/]\x07"


@cache
def telling_presets() -> list[str]:
    """Presets that between them use every part that any preset uses, models aside: few, where there are many alike."""
    parts = {}
    for info in list_presets():
        recipe = recipe_of(info.name, catalog())
        kinds = ("data", "optimizer", "schedule", "loss", "averaging")
        parts[info.name] = {(kind, getattr(recipe, kind).name) for kind in kinds}
        parts[info.name] |= {(kind, param) for kind in kinds[1:] for param in getattr(recipe, kind).options}
        parts[info.name] |= {
            ("op", path.rpartition(".")[0]) for path in flat(recipe) if path.startswith("augmentation")
        }
    missing, chosen = set().union(*parts.values()), []
    while missing:
        chosen.append(max(parts, key=lambda name: len(parts[name] & missing)))
        missing -= parts[chosen[-1]]
    return chosen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "telling_preset" in metafunc.fixturenames:
        metafunc.parametrize("telling_preset", telling_presets())


class Launcher:
    """Remembers what it was asked to start."""

    def __init__(self) -> None:
        self.started: list[RunFolder] = []

    def __call__(self, run: RunFolder, **options: Any) -> None:
        self.started.append(run)


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Parse each style sheet once per theme: every app parses all of them, and again when its theme is set."""
    parse, parsed = Stylesheet._parse_rules, {}

    def recall(sheet: Stylesheet, css: str, *where: Any, **how: Any) -> list[RuleSet]:
        key = (frozenset(sheet._variables.items()), css, where, frozenset(how.items()))
        if key not in parsed:
            parsed[key] = parse(sheet, css, *where, **how)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", recall)
        yield


@pytest.fixture(scope="session", autouse=True)
def waits_for_rest() -> Iterator[None]:
    """Let the pilot wait for what its keys bring about, and no longer: see `tests.tui.at_rest`."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (textual.app, textual.pilot):
            patch.setattr(module, "wait_for_idle", at_rest)
        yield


class NoPictures:
    """Stands in for the process that draws pictures beside the form of New run, which imports torch."""

    def __init__(self, request: dict[str, Any]) -> None:
        raise BadInput("no pictures here")


@pytest.fixture(autouse=True)
def no_pictures_beside_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that is about the pictures puts a stand-in of its own in this place."""
    monkeypatch.setattr(seen_images, "Preview", NoPictures)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def launcher() -> Launcher:
    return Launcher()


@pytest.fixture
def make_run(root: Path) -> Callable[..., RunFolder]:
    """Makes a run of the quickstart: `state` "starting" leaves it live, all others end it."""

    def make(
        *, epochs: int = 3, accuracy: float = 0.9, state: str = "finished", reason: str = "", message: str = "",
        seed: int = 0, name: str = "", tags: tuple[str, ...] = (), changes: str = "-", preset: str = "quickstart",
        sets: tuple[str, ...] = (),
    ) -> RunFolder:  # fmt: skip
        recipe = recipe_of("quickstart", catalog(), Edits(sets=("epochs=3", *sets)))
        run = create(
            root, recipe, seed=seed, preset=preset, changes=changes, command="cifar-tui --preset quickstart --headless",
            placement=Placement(name=name, tags=tags),
        )  # fmt: skip
        if state == "starting":
            return run
        began = time.time() - 100.0
        with EventWriter(run.events) as events:
            events.write(
                RunStarted(attempt=1, epochs=3, steps_per_epoch=10, test_images=1000, device="cpu", t=began, worked=0.0)
            )
            for epoch in range(1, epochs + 1):
                value = accuracy - 0.1 * (epochs - epoch)
                events.write(
                    Epoch(
                        epoch=epoch,
                        test_accuracy=value,
                        test_loss=0.5,
                        train_loss=0.6,
                        t=began + 10 * epoch,
                        worked=10.0 * epoch,
                    )
                )
            if state == "finished":
                ended = began + 10 * epochs
                events.write(
                    Finished(
                        epochs=epochs,
                        last_accuracy=accuracy,
                        best_accuracy=accuracy,
                        t=ended,
                        worked=10.0 * epochs,
                        seconds=10.0 * epochs,
                    )
                )
        ExitRecord(state, reason, message, ended=time.time()).write(run.exit)
        return run

    return make


@pytest.fixture
def workbench(root: Path, tmp_path: Path, launcher: Launcher) -> Callable[..., Workbench]:
    """Makes the app; `mode` is the section it begins with."""

    def make(mode: str = "", **kwargs: Any) -> Workbench:
        index = kwargs.pop("index", None) or Index(tmp_path / "index.sqlite")
        workspace = Workspace([root], start=launcher, state_file=tmp_path / "state.json", index=index, **kwargs)
        workspace.refresh()  # so that the first section is there at once
        return Workbench(workspace, start_mode=mode)

    return make


@pytest.fixture
def screen_text() -> Callable[[Workbench], str]:
    """What a person sees: the characters of every cell, line by line."""

    def read(app: Workbench) -> str:
        width, height = app.size
        lines = [[" "] * width for _ in range(height)]
        for y, strip in enumerate(app.screen._compositor.render_strips()):
            lines[y] = list(strip.text)
        return "\n".join("".join(line) for line in lines)

    return read


@pytest.fixture
def settle() -> Callable[..., Any]:
    """Waits until workers, messages and the short rests of the screens are through."""

    async def wait(pilot: Any, seconds: float = 0.0) -> None:
        await pilot.pause(seconds)
        for worker in list(pilot.app.workers):
            with suppress(WorkerCancelled):  # another one has taken its place
                await worker.wait()
        await handled()
        await pilot.pause()
        await handled()

    return wait


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for what a timer brings about, however slow the machine is; fails after twenty seconds."""

    async def wait(pilot: Any, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 20
        while not condition() and time.monotonic() < deadline:
            await pilot.pause(0.01)
        assert condition()

    return wait
