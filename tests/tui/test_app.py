"""The workbench: where it opens, how one goes about, how one leaves."""

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.content import Content
from textual.widgets import Button, Input

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement
from engine.contract.run.create import create
from engine.contract.run.records import ExitRecord
from engine.launch import restart
from presets import references
from tui.app import Workbench
from tui.keys.common import MODES
from tui.messages import RunsChanged
from tui.opening import run_workbench
from tui.screens.confirm import Confirm
from tui.screens.help import Help
from tui.screens.small import TooSmall
from tui.screens.welcome import Welcome
from tui.widgets.run_list import RunList

SIZES = [(80, 24), (120, 40)]


async def test_opens_on_the_dashboard_when_a_run_is_live(workbench, make_run):
    make_run()
    live = make_run(state="starting")
    async with workbench().run_test() as pilot:
        assert pilot.app.current_mode == "dashboard"
        assert pilot.app.workspace.selected == live


async def test_opens_on_results_when_nothing_is_live(workbench, make_run):
    make_run()
    async with workbench().run_test() as pilot:
        assert pilot.app.current_mode == "results"
        assert not isinstance(pilot.app.screen, Welcome)


async def test_the_first_time_a_welcome_offers_the_quickstart(workbench, settle):
    async with workbench().run_test() as pilot:
        assert isinstance(pilot.app.screen, Welcome)
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.current_mode == "new_run"
        assert pilot.app.screen.editor.draft.preset == "quickstart"


async def test_the_welcome_can_be_closed(workbench, settle):
    async with workbench().run_test() as pilot:
        await pilot.press("q")
        await settle(pilot)
        assert pilot.app.current_mode == "results"
        assert not isinstance(pilot.app.screen, Welcome)


async def test_a_number_closes_the_welcome_and_goes_there(workbench, settle):
    async with workbench().run_test() as pilot:
        await pilot.press("5")
        await settle(pilot)
        assert pilot.app.current_mode == "queue"
        await pilot.press("2")
        await settle(pilot)
        assert pilot.app.current_mode == "results"
        assert not isinstance(pilot.app.screen, Welcome)


@pytest.mark.parametrize("size", SIZES)
async def test_numbers_go_to_the_sections(workbench, make_run, size, settle):
    make_run()
    async with workbench("results").run_test(size=size) as pilot:
        for number, mode in enumerate(MODES, start=1):
            await pilot.press(str(number))
            await settle(pilot)
            assert pilot.app.current_mode == mode


async def test_q_returns_to_where_one_came_from(workbench, make_run, settle):
    make_run()
    async with workbench("results").run_test() as pilot:
        await pilot.press("E")
        await settle(pilot)
        assert pilot.app.current_mode == "new_run"
        await pilot.press("q")
        await settle(pilot)
        assert pilot.app.current_mode == "results"


@pytest.mark.parametrize("key", ["q", "escape"])
async def test_at_the_top_going_back_asks_to_quit_and_says_what_goes_on(workbench, make_run, screen_text, key, settle):
    make_run(state="starting")
    async with workbench("results").run_test() as pilot:
        await pilot.press(key)
        await settle(pilot)
        assert isinstance(pilot.app.screen, Confirm)
        await pilot.pause()
        assert "1 run keeps running without this screen" in screen_text(pilot.app)
        await pilot.press("s")  # Stay
        await settle(pilot)
        assert not isinstance(pilot.app.screen, Confirm)
        await pilot.press(key, "enter")  # Stay has the focus
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Confirm) and not pilot.app._exit
        await pilot.press(key, "q")
        await settle(pilot)
        assert not isinstance(pilot.app.screen, Confirm) and not pilot.app._exit
        await pilot.press(key, "left", "enter")
        await pilot.pause()
        assert pilot.app._exit


@pytest.mark.parametrize(("key", "opens"), [("question_mark", Help), ("f1", Help), ("colon", CommandPalette)])
async def test_the_welcome_lets_the_keys_for_help_and_for_the_palette_through(workbench, settle, key, opens):
    async with workbench().run_test() as pilot:
        await pilot.press(key)
        await settle(pilot)
        assert isinstance(pilot.app.screen, opens)
        await pilot.press("escape", "escape")
        await settle(pilot)
        await pilot.press("5")
        await settle(pilot)
        assert pilot.app.current_mode == "queue"


async def test_the_welcome_goes_when_there_is_a_run(workbench, make_run, settle):
    """The palette leads away over its head; by the way back a run may have been started."""
    app = workbench()
    async with app.run_test() as pilot:
        app.new_run({"preset": "quickstart"})
        await settle(pilot)
        make_run()
        app.workspace.refresh()
        await pilot.press("2")
        await settle(pilot)
        assert app.current_mode == "results" and not isinstance(app.screen, Welcome)


