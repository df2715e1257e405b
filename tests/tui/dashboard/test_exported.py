"""Every figure that a pane of the Dashboard prints is in the charts and tables that an export writes of it."""

import math
import time

import pytest

from engine.contract.run.store import summarize
from tests.tui.dashboard.reading import view_of
from tests.tui.dashboard.stage import texts_of
from tests.tui.demo import Demo, write_run
from tests.tui.in_json import figures_without_source
from tui.dashboard import exported, panels
from tui.dashboard.accuracy_series import CurveStyle
from tui.dashboard.options import Options
from tui.dashboard.scene import Scene, Second
from tui.drawing.export_charts import chart_data, table_data

SIZES = [(80, 24), (100, 30), (120, 40), (160, 45), (200, 50)]


@pytest.fixture
def scene(root):
    runs = [write_run(root, Demo(epochs_done=9))]
    runs += [write_run(root, Demo(epochs_done=12, seed=seed)) for seed in (1, 2, 3)]
    runs.append(write_run(root, Demo(epochs_done=500, state="finished", seed=4, name="")))
    view, *seeds, done = map(view_of, runs)
    rows = [summarize(run) for run in runs]
    slots = {run.id: slot for slot, run in enumerate(runs)}
    own = str(runs[0].path)
    return Scene(
        view, view.status(), seeds[0], [seed.standing() for seed in seeds], panels.planned_rates(view),
        panels.others(rows, own, slots), Options(), here=panels.here(rows, own, slots), second=Second(done, CurveStyle.of(4)),
    )  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
async def test_every_figure_of_every_pane_is_in_the_charts_and_tables(scene, monkeypatch, size):
    now = time.time()
    texts = await texts_of(scene, size, monkeypatch, now)
    assert {"status", "accuracy", "lower", "classes", "gpu"} <= set(texts)
    if size[0] >= 160:
        assert {"health", "here", "second", "machine", "log-2"} <= set(texts)
    known = [
        [table_data(table) for table in exported.tables(scene, now)],
        [chart_data(chart) for chart in exported.charts(scene)],
        f"{len(scene.here)} runs here",
        f"and {len(scene.others) - 1} more",
    ]
    missing = {name: figures_without_source(text, *known) for name, text in texts.items()}
    assert not any(missing.values()), (missing, texts)


def test_the_tables_have_the_other_runs_only_where_they_are_shown(scene):
    titles = [table.title for table in exported.tables(scene, 0.0)]
    short = scene.second.view.short_id
    assert titles == [
        "progress", "accuracy", "per class, test", "devices", "health", "log", "also on", "runs here",
        f"devices of {short}", f"log of {short}",
    ]  # fmt: skip
    alone = exported.scene_of(scene.view, scene.state)
    assert [table.title for table in exported.tables(alone, 0.0)] == titles[:6]
    assert len(exported.charts(scene)) == len(exported.charts(alone)) + 1


def test_the_curves_are_those_on_the_screen_without_the_cursor(scene):
    by_step = Scene(scene.view, scene.state, scene.base, options=Options(x="step", cursor=5))
    first, loss = exported.charts(by_step)[:2]
    assert first.x_name == "step" and math.isnan(first.cursor)
    assert scene.base.short_id in [one.label for one in loss.series]


@pytest.mark.parametrize("ending", ["svg", "txt", "md", "tex", "csv", "json"])
def test_all_panes_are_written_in_every_format(scene, ending):
    written = exported.sheet_of(scene, 0.0).written(ending, "braille")
    words = ("runs here", f"devices of {scene.second.view.short_id}", "also on", "seed sd")
    assert all(word in written for word in words)
    assert ending in ("md", "tex", "csv") or f"{scene.base.short_id} base" in written, "no label is cut"
