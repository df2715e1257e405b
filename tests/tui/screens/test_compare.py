"""Compare and Inspect as a person meets them."""

import platformdirs
import pytest
from textual.widgets import Input

from engine.analysis.judged import Judged
from engine.analysis.marked import mark, read_run
from presets.loader import Edits
from tests.tui.blank import wasted
from tests.tui.compared import known
from tests.tui.dashboard.reading import write_tested_once
from tests.tui.demo import Demo, write_run
from tests.tui.further import put_results
from tui.palette import ComparisonEntries
from tui.screens.compare import Compare
from tui.screens.compare_reader import CompareReader
from tui.screens.prompt import Prompt


@pytest.fixture
def runs(root):
    """Two finished seeds of one recipe, one run of another that goes on."""
    return [
        write_run(root, Demo(epochs_done=500, state="finished", seed=1, name="")),
        write_run(root, Demo(epochs_done=500, state="finished", seed=2, name="", shift=0.001)),
        write_run(root, Demo(epochs_done=30, name="", edits=Edits(sets=("optimizer.lr=0.01", "epochs=200")))),
    ]


SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])


@SIZES
async def test_marked_runs_lie_over_each_other_with_their_table_verdict_and_fields(
    judged_runs, workbench, screen_text, until, size
):
    app = workbench("compare")
    app.workspace.marked, app.workspace.baseline = judged_runs, judged_runs[0]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.press("j", "j")
        await pilot.pause()
        text = screen_text(app)
        assert "━ test accuracy % ─" in text and "┤" in text
        for mark, run in zip("●■▲◆", judged_runs, strict=True):
            assert f"{mark} {run.id[-4:]}" in text
        row = next(line for line in text.splitlines() if line.startswith("▸"))
        assert judged_runs[2].id[-4:] in row and "averaging=ema" in row and "±0." in row
        assert "verdict on these models, each against b" in text and "fewer mistakes" in text
        assert "fewer mistakes than" in text and "is better" not in text, "models are said to be models"
        assert "tab" in text and ("averaging" in text or size == (80, 24))
        if size != (80, 24):
            assert "2 of 7" in text and "not to be concluded" in text and "each run is n = 1" in text
            assert "per class" in text and "airplane" in text and "fixed" in text
            for head in ("94 %", "95 %", "96 %", "s/epoch"):
                assert head in text
        if size == (200, 50):
            assert "verdict on recipes" in text and "every seed" in text and "same as a command" in text


@pytest.mark.parametrize("marked", [1, 2, 4])
@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
async def test_a_large_screen_has_no_large_blank(judged_runs, workbench, screen_text, until, size, marked):
    app = workbench("compare")
    app.workspace.marked = judged_runs[:marked]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.pause()
        lines = screen_text(app).splitlines()
        assert wasted(lines) == [], "\n".join(lines)


@SIZES
async def test_recipes_are_judged_by_their_seeds(judged_runs, workbench, screen_text, until, size):
    app = workbench("compare")
    app.workspace.marked = judged_runs
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.press("o")
        await pilot.pause()
        text = screen_text(app)
        assert "verdict on recipes" in text and "no test" in text, "one seed of a recipe is not enough"
        assert app.screen._command().endswith("--by recipe")


