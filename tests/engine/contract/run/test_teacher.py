"""Finding a teacher: what a person may write, what is recorded, and every run that cannot be one."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.changes import changes
from engine.contract.recipe.overrides import apply_set
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from engine.contract.run.checkpoints import write_meta
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Finished, RunStarted, Stopped
from engine.contract.run.store import RunFolder, create, in_trash, remove, restore
from engine.contract.run.teacher import teacher_of, with_teacher


def recipe(**changes: Any) -> Recipe:
    table = {"epochs": 3, "batch_size": 8, "model": "lenet", "augmentation": [], "optimizer": {"name": "sgd"}}
    return resolve(table | changes, catalog())


def student(teacher: str = "@last", **changes: Any) -> Recipe:
    return recipe(loss={"name": "distillation", "teacher": teacher}, **changes)


def teach(root: Path, *, closing: Any = None, epochs: tuple[int, ...] = (2, 3), **changes: Any) -> RunFolder:
    """A run with the files of a finished one: events, and weights of some epochs."""
    run = create(root, recipe(**changes), seed=0)
    run.add_label(name="the master")
    with EventWriter(run.events) as writer:
        writer.write(RunStarted())
        writer.write(Epoch(epoch=3, test_accuracy=0.5, weights="ema"))
        writer.write(closing or Finished(epochs=3, last_accuracy=0.5, weights="ema"))
    for epoch in epochs:
        keep(run, epoch, f"weights of epoch {epoch}")
    return run


def keep(run: RunFolder, epoch: int, weights: str) -> str:
    folder = run.checkpoints / f"epoch-{epoch:04d}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.pt").write_text(weights)
    digest = hashlib.sha256(weights.encode()).hexdigest()
    meta = {"epoch": epoch, "step": 0, "files": {"weights.pt": {"sha256": digest, "bytes": len(weights)}}}
    write_meta(folder, meta)
    return digest


def refusal(chosen: Recipe, root: Path) -> str:
    with pytest.raises(BadInput) as caught:
        with_teacher(chosen, [root], catalog())
    return str(caught.value)


def test_a_recipe_without_a_teacher_comes_back_as_it_is(root: Path) -> None:
    plain = recipe()
    assert with_teacher(plain, [root], catalog()) == (plain, {})


@pytest.mark.parametrize("way", ["id", "last four", "name", "@last", "folder"])
def test_whatever_a_person_writes_becomes_the_full_id(root: Path, way: str) -> None:
    run = teach(root)
    written = {"id": run.id, "last four": run.id[-4:], "name": "the master", "@last": "@last", "folder": str(run.path)}
    found, entry = with_teacher(student(written[way]), [root], catalog())
    assert found.loss.options["teacher"] == run.id
    assert found.recipe_id == student(run.id).recipe_id
    assert entry == {
        "id": run.id,
        "folder": str(run.path),
        "recipe_id": run.info().recipe_id,
        "model": "lenet",
        "epoch": 3,
        "weights": "ema",
        "sha256": hashlib.sha256(b"weights of epoch 3").hexdigest(),
    }
    assert with_teacher(found, [root], catalog()) == (found, entry)


def test_a_listing_says_who_teaches(root: Path) -> None:
    run = teach(root)
    found, _ = with_teacher(student(), [root], catalog())
    assert changes(recipe(), found, catalog()) == f"loss=distillation teacher {run.id}"


@pytest.mark.parametrize("text", ["1234", "0012", "1e10", '"0012"'])
def test_an_id_that_looks_like_a_number_is_text(text: str) -> None:
    table = recipe().to_table() | {"loss": "distillation"}
    found = resolve(apply_set(table, f"loss.teacher={text}"), catalog())
    assert found.loss.options["teacher"] == text.strip('"')


def test_a_teacher_is_looked_for_in_every_runs_folder(root: Path, tmp_path: Path) -> None:
    run = teach(tmp_path / "others")
    found, _ = with_teacher(student(run.id), [root, tmp_path / "others"], catalog())
    assert found.loss.options["teacher"] == run.id


def test_no_teacher_says_how_to_name_one(root: Path) -> None:
    assert refusal(student(""), root) == (
        "loss.teacher: name a finished run as the teacher: its id, the last four characters of it, its name, its folder or @last"
    )


@pytest.mark.parametrize("name", ["20200101-000000-zzzz", "/nowhere/20200101-000000-zzzz", "nobody"])
def test_an_unknown_run_is_refused(root: Path, name: str) -> None:
    teach(root)
    assert refusal(student(name), root).startswith("loss.teacher: ")
    assert name in refusal(student(name), root)


def test_a_run_that_has_not_finished_is_refused(root: Path) -> None:
    run = teach(root, closing=Stopped(epoch=3))
    assert refusal(student(), root) == f"loss.teacher: run {run.id} is stopped; a teacher must be finished"


def test_a_run_that_keeps_no_weights_is_refused(root: Path) -> None:
    run = teach(root, epochs=())
    assert f"run {run.id} has no weights" in refusal(student(), root)


def test_a_run_on_other_classes_is_refused(root: Path) -> None:
    run = teach(root, data={"name": "cifar100"})
    assert refusal(student(data={"name": "cifar10"}), root) == (
        f"loss.teacher: run {run.id} was trained on cifar100 (100 classes), but this recipe uses cifar10 (10 classes)"
    )


def test_a_damaged_checkpoint_does_not_hide_the_others(root: Path) -> None:
    run = teach(root)
    (run.checkpoints / "epoch-0003" / "meta.json").write_text("{")
    assert with_teacher(student(), [root], catalog())[1]["epoch"] == 2


# --- a run that has a teacher -------------------------------------------------------------------------------------


def taught(root: Path) -> tuple[RunFolder, RunFolder]:
    """A teacher and a run made with it."""
    teacher = teach(root)
    found, entry = with_teacher(student(), [root], catalog())
    return teacher, create(root, found, seed=0, teacher=entry)


def test_a_run_finds_its_teacher_again(root: Path) -> None:
    teacher, run = taught(root)
    record, folder = teacher_of(run)
    assert folder == teacher
    assert (record.id, record.epoch, record.weights) == (teacher.id, 3, "ema")


def test_runs_that_moved_together_find_each_other(root: Path, tmp_path: Path) -> None:
    teacher, run = taught(root)
    root.rename(tmp_path / "elsewhere")
    assert teacher_of(RunFolder(tmp_path / "elsewhere" / run.id))[1].path == tmp_path / "elsewhere" / teacher.id


def test_a_teacher_that_is_gone_is_refused(root: Path) -> None:
    teacher, run = taught(root)
    teacher.path.rename(teacher.path.with_name(".removed"))
    with pytest.raises(BadInput, match=f"^loss.teacher: run {teacher.id} is gone; it was in ") as refused:
        teacher_of(run)
    assert "trash" not in str(refused.value)


def test_a_teacher_in_the_trash_is_refused_with_the_way_back(root: Path) -> None:
    teacher, run = taught(root)
    remove(teacher, [root])
    with pytest.raises(BadInput, match=f"`cifar-tui runs restore {teacher.id}` brings it back from the trash"):
        teacher_of(run)
    restore(*in_trash(root), [root])
    assert teacher_of(run)[1] == teacher


def test_a_teacher_with_other_weights_is_refused(root: Path) -> None:
    teacher, run = taught(root)
    digest = keep(teacher, 3, "others")
    with pytest.raises(BadInput, match=rf"run {teacher.id} have changed \(SHA-256 {digest[:12]}, "):
        teacher_of(run)


def test_a_run_whose_teacher_was_never_looked_up_is_refused(root: Path) -> None:
    with pytest.raises(BadInput, match="no teacher is recorded"):
        teacher_of(create(root, student("x"), seed=0))
