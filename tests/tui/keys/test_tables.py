"""The key table as a whole, walked: no two acts on one key of a screen, and the palette offers and runs every act."""

import re

import pytest
from textual.app import App
from textual.events import MouseScrollDown, MouseScrollUp

from tests.tui.demo import Demo, write_run
from tui.keys.common import GLOBAL, MOVING
from tui.keys.families import ACTS, CHARTS, LISTS, OTHER_RUN, in_line, take
from tui.keys.key import Key, by_name
from tui.keys.press import rows_of
from tui.keys.tables import TABLES, whole_table
from tui.palette import ActionEntries

SAME = {
    ("results", "enter"), ("compare", "enter"), ("new_run", "enter"), ("queue", "enter"), ("suites", "enter"),  # choose
    ("new_run", "u"),  # undoes the last change, there of the form
    ("queue", "5"), ("suites", "5"),  # the two halves of section 5
    ("log", "q"), ("log", "escape"),  # leaves the log
}  # fmt: skip
"""(screen, key) where a row of the screen's own does what the common row says, in its own words."""
MODES = pytest.mark.parametrize("mode", TABLES)


def keys_of(rows):
    return [key for row in rows for key in row.key.split(",")]


@MODES
def test_no_two_acts_on_one_key_of_a_screen(mode):
    own, common = keys_of(TABLES[mode]), keys_of((*MOVING, *GLOBAL))
    assert len(own) == len(set(own)) and len(common) == len(set(common))
    lists = mode not in ("inspect", "dashboard")
    clash = set(own) & set(common if lists else keys_of(GLOBAL))
    assert {(mode, key) for key in clash} == {pair for pair in SAME if pair[0] == mode}


@MODES
def test_a_key_means_the_same_on_every_screen_that_has_it(mode):
    family = {row.action: row for row in (*ACTS, *CHARTS, *LISTS, *OTHER_RUN)}
    for row in TABLES[mode]:
        if row.action in family and row.action not in ("cursor", "find"):
            assert row.key == family[row.action].key, row


@MODES
def test_every_label_is_told_apart_from_the_others_of_its_screen(mode):
    labels = [row.label for row in whole_table(TABLES[mode], moves=True)]
    assert {label for label in labels if labels.count(label) > 1} <= {"run", "cursor", "cursor by ten"}


def test_a_family_gives_the_rows_asked_for_and_the_key_line_its_order():
    rows = in_line(take(ACTS, "S C E"), "E S|C")
    assert [(row.names[0], row.footer) for row in rows] == [("S", 2), ("C", 2), ("E", 1)]
    with pytest.raises(AssertionError):
        take(ACTS, "S no")


# --- on the screens -------------------------------------------------------------------------------------------


@pytest.fixture
async def on_screen(root, workbench, settle):
    """Opens a screen of the workbench over two runs, one of them selected and marked."""
    runs = [write_run(root, Demo(epochs_done=3, state="finished", seed=seed)) for seed in range(2)]

    async def open_it(pilot, mode):
        app = pilot.app
        if mode == "suites":
            app.show_suite("")
        elif mode == "log":
            await pilot.press("l")
        await settle(pilot)
        return app.screen

    def make(mode):
        app = workbench(mode if mode not in ("suites", "log") else "dashboard")
        app.workspace.selected = runs[0]
        app.workspace.marked = [runs[0]]
        return app, open_it

    return make


@MODES
async def test_typing_a_label_into_the_palette_offers_the_act_with_its_key_and_runs_it(on_screen, monkeypatch, mode):
    app, open_it = on_screen(mode)
    ran = []

    async def remember(app, action, default_namespace=None, namespaces=None):
        ran.append((action, default_namespace))
        return True

    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_it(pilot, mode)
        assert tuple(screen.KEYS) == TABLES[mode]
        monkeypatch.setattr(App, "run_action", remember)
        palette = ActionEntries(screen)
        for row in rows_of(screen):
            if row.action == "app.command_palette":
                continue
            shown = f"{row.label}  {' '.join(row.names)}"
            hits = [hit async for hit in palette.search(row.label)]
            best = max(hit.score for hit in hits)
            (hit,) = [hit for hit in hits if str(hit.match_display) == shown]
            assert hit.score == best and hit.help, row
            await hit.command()
            action, carrier = ran.pop()
            name = action.split("(")[0].removeprefix("app.")
            assert action == row.action
            assert callable(getattr(app if row.action.startswith("app.") else carrier, f"action_{name}")), row


@MODES
async def test_before_anything_is_typed_the_palette_shows_the_acts_of_the_screen(on_screen, mode):
    app, open_it = on_screen(mode)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_it(pilot, mode)
        shown = [str(hit.text) async for hit in ActionEntries(screen).discover()]
        assert shown == [row.label for row in TABLES[mode]]


