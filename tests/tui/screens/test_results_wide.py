"""Results on large terminals and with a baseline: the preview at the right, the recipes, differences on the same images."""

import pytest

from engine.contract.run.index import Index
from engine.contract.run.store import RunFolder, find
from tests.tui.blank import wasted
from tests.tui.demo import ManyRuns, gallery
from tui.screens.results_preview import RunPreview
from tui.widgets.run_list import RunList
from tui.workspace import Workspace


@pytest.fixture(scope="session")
def pictures(made_once):
    """A runs folder with eighteen finished runs of several recipes, and their predictions."""

    def make(home):
        (home / "runs").mkdir()
        (home / "ids").write_text(" ".join(run.id for run in gallery(home / "runs")))
        Index(home / "gallery.sqlite").rows([home / "runs"])

    root = made_once("gallery", make) / "runs"
    return root, [find([root], run) for run in (root.parent / "ids").read_text().split()]


@pytest.fixture
def shown(pictures, tmp_path, workbench):
    """Makes the workbench over these runs, with the third as the baseline."""
    root, runs = pictures

    def make(baseline: RunFolder | None = runs[2], keep: int = 18):
        app = workbench("results")
        app.workspace = Workspace(
            [root], state_file=tmp_path / "state.json", index=Index(root.parent / "gallery.sqlite")
        )
        app.workspace.refresh()
        app.workspace.baseline = baseline
        app.workspace.selected = runs[min(5, keep - 1)]
        kept = {run.id for run in runs[:keep]}
        app.workspace._rows = [row for row in app.workspace.summaries() if row.id in kept]
        return app

    return make


def compared(app):
    """Whether the rows in sight were compared with the baseline, and the run under the cursor is previewed."""
    screen = app.screen
    rows = screen.query_one(RunList)
    known = all(row.folder in screen._marks.against for row in rows.in_sight if row.id != screen._marks.baseline.id)
    return known and screen.query_one(RunPreview)._shown is not None


@pytest.mark.parametrize("keep", [18, 6, 4])
@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
async def test_a_large_screen_has_no_large_blank(shown, screen_text, settle, until, size, keep):
    app = shown(keep=keep)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: compared(app))
        await settle(pilot)
        lines = screen_text(app).splitlines()
        assert wasted(lines) == [], "\n".join(lines)


@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
async def test_the_preview_stands_at_the_right_and_answers_the_next_questions(
    shown, pictures, screen_text, until, size
):
    app, runs = shown(), pictures[1]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: compared(app))
        text = screen_text(app)
        for words in ("accuracy %", "per class, test %", "cat", "by recipe", "files and command", "note"):
            assert words in text
        assert f"{runs[5].id[-4:]}  resnet34_cutmix" in text
        assert f"fewer mistakes than {runs[2].id[-4:]} on the same 10,000" in text
        assert "(95 % CI of one run)" in text and f"points to b {runs[2].id[-4:]}" in text


async def test_differences_stand_around_a_zero_line_and_only_the_rows_in_sight_are_read(
    shown, pictures, screen_text, until, monkeypatch
):
    from engine.analysis import against_files

    read = []
    real = against_files.answers
    monkeypatch.setattr(against_files, "answers", lambda row: read.append(row.id) or real(row))
    app, runs = shown(), pictures[1]
    async with app.run_test(size=(200, 30)) as pilot:
        await until(pilot, lambda: compared(app))
        table = app.screen.query_one(RunList)
        assert len(read) == len(set(read)), "each file once"
        assert set(read) <= {row.id for row in table.in_sight} | {runs[2].id}
        before = len(read)
        row = next(line for line in screen_text(app).splitlines() if runs[3].id[-4:] in line)
        assert "│" in row and "━•━" in row and "+0.8" in row
        await pilot.press("k", "j")
        await until(pilot, lambda: compared(app))
        assert len(read) == before, "what is known is not read again"


async def test_without_a_baseline_the_columns_give_their_place_and_the_preview_says_how_to_get_one(
    shown, screen_text, until
):
    app = shown(None)
    async with app.run_test(size=(200, 50)) as pilot:
        await until(pilot, lambda: app.screen.query_one(RunPreview)._shown is not None)
        text = screen_text(app)
        assert "no baseline: b makes the run under the cursor the baseline" in text and "Δ base" not in text
        await pilot.press("b")
        await pilot.pause()
        assert "Δ base" in screen_text(app)


async def test_u_takes_the_baseline_back(shown, pictures, settle):
    app, runs = shown(), pictures[1]
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("b")
        await settle(pilot)
        assert app.workspace.baseline == runs[5]
        await pilot.press("u")
        await settle(pilot)
        assert app.workspace.baseline == runs[2]


async def test_ten_thousand_runs_read_no_predictions_but_those_in_sight(workbench, until, monkeypatch):
    from engine.analysis import against_files

    read = []
    monkeypatch.setattr(
        against_files.AgainstBaseline, "_compare", lambda self, run: read.append(run.id) or against_files.Against()
    )
    app = workbench("results", index=ManyRuns(10_000))
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.press("b")
        await until(pilot, lambda: read)
        await pilot.pause(0.3)
        assert len(read) <= 50
