"""Parts of a person's own, from a file to a run and on to the run that repeats it: here grey images and an op."""

import hashlib
import json
from types import SimpleNamespace

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement
from engine.contract.run.create import create
from engine.contract.run.own_code import approve
from engine.contract.run.store import find, runs_root
from engine.launch import control
from presets import loader, references
from presets.references import parts_with
from tui.commands.trust import agreed
from tui.plans.draft import from_flags
from tui.plans.plan import launch, plan
from tui.plans.resolution import Resolver

OWN = '''
from typing import Annotated

import numpy as np
import torch

from engine.contract.catalog import Spec, register
from engine.data.arrays import Arrays
from engine.data.shapes import generate


@register("dataset", title="Grey shapes", classes=10, image_size=28, channels=1)
def grey_shapes(data_dir, say):
    """Shapes without colours, 28 pixels a side."""
    made = generate(300, 100)
    images = [part[:, 2:30, 2:30].mean(3, keepdims=True).astype(np.uint8) for part in (made.train_images, made.test_images)]
    return Arrays(images[0], made.train_labels, images[1], made.test_labels, made.classes)


@register("op", title="Invert", stage="image")
class Invert:
    """Negatives, for some images."""

    def __init__(self, *, probability: Annotated[float, Spec("chance per image", ge=0, le=1)] = 0.1) -> None:
        self.probability = probability

    def draw(self, rng, n, size):
        return {"inverted": rng.random(n) < self.probability}

    def apply(self, x, y, params):
        assert x.shape[1:] == (1, 28, 28)
        return torch.where(params["inverted"].bool().view(-1, 1, 1, 1), 1 - x, x), y
'''
TINY = (
    "--headless", "--epochs", "1", "--threads", "1", "--device", "cpu", "--set", "compute.precision=fp32",
    "--set", "schedule.warmup=0",
)  # fmt: skip


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The file, in the folder where the person stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    return tmp_path / "mine.py"


def test_own_parts_go_along_with_a_run_and_with_its_repetition(cli, mine):
    chosen = ("--model", "lenet", "--set", "data.name=grey_shapes", "--add-op", "invert:probability=0.3")
    seen = ("--set", "evaluate.tta=crops", "--set", "data.test_slice=first:.5", "--name", "first")
    answer = cli("--preset", "quickstart", *TINY, *chosen, *seen, "--parts", "mine.py")
    assert answer.code == 0, answer.err
    assert "44,426 parameters" in answer.err, "LeNet-5 on one channel of 28 pixels"
    assert "with crops TTA" in answer.out and "on the first 50 % of test" in answer.out

    run = find([runs_root()], "first")
    assert run.info().parts == {"mine.py": hashlib.sha256(OWN.encode()).hexdigest()}
    assert (run.parts / "mine.py").read_text() == OWN
    assert f"--parts {mine}" in run.info().command
    shown = cli("runs", "show", "first")
    assert "with crops TTA" in shown.out and "first 50 % of test" in shown.out and 'name = "invert"' in shown.out
    rows = json.loads(cli("runs", "export", "first", "--json").out)["epochs"]
    assert rows[0]["tta"] == "crops" and 0 <= rows[0]["tta_accuracy"] <= 1

    mine.unlink()  # the run has its own copy
    again = cli("--preset", "run:first", *TINY, "--name", "again")
    assert again.code == 0, again.err
    other = find([runs_root()], "again")
    assert (other.info().recipe_id, other.info().parts) == (run.info().recipe_id, run.info().parts)
    assert control.wait(other).state == "finished"


def test_a_file_that_is_given_takes_the_place_of_the_run_s_copy(mine, tmp_path):
    recipe = references.recipe_of("quickstart", catalog())
    run = create(tmp_path / "runs", recipe, seed=0, placement=Placement(parts=(str(mine),)))
    ref, roots, copy = f"run:{run.id}", [tmp_path / "runs"], str(run.parts / "mine.py")
    assert parts_with(ref, [], roots) == [copy]
    assert parts_with(ref, ["mine.py"], roots) == [str(mine)]
    assert parts_with(ref, ["other.py"], roots) == [str(tmp_path / "other.py"), copy]
    assert parts_with("quickstart", ["mine.py"], roots) == [str(mine)]


@pytest.fixture
def run_of_mine(mine):
    """A run that uses both parts, whose file has gone since; only the run's own copy is left."""
    edits = loader.Edits(model="lenet", sets=["data.name=grey_shapes"], add_ops=["invert"])
    recipe = references.recipe_of("quickstart", catalog((mine,)), edits)
    run = create(runs_root(), recipe, seed=0, preset="quickstart", placement=Placement(parts=(str(mine),)))
    mine.unlink()
    return run


