"""Every screen in three sizes, in color and without, as text: what is drawn where, in all its cells.

The clock stands still, and names, hosts and versions are made up, so that a screen is the same on every machine.
"""

import itertools
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from engine.contract.run import create, pulse
from engine.contract.run.index import Index
from presets.loader import Edits
from tests.tui import golden
from tests.tui.at_rest import coming
from tests.tui.demo import Demo, pictures, predict_as_confused, write_run
from tui.app import Workbench
from tui.forms.estimate import Hardware
from tui.screens import form_panes
from tui.widgets import top_bar
from tui.workspace import Workspace

NOW = 1_795_000_000.0
SIZES = ((80, 24), (120, 40), (200, 50))
MADE = (  # changes, seed, shift of the accuracy, state, epochs
    ((), 0, 0.0, "finished", 500),
    ((), 1, 0.0005, "finished", 500),
    (("averaging=ema",), 0, 0.005, "finished", 500),
    ((), 2, 0.0, "running", 111),
)
SCREENS = {  # the section, and the keys to press there
    "dashboard": ("dashboard", ()),
    "results": ("results", ()),
    "compare": ("compare", ()),
    "compare-recipes": ("compare", ("o",)),
    "new-run": ("new_run", ()),
    "queue": ("queue", ()),
    "suites": ("results", ("suites",)),
    "overview": ("inspect", ()),
    "confusion": ("inspect", ("tab",)),
    "mistakes": ("inspect", ("tab", "tab")),
    "disagree": ("inspect", ("tab", "tab", "tab")),
    "recipe": ("inspect", ("tab", "tab", "tab", "tab")),
    "log": ("dashboard", ("l",)),
}


@pytest.fixture(scope="module")
def made():
    """The folder with the runs and their pictures."""
    home = Path(tempfile.mkdtemp(prefix=golden.HOME, dir="/tmp"))  # the name of pytest's folder varies in length
    yield _filled(home)
    shutil.rmtree(home)


def _filled(home):
    with pytest.MonkeyPatch.context() as patch:
        _freeze(patch)
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        letters = itertools.cycle("abcdefghjkmnpqrst")
        patch.setattr(create.secrets, "choice", lambda among: next(letters))
        patch.setattr(create, "host_name", lambda: "gpubox")
        patch.setattr(create, "versions", lambda: {"python": "3.12.0", "torch": "2.10.0"})
        patch.setattr(create, "git_state", lambda: {"commit": "0123456789abcdef", "dirty": False})
        images = pictures()
        (home / "runs").mkdir()
        for number, (sets, seed, shift, state, epochs) in enumerate(MADE):
            demo = Demo(
                epochs_done=epochs, state=state, seed=seed, shift=shift, edits=Edits(sets=sets),
                changes="ema" if sets else "-",
            )  # fmt: skip
            run = write_run(home / "runs", demo, now=NOW - 3600 * (len(MADE) - 1 - number))
            if state == "finished":
                predict_as_confused(run, images.test_labels, images.fingerprint, seed=number)
    return home


def _freeze(patch):
    """Stop the clock, in UTC."""
    patch.setattr(time, "time", lambda: NOW)
    patch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def frozen(made, monkeypatch):
    """The clock, the machine and the cache of these runs."""
    _freeze(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(made / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(made / "data"))
    monkeypatch.setattr(pulse, "_last_reads", {})  # a heartbeat that stands still is not that of a living run
    monkeypatch.setattr(top_bar, "host_name", lambda: "gpubox")
    machine = Hardware("gpubox", ("auto", "cpu", "cuda:0"), (("RTX 4090", 20 << 30, 24 << 30),), 200 << 30)
    monkeypatch.setattr(form_panes, "inspect_machine", lambda root: machine)
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def quiet(settle, until, screen_text):
    """Waits until nothing is going to change the screen any more, and returns its text."""

    async def wait(pilot):
        await settle(pilot)
        await until(pilot, lambda: not coming(pilot.app))
        await settle(pilot)
        return screen_text(pilot.app)

    return wait


@pytest.mark.parametrize("color", [True, False], ids=["dark", "nocolor"])
@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_is_the_stored_one(frozen, made, tmp_path, monkeypatch, quiet, name, color):
    mode, keys = SCREENS[name]
    if not color:
        monkeypatch.setenv("NO_COLOR", "1")
    workspace = Workspace([made / "runs"], state_file=tmp_path / "state.json", index=Index(tmp_path / "index.sqlite"))
    workspace.refresh()
    runs = [workspace.folder(row) for row in sorted(workspace.summaries(), key=lambda row: row.id)]
    by_seed = {(run.info().changes, run.info().seed): run for run in runs}
    marked = [by_seed["-", 0], by_seed["-", 1], by_seed["ema", 0]]
    workspace.marked = marked if mode in ("compare", "inspect") else []
    workspace.selected = marked[0] if workspace.marked else by_seed["-", 2]
    app = Workbench(workspace, start_mode=mode)
    async with app.run_test(size=SIZES[0]) as pilot:
        await quiet(pilot)
        for key in keys:
            if key == "suites":
                app.show_suite("")
            else:
                await pilot.press(key)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            text = await quiet(pilot)
            golden.check(f"{name}-{size[0]}x{size[1]}{'' if color else '-nocolor'}", text)
