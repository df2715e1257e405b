"""What a user may write for initial weights, what is recorded of them, and what makes two recipes the same."""

import shutil

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.changes import changes
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import PIN, Placement, Recipe
from engine.contract.run.initial import file_of, initial_of, with_initial
from engine.contract.run.store import create, runs_root
from engine.loop.checkpoint_files import load_weights

TABLE = {"epochs": 1, "batch_size": 32, "model": "lenet", "optimizer": {"name": "sgd", "lr": 0.1}}


def recipe(init_from: str = "") -> Recipe:
    return resolve(TABLE | ({"init_from": init_from} if init_from else {}), catalog())


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.pth"
    torch.save({"a": torch.ones(3)}, path)
    return path


def test_without_initial_weights_nothing_changes():
    plain = recipe()
    assert with_initial(plain, []) == (plain, {})
    assert "init_from" not in plain.to_table() and "init_from" not in plain.to_toml()


def test_a_file_is_recorded_with_its_hash(file):
    found, initial = with_initial(recipe(str(file)), [])
    assert found.init_from == f"{file}{PIN}{initial['sha256']}"
    assert (initial["source"], initial["path"]) == ("file", str(file))
    assert resolve(found.to_table(), catalog()) == found  # the resolved recipe is a valid preset


def test_the_id_depends_on_the_weights_and_not_on_their_place(file, tmp_path):
    copy = tmp_path / "elsewhere" / "y.pth"
    copy.parent.mkdir()
    shutil.copy(file, copy)
    other = tmp_path / "z.pth"
    torch.save({"a": torch.zeros(3)}, other)
    ids = [with_initial(recipe(str(path)), [])[0].recipe_id for path in (file, copy, other)]
    assert ids[0] == ids[1] and len({*ids, recipe().recipe_id}) == 3


def test_a_hash_in_the_recipe_is_checked(file):
    found, _ = with_initial(recipe(str(file)), [])
    assert with_initial(found, [])[0] == found
    torch.save({"a": torch.zeros(3)}, file)
    with pytest.raises(BadInput, match=r"^init_from: .*x.pth has changed: its SHA-256 is \w{12}, not \w{12}"):
        with_initial(found, [])


def test_runs_are_found_by_the_usual_references(finished_run):
    run, roots = finished_run(), [runs_root()]
    for ref, which in ((run.id, "final"), ("tiny", "final"), (f"{run.id[-4:]}:best", "best"), ("@last:ema", "ema")):
        found, initial = with_initial(recipe(ref), roots)
        assert (initial["run"], initial["weights"]) == (run.id, which)
        assert found.init_from.startswith(run.id if which == "final" else f"{run.id}:{which}@sha256:")
        assert with_initial(found, roots)[0] == found
    weights = torch.load(file_of(initial_of_entry(initial)), weights_only=True)["model"]
    own = load_weights(run.checkpoints)["model"]
    assert all(torch.equal(weights[name], own[name]) for name in own)


def initial_of_entry(entry):
    from engine.contract.run.initial import Initial

    return Initial(**entry)


def test_a_run_elsewhere_is_recorded_by_its_folder(finished_run, tmp_path):
    run = finished_run(tmp_path / "other")
    found, _ = with_initial(recipe(f"{run.path}:best"), [runs_root()])
    assert found.init_from.startswith(f"{run.path}:best@sha256:")
    assert with_initial(found, [runs_root()])[0] == found


def test_what_has_no_such_weights(finished_run, stopped_run, tmp_path):
    stopped, roots = stopped_run(), [runs_root()]
    pruned = finished_run()
    shutil.rmtree(pruned.checkpoints)
    for ref, says in (
        (stopped.id, rf"run {stopped.id} is stopped, so it has no final weights yet; .* {stopped.id}:best"),
        (pruned.id, f"run {pruned.id} has kept no final weights"),
        ("gone.safetensors", "gone.safetensors: no such file"),
        (str(tmp_path / "gone"), ".*gone: no such file"),
        ("nobody", "run 'nobody' not found"),
    ):
        with pytest.raises(BadInput, match=rf"^init_from: {says}"):
            with_initial(recipe(ref), roots)
    assert with_initial(recipe(f"{stopped.id}:best"), roots)[1]["epoch"] == 1


def test_what_a_run_was_created_with(file, finished_run):
    found, entry = with_initial(recipe(str(file)), [])
    run = create(runs_root(), found, seed=0, placement=Placement(), initial=entry)
    assert initial_of(run)[1] == file and run.recipe() == found
    file.write_bytes(b"other")
    with pytest.raises(BadInput, match="^init_from: .*neither"):
        initial_of(run)
    file.unlink()
    with pytest.raises(BadInput, match="^init_from: .*no such file"):
        initial_of(run)


def test_the_change_is_named_by_the_file(file):
    found, _ = with_initial(recipe(str(file)), [])
    assert changes(recipe(), found, catalog()) == "init x.pth"
    assert changes(found, recipe(), catalog()) == "init random"