async def test_a_toast_names_a_way_to_its_run_that_is_true(workbench, make_run, settle):
    """1 shows the run under the cursor, which need not be the one that has just ended."""
    ended, other = make_run(), make_run()
    app = workbench("results")
    async with app.run_test() as pilot:
        for run, words in ((other, f"type :{ended.id[-4:]} to see it"), (ended, "press 1 to see it on the Dashboard")):
            app.screen.query_one(RunList).go_to(run.id)
            await settle(pilot)
            app.notify_ended(app.workspace.row(ended))
            await settle(pilot)
            assert words in list(app._notifications)[-1].message


async def test_ctrl_c_quits_only_when_pressed_twice(workbench, make_run, until):
    make_run()
    async with workbench("results").run_test() as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: pilot.app._interrupted)
        assert not pilot.app._exit
        await pilot.press("ctrl+c")
        await until(pilot, lambda: pilot.app._exit)


@pytest.mark.parametrize("keys", [["escape"], ["s"], ["question_mark"]])
async def test_ctrl_c_twice_quits_over_a_dialog_too(workbench, make_run, until, keys):
    make_run()
    async with workbench("results").run_test() as pilot:
        await pilot.press(*keys, "ctrl+c", "ctrl+c")
        await until(pilot, lambda: pilot.app._exit)


async def test_ctrl_c_twice_quits_from_the_welcome(workbench, until):
    async with workbench().run_test() as pilot:
        await pilot.press("ctrl+c", "ctrl+c")
        await until(pilot, lambda: pilot.app._exit)


async def test_leaving_is_remembered_and_the_next_visit_says_what_happened(workbench, make_run, screen_text, tmp_path):
    make_run()
    async with workbench("results").run_test() as pilot:
        await pilot.pause()
        assert "since you left" not in screen_text(pilot.app)
    assert json.loads((tmp_path / "state.json").read_text())["left"] > 1e9
    make_run()
    make_run(state="failed", reason="gpu_memory")
    async with workbench("results").run_test() as pilot:
        await pilot.pause()
        assert re.search(r"since you left \d+ s ago: 1 finished · 1 failed", screen_text(pilot.app))


@pytest.mark.parametrize("size", [(59, 24), (80, 17)])
async def test_a_tiny_terminal_asks_to_be_enlarged_and_recovers(workbench, make_run, screen_text, until, size):
    make_run()
    async with workbench("results").run_test(size=(80, 24)) as pilot:
        await pilot.resize_terminal(*size)
        await until(pilot, lambda: isinstance(pilot.app.screen, TooSmall))
        await until(pilot, lambda: "Enlarge the terminal to at least 60x18" in screen_text(pilot.app))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not isinstance(pilot.app.screen, TooSmall))


async def test_the_end_of_a_run_is_said_and_rings(workbench, make_run, settle):
    run = make_run(state="starting")
    async with workbench("results").run_test(notifications=True) as pilot:
        ExitRecord("failed", "diverged", "loss is nan at step 12").write(run.exit)
        pilot.app.workspace.refresh()
        pilot.app.post_message(RunsChanged())
        await settle(pilot)
        said = [notice.message for notice in pilot.app._notifications]
        assert said == ["loss is nan at step 12"]


async def test_the_palette_finds_runs_presets_and_sections(workbench, make_run):
    run = make_run(name="paper v2")
    async with workbench("results").run_test() as pilot:
        for query, hit in (
            ("paper v2", run.id[-4:]),
            ("resnet34_cutmix", "new run: resnet34_cutmix"),
            ("runs", "Results"),
        ):
            found = [str(entry.text) async for entry in _hits(pilot.app, query)]
            assert any(hit in text for text in found), (query, found)


async def test_the_palette_takes_names_of_runs_as_plain_text(workbench, make_run):
    make_run(name="[red]evil[/red] [@click=app.exit]x", changes="[bold]lr[/bold]")
    async with workbench("results").run_test() as pilot:
        (hit,) = [hit async for hit in _hits(pilot.app, "[red]evil")]
        assert "[red]evil[/red] [@click=app.exit]x" in hit.prompt.plain
        assert "[bold]lr[/bold]" in Content.from_markup(hit.help).plain


async def _hits(app, query):
    from tui.palette import PresetEntries, RunEntries, SectionEntries

    for kind in (SectionEntries, RunEntries, PresetEntries):
        provider = kind(app.screen)
        async for hit in provider.search(query):
            yield hit


async def test_colon_and_ctrl_p_open_the_palette(workbench, make_run):
    make_run()
    async with workbench("results").run_test() as pilot:
        for key in ("colon", "ctrl+p"):
            await pilot.press(key)
            await pilot.pause()
            assert pilot.app.screen.query(Input)
            await pilot.press("escape")
            await pilot.pause()


