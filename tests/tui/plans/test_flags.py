"""The table of flags: every reader of it agrees, and one more row is all that a new flag takes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contract.recipe.schema import Placement, Recipe
from tui.plans.again import flags_of
from tui.plans.draft import from_flags
from tui.plans.flags import FLAGS, GRID, SUITE, SWEEP, TRAIN, accepted_by, with_target

GIVEN = {
    "preset": "quickstart", "model": "lenet", "augmentation": "none", "schedule": "cosine", "epochs": 3,
    "batch_size": 64, "lr": 0.05, "init_from": "/x/best.pth", "sets": ["optimizer.momentum=0.8"], "add_ops": ["cutout"],
    "drop_ops": ["mixup"], "parts": ["/x/own.py"], "seed": "4", "seeds": "0-2", "device": "cpu", "gpus": 2, "nodes": 2,
    "threads": 1, "name": "a b", "tags": ["x", "y"], "data_dir": "/data", "wait_free": 3.5, "share": "group", "keep": "none",
    "tensorboard": True,
    "launcher": "slurm", "partition": "gpu", "account": "lab", "qos": "long", "time": "4:00:00", "cpus": 8,
    "memory": "16G", "constraint": "a100|h100", "sbatch": "--exclusive --mail-type=END", "setup": "module load cuda",
    "resubmit": 5, "template": "ssh gpubox {run}",
}  # fmt: skip


def test_names_and_options_are_unique():
    assert len({flag.name for flag in FLAGS}) == len({flag.option for flag in FLAGS}) == len(FLAGS)


def test_what_a_flag_sets_exists():
    for flag in FLAGS:
        if flag.target == "place":
            assert flag.path in Placement.model_fields
        elif flag.target in ("part", "field"):
            assert flag.path.partition(".")[0] in Recipe.model_fields
        else:
            assert flag.path == ""


def test_every_placement_field_has_a_flag_except_the_copies_of_own_parts():
    assert {flag.path for flag in with_target("place")} == set(Placement.model_fields) - {"parts"}


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_a_flag_makes_a_draft_whose_command_gives_it_back(flag):
    draft = from_flags({"preset": "quickstart", flag.name: GIVEN[flag.name]})
    values = GIVEN[flag.name] if flag.many else [GIVEN[flag.name]]
    words = draft.command()
    if flag.kind is bool:
        assert draft.texts(flag) == ("true",) and words.count(flag.option) == 1
    else:
        assert draft.texts(flag) == tuple(map(str, values))
        assert [words[i + 1] for i, word in enumerate(words) if word == flag.option] == list(map(str, values))
    assert from_flags(flags_of(draft.command_line()) or {}) == draft


def test_all_flags_together_survive_the_command():
    given = {name: value for name, value in GIVEN.items() if name != "seed"}
    draft = from_flags(given)
    assert from_flags(flags_of(draft.command_line()) or {}) == draft
    assert all(flag.option in draft.command() for flag in FLAGS if flag.name != "seed")


@pytest.mark.parametrize(
    ("command", "words"), [(TRAIN, ()), (GRID, ("grid",)), (SUITE, ("suites", "run")), (SWEEP, ("lr-find",))]
)
def test_help_lists_the_flags_of_the_table_and_their_help(cli_help, command, words):
    shown = " ".join(cli_help(*words).split())
    for flag in accepted_by(command):
        assert " ".join(f"{flag.option} {flag.metavar} {flag.help}".split()) in shown


@pytest.fixture
def cli_help(monkeypatch, capfd):
    from tui.cli import main

    def call(*words):
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["cifar-tui", *words, "--help"])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        return capfd.readouterr().out

    return call


NEW_FLAG = """
import json, sys
from typing import Annotated, Literal
from pydantic import Field
from engine.contract.recipe import schema

class Placement(schema.Placement):
    order: Literal["first", "last"] = "last"
    retries: int = 1

schema.Placement = Placement  # as if the schema had these fields

from tui.plans import flags

flags.FLAGS += (
    flags.Flag("order", "--order", "place", "order", "O", "Where to queue the run.", (flags.TRAIN, flags.GRID)),
    flags.Flag("retries", "--retries", "place", "retries", "N", "Number of retries.", (flags.TRAIN,), int),
)

from pathlib import Path
from engine.contract.recipe.catalog import catalog
from tui import cli
from tui.commands import train
from tui.forms.editor import FormEditor
from tui.plans.again import flags_of
from tui.plans.configured import placement_of
from tui.plans.draft import from_flags

taken = []
train.main = lambda flags, roots, **how: taken.append(flags) or 0

def call(*words):
    sys.argv = ["cifar-tui", *words]
    try:
        cli.main()
    except SystemExit:
        pass

call("--help")
call("grid", "--help")
call("--preset", "quickstart", "--headless", "--order", "first", "--retries", "2")
draft = from_flags(taken[0])
rows = FormEditor(draft, catalog(), [Path("/nowhere")]).fields()
print(json.dumps({
    "place": dict(draft.place),
    "placement": placement_of(draft).model_dump(include={"order", "retries"}),
    "command": draft.command_line(),
    "again": flags_of(draft.command_line()),
    "form": {row.path: [row.label, row.text, row.param.help, list(row.choices)] for row in rows
             if row.path in ("place.order", "place.retries")},
}))
"""


def test_one_more_row_reaches_the_help_the_draft_the_command_the_repeat_and_the_form():
    """As any flag is added: a field of the placement, and a row of the table."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", NEW_FLAG], capture_output=True, text=True, cwd=root, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    *help_text, last = done.stdout.splitlines()
    shown = " ".join(" ".join(help_text).split())
    assert shown.count("--order O Where to queue the run.") == 2, "in the help of both commands"
    assert shown.count("--retries N Number of retries.") == 1
    found = json.loads(last)
    assert found["place"] == {"order": "first", "retries": "2"}
    assert found["placement"] == {"order": "first", "retries": 2}
    assert found["command"].endswith("--order first --retries 2 --headless --detach")
    assert found["again"] == {"preset": "quickstart", "order": "first", "retries": "2"}
    assert found["form"] == {
        "place.order": ["order", "first", "Where to queue the run.", ["first", "last"]],
        "place.retries": ["retries", "2", "Number of retries.", []],
    }
