"""Runs that several screens show: they are written once, and a test that changes them gets copies."""

import pytest

from engine.contract.run.index import Index
from engine.contract.run.store import RunFolder
from tests.fixtures.runs import clone
from tests.tui.compared import make_judged
from tests.tui.inspecting import inspected_runs, make_inspected
from tui.workspace import Workspace


@pytest.fixture
def judged_runs(made_once, root):
    """Copies of the runs of `make_judged`."""
    home = made_once("judged", make_judged)
    return [RunFolder(clone(home / "runs" / run, root / run)) for run in (home / "ids").read_text().split()]


@pytest.fixture(scope="session")
def made(made_once):
    """The runs, and the folder that holds them and the cache."""
    home = made_once("inspected", make_inspected)
    return home, inspected_runs(home)


@pytest.fixture
def shown(made, monkeypatch, tmp_path, workbench):
    """Makes the workbench on Inspect over these runs."""
    home, runs = made
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))

    def make(selected=0, marked=()):
        app = workbench("inspect")
        app.workspace = Workspace([home / "runs"], state_file=tmp_path / "s.json", index=Index(home / "runs.sqlite"))
        app.workspace.refresh()
        app.workspace.selected = runs[selected]
        app.workspace.marked = [runs[i] for i in marked]
        return app

    return make


@pytest.fixture
def ready(until, settle):
    """Waits until the run is read and its pictures are drawn."""

    async def wait(pilot):
        screen = pilot.app.screen
        await until(pilot, lambda: screen._facts is not None)
        await until(pilot, lambda: screen._rest is None)
        await settle(pilot)

    return wait