@pytest.mark.parametrize(
    ("mode", "typed", "seen"),
    [
        ("results", "sort", lambda app: type(app.screen).__name__ == "Pick"),
        ("dashboard", "delete", lambda app: type(app.screen).__name__ == "Confirm"),
        ("inspect", "note", lambda app: type(app.screen).__name__ == "Prompt"),
        ("queue", "suites", lambda app: type(app.screen).__name__ == "Suites"),
        ("new_run", "save preset", lambda app: type(app.screen).__name__ == "Prompt"),
        ("compare", "inspect", lambda app: app.current_mode == "inspect"),
    ],
)
async def test_the_real_palette_does_what_the_key_does(on_screen, settle, mode, typed, seen):
    app, open_it = on_screen(mode)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_it(pilot, mode)
        await pilot.press("ctrl+p")
        await settle(pilot)
        await pilot.press(*typed)
        await settle(pilot, 0.4)
        await pilot.press("enter")
        await settle(pilot, 0.2)
        assert seen(app), app.screen


@pytest.mark.parametrize(("mode", "old", "words"), [("new_run", "w", "W saves"), ("suites", "t", "p picks")])
async def test_a_key_that_moved_says_where_it_went(on_screen, until, mode, old, words):
    app, open_it = on_screen(mode)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await open_it(pilot, mode)
        await pilot.press(old)
        await until(pilot, lambda: any(words in note.message for note in app._notifications))


async def test_five_goes_to_and_fro_between_queue_and_suites(on_screen, settle):
    app, open_it = on_screen("queue")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_it(pilot, "queue")
        for name in ("Suites", "Queue", "Suites"):
            await pilot.press("5")
            await settle(pilot)
            assert type(app.screen).__name__ == name


# --- the mouse ------------------------------------------------------------------------------------------------


async def click_on(pilot, text, selector=""):
    """Click in the middle of a text on the screen."""
    for y, strip in enumerate(pilot.app.screen._compositor.render_strips()):
        if text in strip.text:
            await pilot.click(offset=(strip.text.index(text) + len(text) // 2, y))
            return
    raise AssertionError(f"{text!r} is not on the screen")


@pytest.mark.parametrize("title", ["2 Results", "5 Queue", "6 Inspect"])
async def test_a_click_on_a_tab_opens_it(on_screen, settle, title):
    app, open_it = on_screen("dashboard")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_it(pilot, "dashboard")
        await click_on(pilot, title)
        await settle(pilot)
        assert app.current_mode == title[2:].lower()


@pytest.mark.parametrize("hint", ["E edit as new", "edit as"])
async def test_a_click_on_a_hint_of_the_key_line_presses_the_key(on_screen, settle, hint):
    app, open_it = on_screen("dashboard")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_it(pilot, "dashboard")
        await click_on(pilot, hint)
        await settle(pilot, 0.2)
        assert app.current_mode == "new_run"


async def test_a_click_on_a_hint_in_a_dialog_presses_its_key(on_screen, settle):
    app, open_it = on_screen("results")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_it(pilot, "results")
        await pilot.press("s")
        await settle(pilot)
        await click_on(pilot, "q close")
        await settle(pilot)
        assert type(app.screen).__name__ == "Results"
        await pilot.press("e")
        await settle(pilot)
        await click_on(pilot, "esc cancel")
        await settle(pilot)
        assert type(app.screen).__name__ == "Results"


async def test_a_click_on_a_column_head_sorts_by_it_and_a_second_reverses(on_screen, settle):
    app, open_it = on_screen("results")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_it(pilot, "results")
        await click_on(pilot, " epoch")
        await settle(pilot)
        assert (screen._sort, screen._reverse) == ("epoch", False)
        await click_on(pilot, "epoch↓")
        await settle(pilot)
        assert (screen._sort, screen._reverse) == ("epoch", True)
        await click_on(pilot, "   id ")
        assert (screen._sort, screen._reverse) == ("epoch", True)


async def test_the_wheel_scrolls_what_is_under_it(on_screen, settle):
    app, open_it = on_screen("inspect")
    async with app.run_test(size=(80, 18)) as pilot:
        screen = await open_it(pilot, "inspect")

        def page():
            return re.sub(r"\d+ s ago", "N s ago", screen.query_one("#page").text)

        before = page()
        await pilot._post_mouse_events([MouseScrollDown], "#page", button=0)
        await settle(pilot)
        assert page() != before
        await pilot._post_mouse_events([MouseScrollUp], "#page", button=0)
        await settle(pilot)
        assert page() == before


async def test_the_wheel_scrolls_a_list_and_leaves_its_cursor(on_screen, settle):
    app, open_it = on_screen("results")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_it(pilot, "results")
        await pilot.press("question_mark")
        await settle(pilot)
        sheet = app.screen.query_one("#sheet")
        await pilot._post_mouse_events([MouseScrollDown], "#sheet", button=0)
        await settle(pilot)
        assert sheet.scroll_offset.y > 0 and sheet.cursor == 0


def test_a_name_finds_its_row():
    rows = (Key("comma,j", "a", "x", "X."), Key("S", "b", "y", "Y."))
    assert by_name(rows, ",") is rows[0] and by_name(rows, "S") is rows[1] and by_name(rows, "no") is None
