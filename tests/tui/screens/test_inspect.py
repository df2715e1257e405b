"""Inspect at three sizes: its tabs and all of its keys."""

import re

import platformdirs
import pytest

from tests.tui.blank import wasted
from tests.tui.dashboard.reading import write_tested_once
from tests.tui.demo import Demo, write_run
from tests.tui.inspecting import facts_of
from tests.tui.keys.test_tables import click_on
from tests.tui.reading import text_of
from tui.commands.runs_show import show_run
from tui.inspection.confusion_tab import ConfusionTab
from tui.inspection.tab import Canvas, Tab
from tui.inspection.tabs import all_tabs
from tui.keys.inspect import KEYS, keys_in
from tui.screens.pick import Pick
from tui.widgets.key_line import KeyLine

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
TABS = [tab.title for tab in all_tabs()]


WORDS = {
    "Overview": ("result", "96.26", "like for like", "accuracy %"),
    "Confusion": ("confusion, test, images", "airpl", "most frequent mistakes"),
    "Mistakes": ("mistakes", "of 10,000", "most confident", "▀" * 32, "#"),
    "Disagree": ("no other marked run can be paired", "mark one with space"),
    "Recipe": ("changed from the preset", "model.init"),
    "Log": ("the newest first", "finished: last"),
}


@SIZES
async def test_every_tab_is_drawn_without_a_line_too_wide(shown, screen_text, ready, size):
    app = shown()
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        for tab in TABS:
            text = screen_text(app)
            for word in WORDS[tab]:
                assert word in text, text
            assert "seed 0" in text or size[0] == 80
            await pilot.press("tab")
            await ready(pilot)


@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
async def test_a_large_screen_has_no_large_blank(shown, screen_text, ready, size):
    app = shown(marked=(0, 1, 3))
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        for tab in ("Overview", "Confusion", "Mistakes", "Disagree"):
            lines = screen_text(app).splitlines()
            assert wasted(lines) == [], "\n".join([tab, *lines])
            await pilot.press("tab")
            await ready(pilot)


@SIZES
async def test_every_key_does_something_or_says_why_not(shown, settle, ready, size):
    """All keys of the table but those that leave the screen, in every tab, without an error."""
    app = shown(marked=(0, 1, 3))
    leaving = {"E", "R", "D", "t", "e"}
    async with app.run_test(size=size, notifications=True) as pilot:
        await ready(pilot)
        for _ in TABS:
            for row in KEYS:
                if row.names[0] not in leaving and not row.action.startswith("tab("):
                    await pilot.press(row.key.split(",")[0])
                if row.names[0] == "Y":
                    await settle(pilot)
                    assert type(app.screen).__name__ == "Pick", "it asks for the format"
                    await pilot.press("escape")
                    await settle(pilot)
            await settle(pilot)
            assert app.current_mode == "inspect" and type(app.screen).__name__ == "Inspect"
            app.screen.leave()
            await pilot.press("tab")
        await ready(pilot)


async def test_tab_and_clicks_on_titles_go_from_tab_to_tab(shown, screen_text, ready):
    app = shown()
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("shift+tab")
        await ready(pilot)
        assert "the newest first" in screen_text(app)
        await click_on(pilot, "Confusion")
        await ready(pilot)
        assert "confusion, test, images" in screen_text(app)


@SIZES
async def test_arrows_choose_a_cell_and_enter_shows_its_images(shown, screen_text, ready, size):
    app = shown()
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        await pilot.press("tab")
        await ready(pilot)
        assert app.screen._tabs[1]._cell(app.screen._facts.confused) == (3, 5)
        await pilot.press("left", "left", "enter")
        await ready(pilot)
        text = screen_text(app)
        assert "cat recognized" in text and "1 of 9" in text and "▀" * 32 in text
        await pilot.press("l")
        await ready(pilot)
        assert "2 of 9" in screen_text(app)
        await pilot.press("q")
        await ready(pilot)
        assert "confusion, test, images" in screen_text(app)
        await pilot.press("n", "o")
        await ready(pilot)
        assert "percent of the class" in screen_text(app)
        assert app.screen._tabs[1]._cell(app.screen._facts.confused) == (3, 3)