@pytest.mark.usefixtures("children_here")
def test_the_learning_rate_of_a_run_with_parts_of_its_own_is_swept(cli, run_of_mine):
    quick = ("--steps", "20", "--device", "cpu", "--threads", "1", "--set", "compute.precision=fp32")
    answer = cli("lr-find", "--preset", f"run:{run_of_mine.id}", *quick, "--batch-size", "32", "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert len(found["losses"]) == 20 and all(1.5 < loss < 4 for loss in found["losses"][:10])


def test_a_run_with_parts_of_its_own_is_not_saved_as_a_preset_that_nobody_could_use(cli, run_of_mine):
    answer = cli("presets", "save", "mine", "--from", f"run:{run_of_mine.id}")
    assert (answer.code, answer.out) == (2, "")
    assert (
        "preset 'mine' was not saved: augmentation.invert: unknown augmentation op 'invert'; a preset cannot"
        in answer.err
    )
    assert "--preset run:RUN" in answer.err
    assert cli("presets", "show", "mine").code == 2, "nothing was written"


@pytest.fixture
def stopped(mine, tmp_path):
    """A run with own parts that was made here and has not been started."""
    table = loader.load_table("quickstart") | {
        "model": "lenet",
        "data": {"name": "grey_shapes"},
        "epochs": 1,
        "schedule": "cosine",
    }
    table["augmentation"] = [{"name": "invert", "probability": 0.3}]
    recipe = resolve(table, catalog((mine,)))
    return create(runs_root(), recipe, seed=0, placement=Placement(parts=(str(mine),), device="cpu", threads=1))


def changed(run):
    file = run.parts / "mine.py"
    file.write_text(file.read_text() + f"\nopen({str(run.path.parent / 'ran')!r}, 'w').close()\n")
    return run.path.parent / "ran"


COMMANDS = {
    "resume": ("runs", "resume", "{id}"),
    "train": ("--preset", "run:{id}", *TINY, "--detach"),
    "lr-find": ("lr-find", "--preset", "run:{id}", "--device", "cpu", "--threads", "1", "--steps", "20"),
    "preview": (
        "augmentations",
        "preview",
        "--preset",
        "run:{id}",
        "--images",
        "2",
        "--draws",
        "1",
        "--out",
        "sheet.png",
    ),
    "grid": ("grid", "--preset", "run:{id}", "--vary", "lr=0.1,0.2", "--device", "cpu", "--threads", "1"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_changed_code_of_a_run_is_refused_by_every_command_that_would_execute_it(cli, stopped, name):
    ran = changed(stopped)
    before = sorted(path.name for path in stopped.path.parent.glob("2*"))
    answer = cli(*(word.format(id=stopped.id) for word in COMMANDS[name]))
    assert answer.code == 2 and "has changed since run" in answer.err and "(yours)" in answer.err
    assert "--trust-parts" in answer.err and "Traceback" not in answer.err
    assert sorted(path.name for path in stopped.path.parent.glob("2*")) == before
    assert not ran.exists() and not stopped.proc.exists()


@pytest.mark.usefixtures("children_here")
@pytest.mark.parametrize("name", ["preview", "resume"])
def test_changed_code_is_executed_where_the_user_says_so(cli, stopped, name):
    ran = changed(stopped)
    answer = cli(*(word.format(id=stopped.id) for word in COMMANDS[name]), "--trust-parts")
    assert answer.code == 0, answer.err
    if name == "resume":
        assert control.wait(stopped).state == "finished", stopped.log.read_text()
    assert ran.exists()


def test_changed_code_can_be_looked_at_and_saved_without_being_executed(cli, stopped):
    ran = changed(stopped)
    assert cli("runs", "show", stopped.id).code == 0
    assert cli("--preset", f"run:{stopped.id}", "--headless", "--dry-run").code == 0
    assert not ran.exists()


def test_a_new_run_is_started_with_the_code_that_was_just_copied(stopped, mine, monkeypatch):
    """What is changed in a folder while the run waits in the queue is not run."""
    told = {}
    draft = from_flags({"preset": f"run:{stopped.id}", "device": "cpu", "parts": [str(mine)]})
    parts = catalog((mine,))
    found = Resolver(parts).take(draft, str(stopped.recipe_toml))
    planned = plan(found, runs_root(), [str(mine)])
    (run,) = launch(planned, lambda run, **options: told.update(options))
    assert told == {"approved": {str(run.parts / "mine.py"): hashlib.sha256(OWN.encode()).hexdigest()}}


def test_on_a_terminal_the_user_is_asked(stopped, monkeypatch, capsys):
    from tui.commands import trust

    changed(stopped)
    answers = iter([False, True])
    monkeypatch.setattr(trust.sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(trust.sys, "stderr", SimpleNamespace(isatty=lambda: True, write=print, flush=lambda: None))
    monkeypatch.setattr(trust.typer, "echo", lambda text, err: said.append(text))
    monkeypatch.setattr(trust.typer, "confirm", lambda *args, **options: next(answers))
    said: list[str] = []
    work = lambda trust: approve([stopped], trust)  # noqa: E731
    with pytest.raises(BadInput):
        agreed(work, trust=False)
    assert agreed(work, trust=False) == approve([stopped], trust=True)
    assert len(said) == 2 and "has changed since run" in said[0]
