"""Y writes what a screen shows into a file: charts and tables in several formats, on every screen that has any."""

import xml.etree.ElementTree as ET
from types import SimpleNamespace

import platformdirs
import pytest

from engine.launch import queue as engine_queue
from engine.launch.queue import Ticket
from tests.tui.commands.conftest import cli as cli
from tests.tui.demo import Demo, write_run
from tui.commands import queue as queue_command
from tui.screens import queue as queue_screen

NOW = 1_795_000_000.0


@pytest.fixture
def exports():
    return platformdirs.user_data_path("cifar-tui") / "exports"


async def press_y(pilot, settle, until, exports, *keys):
    """Press Y, choose a format, and return the file that was written."""
    await pilot.press("Y", *keys, "enter")
    await until(pilot, lambda: exports.exists() and any(not file.name.startswith(".") for file in exports.iterdir()))
    await settle(pilot)
    (file,) = exports.iterdir()
    assert any(str(file) in note.message for note in pilot.app._notifications)
    return file


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("dashboard", ("accuracy %", "per class", "progress")),
        ("results", ("Runs", "Recipes")),
        ("inspect", ("command",)),
    ],
)
@pytest.mark.parametrize("ending", ["svg", "txt"])
async def test_a_screen_writes_its_charts_and_tables(root, workbench, settle, until, exports, mode, words, ending):
    run = write_run(root, Demo(epochs_done=3, state="finished"))
    app = workbench(mode)
    app.workspace.selected = run
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        if mode == "inspect":
            await until(pilot, lambda: app.screen._facts is not None)
        file = await press_y(pilot, settle, until, exports, *(["j"] if ending == "txt" else []))
        content = file.read_text()
        assert file.suffix == f".{ending}" and all(word in content for word in words)
        if ending == "svg":
            assert ET.fromstring(content).tag.endswith("svg")
        else:
            assert app.clipboard == content


@pytest.mark.parametrize(
    ("ending", "word"), [("md", "| --- |"), ("tex", "\\toprule"), ("csv", ","), ("json", '"rows"')]
)
@pytest.mark.parametrize("mode", ["dashboard", "results", "inspect"])
async def test_tables_have_formats_of_their_own(root, workbench, settle, until, exports, mode, ending, word):
    run = write_run(root, Demo(epochs_done=3, state="finished"))
    app = workbench(mode)
    app.workspace.selected = run
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        if mode == "inspect":
            await until(pilot, lambda: app.screen._facts is not None)
        place = ["svg", "txt", "md", "tex", "csv", "json"].index(ending)
        file = await press_y(pilot, settle, until, exports, *["j"] * place)
        assert file.suffix == f".{ending}" and word in file.read_text() and app.clipboard == file.read_text()


@pytest.mark.parametrize("form", ["txt", "md", "tex", "csv", "json"])
async def test_the_queue_is_written_as_its_command_prints_it(
    root, workbench, settle, until, exports, monkeypatch, cli, form
):
    run = write_run(root, Demo(epochs_done=3, state="running"))
    tickets = [Ticket(1, run.id, str(run.path), ("cpu",), 1, NOW - 90, ("cpu",))]
    for module in (queue_screen, engine_queue):
        monkeypatch.setattr(module, "inspect", lambda: (tickets, ""))
    for module in (queue_screen, queue_command):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: NOW))
    monkeypatch.setenv("COLUMNS", "160")
    app = workbench("queue")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot, 0.1)
        place = ["svg", "txt", "md", "tex", "csv", "json"].index(form)
        file = await press_y(pilot, settle, until, exports, *["j"] * place)
    name = {"txt": "text", "tex": "latex"}.get(form, form)
    written = cli("queue", "--format", name, "--runs-dir", root).out
    assert file.name == f"queue.{form}" and file.read_text() == written == app.clipboard
    assert run.id in written and "on a device 1" in written and "1 m 30" in written


async def test_a_suite_writes_its_figure(workbench, settle, until, exports):
    app = workbench("queue")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        app.show_suite("resnet_stages")
        await until(pilot, lambda: bool(getattr(app.screen, "_measured", None)))
        file = await press_y(pilot, settle, until, exports)
        assert file.name == "suite-resnet_stages.svg" and "reported / measured" in file.read_text()


async def test_an_empty_screen_says_so(workbench, settle, exports):
    app = workbench("queue")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("Y")
        await settle(pilot)
        assert any("nothing to export" in note.message for note in app._notifications)
        assert not exports.exists()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_log_that_is_shown_is_saved(root, workbench, settle, exports, size):
    run = write_run(root, Demo(epochs_done=3, state="finished"))
    run.log.write_text("raw line | one\n")
    app = workbench("dashboard")
    app.workspace.selected = run
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("l")
        await settle(pilot)
        await pilot.press("y")
        assert app.clipboard == f"cifar-tui runs show {run.id} --tab log"
        await pilot.press("Y", "enter")
        await settle(pilot, 0.2)
        messages = (exports / f"log-{run.id}.txt").read_text()
        assert messages == app.clipboard and messages.count("epoch 3") == 1 and "finished: last" in messages
        await pilot.press("Y", "j", "j", "j", "enter")
        await settle(pilot, 0.2)
        assert (exports / f"log-{run.id}.csv").read_text().startswith("log\ntime,what\n")
        await pilot.press("r", "Y", "enter")
        await settle(pilot, 0.2)
        assert (exports / f"output-{run.id}.txt").read_text() == "raw line | one\n"
        await pilot.press("y")
        assert app.clipboard == f"cifar-tui runs logs {run.id}"


async def test_new_run_saves_its_command_its_recipe_and_its_schedule(workbench, settle, exports):
    app = workbench("results")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        app.new_run({"preset": "quickstart", "epochs": 7})
        await settle(pilot)
        await pilot.press("Y", "enter")
        await settle(pilot, 0.2)
        command = (exports / "quickstart.sh").read_text()
        assert command.startswith("cifar-tui ") and "quickstart" in command and "7" in command
        assert app.clipboard == command == app.screen.editor.draft.command_line() + "\n"
        await pilot.press("Y", "j", "enter")
        await settle(pilot, 0.2)
        assert "epochs = 7" in (exports / "quickstart.toml").read_text()
        await pilot.press("Y", "j", "j", "enter")
        await settle(pilot, 0.2)
        svg = (exports / "quickstart.svg").read_text()
        assert svg.startswith("<svg") and "learning" in svg and "loss" not in svg