@SIZES
async def test_mistakes_are_walked_ordered_and_filtered_by_class(shown, screen_text, ready, size):
    app = shown(marked=(0, 1, 3))
    async with app.run_test(size=size, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("tab", "tab")
        await ready(pilot)
        tab, facts = app.screen._tabs[2], app.screen._facts
        count = int((facts.judged.answers.predicted != facts.judged.answers.labels).sum())
        assert f"{count} of 10,000" in screen_text(app) and screen_text(app).count("╭") == 1
        first = tab._places(facts, facts.judged)[0]
        await pilot.press("right", "enter")
        await ready(pilot)
        text = screen_text(app)
        assert f"2 of {count}" in text and "other marked runs on this image" in text and "of 3 say " in text
        await pilot.press("q", "o", "o", "o")
        await ready(pilot)
        places = tab._places(facts, facts.judged)
        assert places == sorted(places) and places[0] != first and tab._chosen == 0
        await pilot.press("c")
        await ready(pilot)
        assert "cat only" in screen_text(app)
        assert {int(facts.judged.answers.labels[place]) for place in tab._places(facts, facts.judged)} == {3}
        await pilot.press("s")
        await ready(pilot)
        suspects = tab._places(facts, facts.judged)
        assert suspects == list(facts.doubt.places) and suspects


@SIZES
async def test_page_keys_turn_pages_of_pictures(shown, screen_text, ready, size):
    app = shown()
    shown_images = re.compile(r"#(\d+)")
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        await pilot.press("tab", "tab")
        await ready(pilot)
        first = set(shown_images.findall(screen_text(app)))
        await pilot.press("pagedown")
        await ready(pilot)
        second = set(shown_images.findall(screen_text(app)))
        tab = app.screen._tabs[2]
        on_page = tab._across * tab.page_rows
        assert tab._chosen == on_page and len(second - first) >= on_page > 1, "the pane of suspects stays"
        await pilot.press("pageup")
        await ready(pilot)
        assert tab._chosen == 0 and set(shown_images.findall(screen_text(app))) == first


@SIZES
async def test_two_runs_are_compared_image_by_image(shown, screen_text, ready, size):
    app = shown(marked=(0, 1, 3))
    async with app.run_test(size=size, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("tab", "tab", "tab")
        await ready(pilot)
        first, second = app.screen._facts.disagreements
        counts, text = first.pair.counts, screen_text(app)
        assert f"{counts.both:,}" in text and "McNemar exact p" in text and "two seeds of one recipe (3 pairs)" in text
        assert f"■ {first.other.run[-4:]} right" in text
        await pilot.press("right", "enter")
        await ready(pilot)
        text = screen_text(app)
        assert f"2 of {counts.won + counts.lost}" in text and " not " in text and "▀" * 32 in text
        await pilot.press("c")
        await ready(pilot)
        assert "airplane only" in screen_text(app) or size[0] == 80
        await pilot.press("q", "v")
        await ready(pilot)
        assert f"▲ {second.other.run[-4:]} right" in screen_text(app)


async def test_suspects_need_three_marked_runs_of_two_recipes(shown, settle, ready):
    app = shown(marked=(0, 1))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("tab", "tab", "s")
        await settle(pilot)
        (note,) = app._notifications
        assert note.message == "suspects need 3 marked runs of 2 recipes; here are 2 of 1"


async def test_pictures_wait_for_the_last_key_and_a_key_cancels_them(shown, screen_text, ready):
    app = shown()
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("tab")
        await pilot.pause()
        assert "▀" not in screen_text(app) and "confusion, test, images" in screen_text(app)
        first = app.screen._rest
        await pilot.press("j")
        assert first is not None and app.screen._rest is not first
        await ready(pilot)
        assert "▀" * 32 in screen_text(app)


async def test_without_color_captions_and_the_path_stand_in_place_of_pictures(shown, monkeypatch, screen_text, ready):
    monkeypatch.setenv("NO_COLOR", "1")
    app = shown()
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("tab", "enter")
        await ready(pilot)
        text = screen_text(app)
        assert "▀" not in text and "cat → dog 0." in text and "cifar10.npz" in text


def test_a_hundred_classes_are_listed_worst_first_without_a_matrix(root):
    run = write_run(root, Demo(epochs_done=2, classes=[f"c{i}" for i in range(100)]))
    lines = text_of(ConfusionTab().draw(facts_of(run, [run]), Canvas(80, 24))).splitlines()
    assert any("up to 20 classes" in line for line in lines)
    figures = [float(line.split()[2]) for line in lines if line[:1] == "c" and line[1:2].isdigit()]
    assert len(figures) == 100 and figures == sorted(figures)


def test_a_run_tested_only_at_its_end_says_so_until_then(root):
    run = write_tested_once(root, tested=False)
    assert "tested at the end" in text_of(ConfusionTab().draw(facts_of(run, [run]), Canvas(80, 24)))


_ACTS = {"enter": "enter", "n": "numbers", "o": "order", "c": "choose_class", "s": "suspects", "v": "other"}
"""Keys of single tabs, and the method of a tab that does what the key says."""


@pytest.mark.parametrize("tab", all_tabs(), ids=TABS)
def test_the_key_line_of_a_tab_has_the_keys_that_mean_something_there(tab):
    shown = {row.names[0] for row in keys_in(tab.title) if row.footer}
    for key, act in _ACTS.items():
        assert (key in shown) == (getattr(type(tab), act) is not getattr(Tab, act)), (tab.title, key)
    assert ("[" in shown) == ("a" in shown) == (tab.title == "Overview")
    assert {"tab", ",", ".", "E"} <= shown


@SIZES
async def test_the_key_line_follows_the_tab(shown, ready, size):
    app = shown()
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        line = app.screen.query_one(KeyLine)
        assert "[ ] cursor" in line.text and "counts/percent" not in line.text
        await pilot.press("tab")
        await ready(pilot)
        assert "n counts/percent" in line.text and "cursor" not in line.text
        await click_on(pilot, "Mist")
        await ready(pilot)
        assert "s suspects" in line.text and "counts/percent" not in line.text


async def test_a_blank_row_stands_above_headings_where_there_is_room(shown, screen_text, ready):
    app = shown(marked=(0, 1, 3))
    async with app.run_test(size=(200, 50)) as pilot:
        await ready(pilot)
        for tab in TABS:
            lines = [line.ljust(200) for line in screen_text(app).splitlines()]
            for y, line in enumerate(lines[3:], 3) if tab not in ("Confusion", "Log") else ():
                for found in re.finditer(r"(?:^|  )━ (?=\w)", line):
                    assert not lines[y - 1][found.end() - 2 : found.end() + 8].strip(), "\n".join(lines[y - 1 : y + 1])
            await pilot.press("tab")
            await ready(pilot)


async def test_the_images_of_a_tab_are_exported_as_a_contact_sheet_where_it_has_some(shown, ready, until):
    app = shown(marked=(0, 3))
    folder = platformdirs.user_data_path("cifar-tui") / "exports"
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await ready(pilot)
        for tab in TABS:
            if tab not in ("Overview", "Recipe"):
                await pilot.press("Y")
                await until(pilot, lambda: isinstance(app.screen, Pick))
                await pilot.press("G", "enter")  # the last format
                ending = "json" if tab == "Log" else "png"
                file = folder / f"{tab.lower()}-{app.workspace.selected.id}.{ending}"
                await until(pilot, lambda file=file: any(f"as {file}" in note.message for note in app._notifications))
                assert (file.read_bytes()[:4] == b"\x89PNG") == (tab != "Log")
            await pilot.press("tab")
            await ready(pilot)


async def test_a_tab_is_exported_as_the_command_prints_it(made, shown, ready, until, monkeypatch, capsys):
    home, runs = made
    app = shown(marked=(0, 3))
    folder = platformdirs.user_data_path("cifar-tui") / "exports"
    files = {tab: folder / f"{tab.lower()}-{runs[0].id}.md" for tab in TABS}
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        for tab in TABS:
            await pilot.press("Y")
            await until(pilot, lambda: isinstance(app.screen, Pick))
            await pilot.press("j", "j", "enter")
            await until(pilot, files[tab].exists)
            await ready(pilot)
            await pilot.press("tab")
            await ready(pilot)
    for tab in TABS:
        capsys.readouterr()
        show_run(
            runs[0].id, tab.lower(), [runs[3].id], form="md", out=None, on="", order="", label="", cell="", image="",
            suspects=False, percent=False, plot=False, scalar="", baseline=None, glyphs=None, svg=None, as_json=False,
            runs_dir=[str(home / "runs")],
        )  # fmt: skip
        assert files[tab].read_text() == capsys.readouterr().out, tab


async def test_y_copies_the_order_and_the_class_that_keys_have_chosen(shown, ready):
    app = shown(marked=(0, 1))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("tab", "o", "n", "tab", "o", "o", "c", "y")
        assert " --order highest-loss --class " in app.clipboard
        await pilot.press("shift+tab", "y")
        assert app.clipboard.endswith(" --tab confusion --order similarity --percent")


async def test_y_copies_the_command_with_the_runs_that_the_tab_compares_with(made, shown, ready):
    ids = [run.id for run in made[1]]
    app = shown(marked=(0, 1, 3))
    app.workspace.baseline = made[1][1]
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        copied = {}
        for tab in TABS:
            if tab == "Disagree":
                await pilot.press("v")
            await pilot.press("y")
            copied[tab] = app.clipboard.removeprefix(f"cifar-tui runs show {ids[0]} --tab ")
            await pilot.press("tab")
    assert copied == {
        "Overview": f"overview --baseline {ids[1]}",
        "Confusion": "confusion",
        "Mistakes": f"mistakes --with {ids[1]} --with {ids[3]}",
        "Disagree": f"disagree --with {ids[3]} --with {ids[1]}",
        "Recipe": "recipe",
        "Log": "log",
    }