async def test_curves_and_table_wait_for_no_verdict(judged_runs, workbench, screen_text, settle, monkeypatch):
    app = workbench("compare")
    app.workspace.marked = judged_runs
    monkeypatch.setattr(CompareReader, "read", lambda *_: iter(()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "reading the marked runs" in screen_text(app)
        app.screen._show(unjudged(judged_runs), app.screen._reading)
        await settle(pilot)
        text = screen_text(app)
        assert judged_runs[3].id[-4:] in text and "reading the predictions" in text


def unjudged(runs):
    return Judged(tuple(mark([read_run(run) for run in runs], runs[0].id)), runs[0].id)


async def test_the_difference_is_taken_at_the_same_epoch_and_the_row_says_where_it_differs(
    runs, workbench, screen_text, until, monkeypatch, settle
):
    app = workbench("compare")
    app.workspace.marked, app.workspace.baseline = list(runs), runs[1]
    copied = []
    monkeypatch.setattr(app, "copy", lambda text, what: copied.append(text))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.pause()
        rows = [one.row for one in app.screen._judged.marked]
        assert [row.at_epoch for row in rows] == [500, 0, 30]
        base = app.screen._judged.base.row.standing
        assert rows[2].against == pytest.approx(rows[2].last - base.accuracy_at(30))
        lines = [line for line in screen_text(app).splitlines() if "±0." in line]
        assert "@ 500" in lines[0] and "base" in lines[1] and "@ 30" in lines[2]
        await pilot.press("y")
        await settle(pilot)
        assert copied == [f"cifar-tui runs compare {runs[1].id} {runs[0].id} {runs[2].id}"]


@SIZES
async def test_every_key_of_the_comparison(runs, workbench, screen_text, settle, until, monkeypatch, size):
    app = workbench("compare")
    app.workspace.marked = list(runs)
    wide = size != (80, 24)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: known(app))

        async def after(*keys):
            await pilot.press(*keys)
            await settle(pilot)
            return screen_text(app)

        assert "━ test loss ─" in await after("m")
        assert "linear" in await after("m", "a", "a")
        for unit in ("step", "min", "% of schedule", "epoch"):
            assert unit in await after("x")
        assert "smooth .95" in await after("w")
        assert "y zoom +1" in await after("plus") and "y zoom -1" in await after("minus", "minus")
        await after("r")
        assert app.screen._options.x_range == "last half"
        assert "at 500" in await after("left") and "at 498" in await after("left", "left")
        assert "at 488" in await after("left_curly_bracket") and "at 499" in await after("right_curly_bracket", "right")
        text = await after("0")
        assert "at 49" not in text and "y fits last half" in text
        assert ("f differing only" in await after("f")) or not wide
        assert ("f all fields" in await after("f")) or not wide
        await after("tab")
        if wide:
            assert app.focused is app.screen._facts
            await after("j", "g", "tab")
        else:
            app.screen._lower = "verdict"
            app.screen._arrange()
            await settle(pilot)
            assert "per class" in await after("tab") and "fields differ" in await after("tab")
            assert "verdict" in await after("tab")
        assert "verdict on" in await after("o") and "no test" in await after("j", "j")
        await after("o", "k", "b")
        assert app.workspace.baseline == runs[1]
        await after("b")
        assert app.workspace.baseline is None
        await until(pilot, lambda: known(app))
        await after("space")
        assert runs[1] not in app.workspace.marked
        await after("u")
        await until(pilot, lambda: runs[1] in app.workspace.marked)
        assert "Δ base" not in await after("z")
        await after("z", "g", "N")
        assert isinstance(app.screen, Prompt) and app.screen.query_one(Input).value == "3"
        assert "This recipe has 2 seeds" in screen_text(app), "seeds 1 and 2 exist, and three are needed"
        await after("escape")
        app.action_go("results")
        app.action_go("compare")
        await settle(pilot)
        await after("i")
        assert app.current_mode == "inspect"
        app.action_go("compare")
        await settle(pilot)
        await after("g", "enter")
        assert app.current_mode == "dashboard" and app.workspace.selected == runs[0]


@SIZES
async def test_d_opens_disagree_with_the_run_under_the_cursor_and_the_baseline(
    judged_runs, workbench, screen_text, until, size
):
    app = workbench("compare")
    app.workspace.marked = list(judged_runs[:3])
    app.workspace.baseline = judged_runs[1]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.press("G", "d")
        await until(pilot, lambda: "these two models" in screen_text(app) or "churn" in screen_text(app))
        text = screen_text(app)
        assert app.current_mode == "inspect" and app.workspace.selected == judged_runs[2]
        assert judged_runs[2].id[-4:] in text and judged_runs[1].id[-4:] in text
        assert judged_runs[0].id[-4:] not in text
        await pilot.press("v")
        await until(pilot, lambda: judged_runs[0].id[-4:] in screen_text(app))
        await pilot.press("q")
        await until(pilot, lambda: app.current_mode == "compare")


async def test_with_nothing_marked_it_says_how_to_mark(workbench, screen_text, settle):
    app = workbench("compare")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, Compare) and "mark runs with space on Results (2), then press v" in screen_text(
            app
        )


