"""Imported runs on disk: recognized by their files, complete or not there, and read-only in every respect."""

import numpy as np
import pytest

from engine.analysis.between_models import compare_models
from engine.analysis.chosen import by_recipe
from engine.analysis.history import History
from engine.analysis.judged import judge_recipes
from engine.analysis.marked import read_marked
from engine.contract.errors import BadInput
from engine.contract.run.index import Index
from engine.contract.run.store import runs_root
from engine.contract.run.summary import summarize
from engine.exchange.imports import write as writing
from engine.exchange.imports.write import existing, write
from engine.exchange.tensorboard.write import write_event_files
from engine.launch.restart import resume
from presets.references import look_up, recipe_to_save
from tests.engine.exchange.tensorboard.reading import curves
from tui.plans.again import repeat_of

SAME = (
    "epoch", "t", "train_loss", "train_accuracy", "train_mixed", "test_loss", "test_accuracy", "holdout_loss",
    "holdout_accuracy", "lr", "images_per_second", "grad_norm", "update_ratio", "nonfinite",
)  # fmt: skip


def test_importing_twice_changes_nothing_wherever_the_files_are(foreign_logs, imported, plans, tmp_path):
    run, _ = imported(foreign_logs / "torch" / "steps")
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for file in (foreign_logs / "torch" / "steps").iterdir():
        (copy / f"renamed.{file.name}").write_bytes(file.read_bytes())
    (again,) = plans(copy).values()
    before = sorted(runs_root().rglob("*"))
    assert existing(again, runs_root()) == run.id
    with pytest.raises(BadInput, match="there is a run"):
        write(again, runs_root())
    assert sorted(runs_root().rglob("*")) == before


def test_run_json_says_where_the_run_comes_from(foreign_logs, imported):
    run, _ = imported(foreign_logs / "keras")
    told = run.info().imported
    assert told["layout"] == "keras" and told["folder"] == str(foreign_logs / "keras" / "fit")
    assert [len(file["sha256"]) for file in told["files"]] == [64, 64]
    assert told["series"]["validation/epoch_loss"] == "holdout_loss"
    assert run.labels().name == "fit" and summarize(run).layout == "keras" and summarize(run).status == "finished"


def test_a_failure_leaves_nothing(foreign_logs, imported, monkeypatch):
    monkeypatch.setattr(writing, "write_scalars", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(BadInput, match="No space left"):
        imported(foreign_logs / "timm")
    assert list(runs_root().iterdir()) == []


def test_validation_is_no_test_unless_the_user_says_so(foreign_logs, imported):
    run, history = imported(foreign_logs / "timm", val_is_test=True)
    assert history.epoch("test_accuracy").tolist() == [0.4, 0.5, 0.6]
    row = summarize(run)
    assert (row.last_accuracy, row.best_accuracy, row.best_on) == (0.6, 0.6, "test")


def test_validation_figures_have_no_place_among_test_figures(foreign_logs, imported):
    row = summarize(imported(foreign_logs / "timm")[0])
    assert (row.last_accuracy, row.best_accuracy, row.best_on) == (None, None, "holdout")


def test_it_is_neither_resumed_repeated_nor_edited(foreign_logs, imported):
    run, _ = imported(foreign_logs / "timm")
    for attempt in (
        lambda: resume(run),
        lambda: look_up(f"run:{run.id}"),
        lambda: recipe_to_save(f"run:{run.id}"),
        lambda: repeat_of(run, None, [runs_root()]),
        run.recipe,
        run.inspect,
    ):
        with pytest.raises(BadInput) as refused:
            attempt()
        assert refused.value.problems[0].startswith(f"run {run.id} was imported (timm), so its recipe is unknown")
        assert "\n" not in refused.value.problems[0]


def test_it_is_compared_but_never_in_a_test_of_recipes(foreign_logs, plans, ended_run, small_recipe):
    ours = [ended_run(small_recipe, seed, [0.1, 0.3 + seed / 100]) for seed in range(3)]
    theirs = [write(one, runs_root()) for one in plans(foreign_logs / "torch", recipe_name="theirs").values()]
    rows = Index().rows([runs_root()])
    folders = [ours[0], *theirs]
    marked = read_marked(folders, ours[0].id)
    assert [one.changes for one in marked[1:]] == ["recipe unknown"] * len(theirs)
    reverse = read_marked([theirs[0], ours[0]], theirs[0].id)
    assert [one.changes for one in reverse] == ["recipe unknown", ours[0].info().preset or ours[0].info().model]
    recipes = judge_recipes(marked, ours[0].id, rows)
    assert recipes is None or recipes.rows == ()
    models = compare_models([one.row for one in marked], [one.run for one in marked], ours[0].id)
    assert all(np.isnan(row.p) for row in models.rows)
    assert judge_recipes(read_marked([theirs[0], ours[0]], theirs[0].id), theirs[0].id, rows) is None


def test_it_is_grouped_only_by_a_name_that_the_user_gives(foreign_logs, plans):
    alone = [write(one, runs_root()) for one in plans(foreign_logs / "lightning").values()]
    named = [write(one, runs_root()) for one in plans(foreign_logs / "torch", recipe_name="theirs").values()]
    groups = {group.recipe_id: group for group in by_recipe(map(summarize, [*alone, *named]))}
    assert len(groups) == len(alone) + 1
    assert len(groups["imported:theirs"].runs) == 3  # those with a test accuracy, each as a seed of its own
    assert {run.info().preset for run in named} == {"theirs"}


def test_ours_to_tensorboard_and_back_is_the_same(finished_run, imported, tmp_path):
    """Within single precision, which is what an event file holds; short decimal numbers are exactly the same."""
    run = finished_run()
    ours = History(run.events)
    ours.poll()
    back, history = imported(write_event_files(run, tmp_path))
    assert back.info().layout == "cifar-tui"
    for name in SAME:
        mine, theirs = ours.epoch(name), history.epoch(name)
        assert np.array_equal(mine.astype(np.float32), theirs.astype(np.float32), equal_nan=True) or name == "t", name
    for name in ("t", "test_accuracy"):
        assert np.array_equal(ours.epoch(name), history.epoch(name)), name
    assert np.array_equal(ours.per_class(), history.per_class())
    assert history.started.classes == ours.started.classes
    assert history.started.test_images == ours.started.test_images
    for one, other in zip(ours.epochs, history.epochs, strict=True):
        assert {key: np.float32(value) for key, value in one.seconds.items()} == other.seconds
        assert one.weights == other.weights
    assert (history.best.epoch, history.course.best_on) == (ours.best.epoch, ours.course.best_on)
    (folder,) = tmp_path.iterdir()
    assert curves(write_event_files(back, tmp_path / "again")) == curves(folder)
