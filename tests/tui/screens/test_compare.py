"""Compare and Inspect as a person meets them."""

import pytest

from presets.loader import Edits
from tests.tui.dashboard.reading import write_tested_once
from tests.tui.demo import Demo, write_run
from tui.screens.compare import Compare, ComparisonTable


@pytest.fixture
def runs(root):
    """Two finished seeds of one recipe, one run of another that goes on."""
    return [
        write_run(root, Demo(epochs_done=500, state="finished", seed=1, name="")),
        write_run(root, Demo(epochs_done=500, state="finished", seed=2, name="", shift=0.001)),
        write_run(root, Demo(epochs_done=30, name="", edits=Edits(sets=("optimizer.lr=0.01", "epochs=200")))),
    ]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_marked_runs_lie_over_each_other_with_their_table_and_differences(
    runs, workbench, screen_text, settle, size
):
    app = workbench("compare")
    app.session.marked, app.session.baseline = list(runs), runs[0]
    async with app.run_test(size=size) as pilot:
        await settle(pilot, 0.1)
        text = screen_text(app)
        assert "━ test accuracy % ─" in text
        for run in runs:
            assert text.count(run.id[-4:]) == 2, "in the gutter and in the table"
        assert "base" in text and "±0.37" in text
        assert "mean ± standard deviation over seeds" in text and "n=2" in text
        assert "2 fields differ" in text and "optimizer.lr" in text and "0.01" in text


async def test_the_difference_is_taken_at_the_same_epoch(runs, workbench, settle):
    app = workbench("compare")
    app.session.marked, app.session.baseline = list(runs), runs[0]
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot, 0.1)
        rows = [line.row for line in app.screen.query_one(ComparisonTable).lines if line.row]
        assert [row.at_epoch for row in rows] == [0, 500, 30]
        assert rows[2].against == pytest.approx(rows[2].last - app.screen._shown_views()[0].accuracy_at(30)[1])


async def test_every_difference_says_at_which_epoch_and_the_copied_command_measures_alike(
    runs, workbench, screen_text, settle, monkeypatch
):
    app = workbench("compare")
    app.session.marked, app.session.baseline = list(runs), runs[1]
    copied = []
    monkeypatch.setattr(app, "copy", lambda text, what: copied.append(text))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, 0.1)
        lines = screen_text(app).splitlines()
        row = {run.id[-4:]: next(line for line in reversed(lines) if f" {run.id[-4:]} " in line) for run in runs}
        assert "@ 500" in row[runs[0].id[-4:]] and "@ 30" in row[runs[2].id[-4:]] and "base" in row[runs[1].id[-4:]]
        await pilot.press("y")
        assert copied == [f"cifar-tui runs compare {runs[1].id} {runs[0].id} {runs[2].id}"]


async def test_the_keys_of_the_comparison(runs, workbench, screen_text, settle):
    app = workbench("compare")
    app.session.marked = list(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot, 0.1)
        await pilot.press("m")
        await settle(pilot)
        assert "━ test loss ─" in screen_text(app)
        await pilot.press("j", "b")
        assert app.session.baseline == runs[1]
        await pilot.press("space")
        await settle(pilot)
        assert runs[1] not in app.session.marked
        await pilot.press("z")
        await settle(pilot)
        assert "recipe" not in screen_text(app)
        await pilot.press("z", "k", "k", "enter")
        await settle(pilot, 0.1)
        assert app.current_mode == "dashboard" and app.session.selected == runs[0]


async def test_with_nothing_marked_it_says_how_to_mark(workbench, screen_text, settle):
    app = workbench("compare")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, 0.1)
        assert isinstance(app.screen, Compare) and "mark runs with space on Results (2), then press v" in screen_text(
            app
        )


async def test_a_recipe_that_cannot_be_read_is_said_and_its_curve_stays(runs, workbench, screen_text, settle):
    runs[0].recipe_toml.unlink()
    app = workbench("compare")
    app.session.marked = list(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot, 0.1)
        assert f"{runs[0].id[-4:]}: its recipe cannot be read" in screen_text(app)
        assert f"● {runs[0].id[-4:]}" in screen_text(app)


async def test_runs_tested_only_at_their_end_have_no_best_accuracy(root, workbench, screen_text, settle):
    app = workbench("compare")
    app.session.marked = [write_tested_once(root, tested=False)]
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot, 0.1)
        assert "tested at the end" in screen_text(app) and "no test yet" not in screen_text(app)
    app = workbench("compare")
    app.session.marked = [write_tested_once(root, tested=True) for _ in range(2)]
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot, 0.1)
        text = screen_text(app)
        assert "90.00" in text and "90.00*" not in text and "best epoch picked" not in text
