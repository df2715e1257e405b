"""Runs of other programs in the workbench: in Results, on the Dashboard and in Compare, and nothing starts from them."""

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from engine.contract.run.folder import RunFolder
from engine.exchange.imports.layouts import find_runs
from engine.exchange.imports.plan import ImportOptions, plan
from engine.exchange.imports.write import write

TAGS = {"Loss/Training": 0.5, "Loss/Test": 0.6, "Accuracy/Train": 0.99, "Accuracy/Test": 0.9626}


@pytest.fixture
def published(root, tmp_path) -> RunFolder:
    """A run with the tags of Niwenjin/CIFAR-10, whose accuracies end at 96.26 %."""
    writer = EventFileWriter(str(tmp_path / "logs" / "train3"))
    for epoch in range(1, 21):
        values = [Summary.Value(tag=tag, simple_value=value * epoch / 20) for tag, value in TAGS.items()]
        writer.add_event(Event(wall_time=1.7e9 + 60 * epoch, step=epoch, summary=Summary(value=values)))
    writer.close()
    (found,) = find_runs(tmp_path / "logs")
    return write(plan(found, ImportOptions()), root)


async def test_results_say_where_a_run_comes_from(workbench, make_run, published, screen_text, until):
    make_run(accuracy=0.9)
    async with workbench("results").run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: "origin" in screen_text(pilot.app))
        seen = screen_text(pilot.app)
        assert "tensorbo" in seen and "train3" in seen and "96.26" in seen


async def test_the_dashboard_shows_its_curves(workbench, published, screen_text, until):
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "train3" in screen_text(pilot.app))
        app.open_run(published)
        await until(pilot, lambda: "accuracy %" in screen_text(app) and "last 96.26" in screen_text(app))
        seen = screen_text(app)
        assert "train3" in seen and "epoch 20" in seen and "imported (tensorboard)" in seen


async def test_a_run_of_ours_is_compared_with_the_published_one(workbench, make_run, published, screen_text, until):
    ours = make_run(accuracy=0.97)
    app = workbench("results")
    for run in (published, ours):
        app.workspace.toggle_mark(run)
    async with app.run_test(size=(160, 45)) as pilot:
        app.visit("compare")
        await until(pilot, lambda: "97.00" in screen_text(app) and "no predictions" in screen_text(app))
        seen = screen_text(app)
        assert "96.26*" in seen and "+0.74" in seen and "no test (no predictions)" in seen
        (mine,) = (line for line in seen.splitlines() if ours.id[-4:] in line and "97.00*" in line)
        assert "quickstart" in mine, "the preset of ours stands where the differences to a known recipe would"
        (row,) = (line for line in seen.splitlines() if published.id[-4:] in line and "96.26*" in line)
        assert row.partition("96.26")[0].split()[-1] == "-", "the seed of an imported run is not known"


async def test_inspect_shows_no_seed_and_how_the_run_was_read(workbench, published, screen_text, until):
    app = workbench("results")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: "train3" in screen_text(app))
        app.workspace.selected = published
        app.visit("inspect")
        await until(pilot, lambda: "imported without its recipe" in screen_text(app))
        title = screen_text(app).splitlines()[1]
        assert "imported (tensorboard)" in title and "seed" not in title
        await pilot.press("tab", "tab", "tab", "tab")
        await until(pilot, lambda: "so its recipe is unknown" in screen_text(app))
        assert "cifar-tui runs import" in screen_text(app) and "--preset run:" not in screen_text(app)


@pytest.mark.parametrize("key", ["R", "E"])
async def test_a_key_that_needs_a_recipe_is_answered_in_one_line(workbench, published, screen_text, until, settle, key):
    app = workbench("results")
    async with app.run_test(size=(200, 40), notifications=True) as pilot:
        await until(pilot, lambda: "train3" in screen_text(app))
        await pilot.press(key)
        await settle(pilot)
        await until(pilot, lambda: "its recipe is unknown" in " ".join(screen_text(app).split()))
        assert app.workspace.start.started == []