async def test_question_mark_shows_the_keys(workbench, make_run, screen_text, settle):
    make_run()
    async with workbench("results").run_test() as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Help)
        assert "cifar-tui open RUN" in screen_text(pilot.app)
        await pilot.press("question_mark")
        await settle(pilot)
        assert not isinstance(pilot.app.screen, Help)


async def test_an_idle_screen_sends_nothing(workbench, make_run, settle, monkeypatch):
    make_run()
    async with workbench("results").run_test() as pilot:
        await settle(pilot, 0.4)
        sent = []
        monkeypatch.setattr(pilot.app, "_display", lambda *args: sent.append(args))
        pilot.app._scan_unless_scanning()
        await settle(pilot, 0.1)
        await asyncio.sleep(0.1)
        assert sent == []


async def test_light_colors_are_remembered(workbench, make_run):
    make_run()
    async with workbench("results").run_test() as pilot:
        assert pilot.app.current_theme.dark
        pilot.app.choose_theme("light")
        assert not pilot.app.current_theme.dark
    assert not workbench("results").current_theme.dark


async def test_quitting_does_not_wait_for_what_is_being_done(workbench, make_run, monkeypatch):
    make_run(state="stopped")
    monkeypatch.setattr(restart, "resume", lambda run: time.sleep(0.5))
    async with workbench("results").run_test() as pilot:
        await pilot.press("C", "c")
        began = time.monotonic()
    assert time.monotonic() - began < 5


async def test_nothing_is_animated(workbench):
    app = workbench("results")
    assert app.animation_level == "none"


async def test_no_color_still_shows_everything(workbench, make_run, screen_text, monkeypatch):
    run = make_run()
    monkeypatch.setenv("NO_COLOR", "1")
    async with workbench("results").run_test() as pilot:
        await pilot.pause()
        assert run.id[-4:] in screen_text(pilot.app)
        assert pilot.app.no_color


def test_an_unknown_run_screen_or_preset_is_refused_before_the_screen_is_touched(root: Path):
    with pytest.raises(BadInput, match="did you mean quickstart"):
        run_workbench(roots=[root], preset_flags={"preset": "quickstrat"})
    with pytest.raises(BadInput):
        run_workbench(roots=[root], open_run="zzzz")
    with pytest.raises(BadInput, match="choose from dashboard"):
        run_workbench(roots=[root], start_screen="nowhere")


async def test_a_dialog_answers_to_first_letters_and_to_enter(workbench, make_run, settle):
    make_run()
    answers = []
    async with workbench("results").run_test() as pilot:
        await settle(pilot)
        for keys in (("k",), ("right", "enter"), ("q",)):
            pilot.app.push_screen(Confirm("Sure?", "[b]data[/b]", [("stop", "Stop"), ("kill", "Kill")]), answers.append)
            await pilot.pause()
            assert [str(button.label) for button in pilot.app.screen.query(Button)] == ["Stop", "Kill"]
            await pilot.press(*keys)
            await pilot.pause()
    assert answers == ["kill", "kill", None]


def test_the_workbench_is_what_the_command_line_opens(root: Path, monkeypatch):
    seen = []

    def run(self: Workbench) -> None:
        seen.append((self._start_mode, self.workspace.draft))

    monkeypatch.setattr(Workbench, "run", run)
    assert run_workbench(roots=[root], preset_flags={"preset": "quickstart", "lr": 0.5}) == 0
    ((mode, draft),) = seen
    assert mode == "new_run"
    assert draft.command() == ["cifar-tui", "--preset", "quickstart", "--lr", "0.5", "--headless", "--detach"]


def test_the_workbench_knows_the_parts_that_a_run_brought_along(root: Path, tmp_path: Path, monkeypatch):
    own = tmp_path / "own.py"
    own.write_text(
        "from engine.contract.catalog import register\n\n"
        '@register("loss", title="Zero")\n'
        "def zero(logits, targets):\n"
        '    """Nothing to learn."""\n'
    )
    recipe = references.recipe_of("quickstart", catalog()).to_table() | {"loss": "zero"}
    run = create(root, resolve(recipe, catalog((own,))), seed=0, placement=Placement(parts=(str(own),)))
    own.unlink()
    sessions = []
    monkeypatch.setattr(Workbench, "run", lambda self: sessions.append(self.workspace))
    run_workbench(roots=[root], preset_flags={"preset": f"run:{run.id}"})
    (workspace,) = sessions
    assert workspace.parts == (str(run.parts / "own.py"),)
    assert "zero" in workspace.catalog.names("loss")
