"""Two versions on one folder: what is unknown is left out where one only looks, and named where it matters."""

import hashlib
import json

import pytest
import tomli_w

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.run.folder import RunFolder
from engine.contract.run.provenance import versions
from engine.contract.run.store import create, remove, runs_root, summarize
from engine.launch import restart

TABLE = {
    "epochs": 3,
    "batch_size": 8,
    "model": "lenet",
    "augmentation": ["horizontal_flip", {"name": "choice", "of": ["mixup", "cutmix"]}],
    "optimizer": {"name": "sgd", "lr": 0.1},
    "data": {"name": "shapes"},
}


@pytest.fixture
def run() -> RunFolder:
    return create(runs_root(), resolve(TABLE, catalog()), seed=0)


def later(run: RunFolder, old: str, new: str) -> None:
    """What another version might have written into the recipe."""
    text = run.recipe_toml.read_text()
    assert old in text
    run.recipe_toml.write_text(text.replace(old, new, 1))


def rewrite(run: RunFolder, **values: object) -> None:
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | values))


LATER = [
    ("[optimizer]", "[optimizer]\nfused_clip = true", "optimizer.fused_clip"),
    ("epochs = 3", "epochs = 3\nwarm_start = 2", "warm_start"),
    ("[data]", "[data]\nshards = 4", "data.shards"),
    ('name = "horizontal_flip"', 'name = "horizontal_flip"\naxis = "x"', "augmentation.horizontal_flip.axis"),
    ("[schedule]", "[schedule]\nnested = {a = 1}", "schedule.nested"),
]


@pytest.mark.parametrize(("old", "new", "path"), LATER, ids=[path for *_, path in LATER])
def test_an_unknown_key_is_left_out_for_who_looks_and_named_for_who_trains(run, old, new, path):
    whole = run.recipe()
    later(run, old, new)
    assert run.inspect() == (whole, [path])
    written = f"run {run.id} was written by cifar-tui {versions()['cifar-tui']}"
    for act in (run.recipe, lambda: restart.resume(run)):
        with pytest.raises(BadInput) as refused:
            act()
        assert any(f"unknown key {path}" in problem for problem in refused.value.problems)
        assert any(problem.startswith(written) for problem in refused.value.problems)


def test_a_key_inside_a_combinator_is_found_too(run):
    table = run.recipe_table()
    table["augmentation"][1]["of"][1]["soft"] = True
    run.recipe_toml.write_text(tomli_w.dumps(table))
    assert run.inspect()[1] == ["augmentation.choice.cutmix.soft"]


def test_a_part_that_this_version_does_not_have_is_not_guessed(run):
    later(run, 'name = "lenet"', 'name = "lenet_of_tomorrow"')
    with pytest.raises(BadInput, match="lenet_of_tomorrow"):
        run.inspect()
    assert run.recipe_table()["model"]["name"] == "lenet_of_tomorrow"


def test_a_run_of_a_newer_layout_is_only_looked_at(run):
    rewrite(run, schema=99, versions={"cifar-tui": "7.2.0"}, colour="blue")
    assert summarize(run).model == "lenet" and run.inspect()[1] == []
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    acts = [
        lambda: restart.resume(run),
        lambda: run.add_label(tag="paper"),
        lambda: run.add_label(name="mine"),
        lambda: remove(run, [run.path.parent]),
    ]
    for act in acts:
        with pytest.raises(
            BadInput,
            match=r"has layout 99, newer than 1, the latest that this version knows: .* written by cifar-tui 7\.2\.0",
        ):
            act()
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_a_checkpoint_of_a_newer_layout_is_named_before_anything_is_started(run):
    meta = {"schema": 3, "made_by": "cifar-tui 7.2.0", "files": {}}
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()
    folder = run.checkpoints / "epoch-0001"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"sha256": digest, "checkpoint": meta}))
    with pytest.raises(BadInput, match=r"checkpoint epoch-0001 has layout 3, .* cifar-tui 7\.2\.0"):
        restart.resume(run)
    assert not run.proc.exists() and not run.exit.exists()


def test_an_unknown_key_of_the_placement_is_left_out(run, monkeypatch):
    from engine.launch import devices, local

    asked = []
    monkeypatch.setattr(devices, "request", asked.append)
    monkeypatch.setattr(local, "start", lambda *args, **options: None)
    placement = json.loads(run.run_json.read_text())["placement"]
    rewrite(run, placement=placement | {"courier": "kubernetes"})
    restart.resume(run)
    assert asked[0].model_dump(mode="json") == placement