async def test_a_recipe_that_cannot_be_read_is_said_and_its_curve_stays(runs, workbench, screen_text, settle):
    runs[0].recipe_toml.unlink()
    app = workbench("compare")
    app.workspace.marked = list(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert f"{runs[0].id[-4:]}: its recipe cannot be read" in screen_text(app)
        assert f"● {runs[0].id[-4:]}" in screen_text(app)


async def test_runs_tested_only_at_their_end_have_no_best_accuracy(root, workbench, screen_text, settle):
    app = workbench("compare")
    app.workspace.marked = [write_tested_once(root, tested=False)]
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "tested at the end" in screen_text(app) and "no test yet" not in screen_text(app)
    app = workbench("compare")
    app.workspace.marked = [write_tested_once(root, tested=True) for _ in range(2)]
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "90.00" in text and "90.00*" not in text and "best epoch picked" not in text


@pytest.mark.parametrize(("keys", "ending", "words"), [((), "txt", "(n = 1)"), (("j",), "md", "| id |")])
async def test_figures_are_exported_to_the_clipboard_and_to_a_file_whose_path_is_shown(
    judged_runs, workbench, settle, until, keys, ending, words
):
    app = workbench("compare")
    app.workspace.marked = judged_runs[2:]
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.press("Y", *keys, "enter")
        await settle(pilot)
        names = "-".join(run.id[-4:] for run in judged_runs[2:])
        file = platformdirs.user_data_path("cifar-tui") / "exports" / f"compare-{names}.{ending}"
        assert any(str(file) in note.message for note in app._notifications)
        assert file.read_text() == app.clipboard and words in app.clipboard


async def test_curves_and_tables_are_exported_as_svg(judged_runs, workbench, settle, until):
    app = workbench("compare")
    app.workspace.marked = judged_runs[2:]
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.press("Y", "G", "enter")
        await settle(pilot)
        (file,) = (platformdirs.user_data_path("cifar-tui") / "exports").iterdir()
        assert file.suffix == ".svg" and any(str(file) in note.message for note in app._notifications)
        content = file.read_text()
        assert "<polyline" in content and "test accuracy %" in content and judged_runs[2].id[-4:] in content


async def test_a_comparison_is_saved_listed_in_results_and_the_palette_and_opened_as_it_was(
    judged_runs, workbench, screen_text, settle, until
):
    app = workbench("compare")
    app.workspace.marked, app.workspace.baseline = judged_runs[1:], judged_runs[2]
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.press("o", "x", "a", "W", *"paper", "enter")
        await settle(pilot)
        assert any("cifar-tui compare paper" in note.message for note in app._notifications)
        app.workspace.mark([], "unmarked all")
        app.workspace.baseline = None
        await pilot.press("2")
        await settle(pilot)
        assert "V 1 comparison" in screen_text(app)
        found = [hit async for hit in ComparisonEntries(app.screen).search("comparison: paper")]
        assert [hit.text for hit in found] == ["comparison: paper"]
        await pilot.press("V", "enter")
        await until(pilot, lambda: app.current_mode == "compare" and known(app))
        await pilot.pause()
        assert app.workspace.marked == judged_runs[1:] and app.workspace.baseline == judged_runs[2]
        text = screen_text(app)
        assert "verdict on recipes" in text and "step" in text
        assert (app.screen._options.axis, app.screen._options.x) == ("log loss", "step")
        judged_runs[3].path.rename(judged_runs[3].path.with_name("elsewhere"))
        app.show_comparison("paper")
        await settle(pilot)
        assert any(f"no longer there: {judged_runs[3].id[-4:]}" in note.message for note in app._notifications)
        app.show_comparison("nothing")
        await settle(pilot)
        assert any("unknown comparison" in note.message for note in app._notifications)


async def test_runs_on_the_same_further_set_are_compared(workbench, root, screen_text, until, settle):
    made = [write_run(root, Demo(epochs_done=20, state="finished", seed=seed, name="")) for seed in (1, 2)]
    for seed, run in enumerate(made):
        put_results(run, seed, wrong=0.1 + 0.3 * seed)
    app = workbench("compare")
    app.workspace.marked = made
    async with app.run_test(size=(200, 50)) as pilot:
        await until(pilot, lambda: known(app) and app.screen._judged.on_sets)
        await settle(pilot)
        text = screen_text(app)
        assert "newer, 60 images (1 comparison)" in text and "more mistakes" in text
        assert "cifar10-c, 3 corruptions of 60 images (1 comparison)" in text
        (made[1].predicted / "newer.json").unlink()
        await until(pilot, lambda: "newer, 60 images (0 comparisons)" in screen_text(app))
