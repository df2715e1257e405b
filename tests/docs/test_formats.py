"""The page on formats is true: files, events, JSON shapes and exit codes have what it lists."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import typer

from engine.contract.run import predicted, predictions, records
from engine.contract.run.checkpoints import CHECKPOINT_SCHEMA
from engine.contract.run.events import KINDS, REASONS, Event
from engine.contract.run.folder import SCHEMA
from engine.contract.run.store import STATES
from engine.exchange.pack import manifest
from tests.tui.commands.conftest import children_here as children_here
from tests.tui.commands.conftest import cli as cli
from tests.tui.further import put_results
from tui.cli import app
from tui.commands import train
from tui.commands.common import BAD_INPUT, FAILED, INTERRUPTED
from tui.commands.interrupts import PREEMPTED, STOPPED

PAGE = (Path(__file__).parent.parent.parent / "docs" / "formats.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """The first two cells of the table below a heading."""
    section = re.search(rf"(?ms)^##+ {re.escape(heading)}$(.*?)(?=^##+ |\Z)", PAGE)[1]
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("|")]
    return {cells[0].strip(): cells[1].strip() for cells in lines[2:]}


def names(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_every_event_is_listed_with_every_key():
    own = {item.name for item in dataclasses.fields(Event)}
    listed = {names(kind)[0]: names(keys) for kind, keys in rows("Events").items()}
    assert listed == {
        kind: [item.name for item in dataclasses.fields(event) if item.name not in own] for kind, event in KINDS.items()
    }
    assert own == {"t", "worked"}


def test_states_reasons_and_versions_are_listed():
    for word in (*STATES, *filter(None, REASONS)):
        assert f"`{word}`" in PAGE, word
    versions = {file: version.partition(" ")[0] for file, version in rows("Files").items()}
    assert versions["`run.json`"] == str(SCHEMA)
    assert versions["`predictions.npz`"] == str(predictions.VERSION)
    assert versions["`checkpoints/*/meta.json`"] == str(CHECKPOINT_SCHEMA)
    assert versions["`*.tar.zst` of `runs pack`"] == str(manifest.VERSION)
    assert {item.name for item in dataclasses.fields(records.ExitRecord)} >= {"state", "reason", "message", "ended"}


def test_predictions_have_the_listed_arrays(finished_run):
    listed = {name for cell in rows("Predictions") for name in names(cell)}
    with np.load(finished_run().predictions) as file:
        assert set(file.files) == listed


def test_results_on_further_test_sets_have_the_listed_keys_and_arrays(finished_run):
    run = finished_run()
    put_results(run)
    listed = [name for cell in rows("Further test sets") for name in names(cell) if not name.startswith("NAME.")]
    arrays = {"classes", "labels", "logits", "files", "corruptions", "predicted", "confidence"}
    assert {item.name for item in dataclasses.fields(predicted.Predicted)} == set(listed) - arrays | {
        "files",
        "corruptions",
    }
    with np.load(run.predicted / "newer.npz") as file:
        assert set(file.files) == arrays
    assert rows("Files")["`predicted/NAME.json`, `predicted/NAME.npz`"].startswith(f"{predicted.SCHEMA} ")


def test_exit_codes_are_those_of_the_program():
    assert set(rows("Exit codes")) == {"0", "1", "2", "130", "143"}
    assert (FAILED, BAD_INPUT, INTERRUPTED, STOPPED, PREEMPTED) == (1, 2, 130, 130, 143)
    assert train.EXIT == {"finished": 0, "stopped": 130, "preempted": 143}


def commands_with_json(command, words=()):
    """The names of all commands that print JSON."""
    if any("--json" in parameter.opts for parameter in command.params) and not hasattr(command, "list_commands"):
        yield " ".join(words)
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        found = command.get_command(None, name)
        if found is not None and not found.hidden:
            yield from commands_with_json(found, (*words, name))


def test_every_command_that_prints_json_is_listed():
    listed = " ".join(rows("What commands print"))
    missing = [name for name in commands_with_json(typer.main.get_command(app)) if f"`{name}" not in listed]
    assert missing == [], "add a row to docs/formats.md"


@pytest.fixture
def runs(finished_run):
    return [finished_run() for _ in range(2)]


SHAPES = {
    "--preset P --dry-run": "--preset quickstart --headless --dry-run",
    "doctor": "doctor", "schema": "schema", "presets list": "presets list", "presets show": "presets show quickstart",
    "grid": "grid --preset quickstart --vary optimizer.lr=0.1,0.2 --seeds 0 --dry-run",
    "presets save": "presets save mine --from quickstart", "models list": "models list",
    "models show": "models show lenet", "augmentations list": "augmentations list",
    "augmentations show": "augmentations show cutout", "schedules list": "schedules list",
    "schedules show": "schedules show cosine", "optimizers list": "optimizers list", "losses list": "losses list",
    "averages list": "averages list", "optimizers show": "optimizers show sgd",
    "losses show": "losses show cross_entropy", "averages show": "averages show ema", "suites list": "suites list",
    "suites show": "suites show resnet_stages", "suites report": "suites report resnet_stages",
    "data where": "data where",
}  # fmt: skip
OF_RUNS = {
    "runs list": "runs list", "runs show": "runs show RUN", "runs compare": "runs compare RUN OTHER",
    "runs table": "runs table", "runs export RUN": "runs export RUN", "runs export --all": "runs export --all",
    "runs logs": "runs logs RUN", "runs wait": "runs wait RUN", "runs tag": "runs tag RUN x",
    "runs note": "runs note RUN hello", "runs pin": "runs pin RUN", "runs exclude": "runs exclude RUN --why because",
    "runs include": "runs include RUN", "runs pack": "runs pack RUN -o FILE", "runs unpack": "runs unpack FILE",
    "runs predict": "runs predict RUN --data SET", "runs verify": "runs verify RUN", "runs rm": "runs rm RUN --yes", "runs restore": "runs restore RUN",
    "runs prune": "runs prune --yes", "runs import": "runs import LOG",
}  # fmt: skip
"""What is called for each row of the page, in this order. Stopping, killing and resuming is tested with live runs."""


def promised(name: str) -> set[str]:
    """The keys that the page lists for a command; those of another row where it says so."""
    table = rows("What commands print")
    row = next(row for row in table if f"`{name}`" in row)
    text = re.sub(r"\([^)]*\)", "", table[row].partition("; with")[0])
    if row.startswith("`data"):
        text = text.partition(": ")[2]
    keys = {key for key in names(text) if not key.startswith(("runs list", "--headless", "optimizer."))}
    if text.startswith("the same with"):
        keys |= promised(name.replace("show", "list"))
    if "keys of `runs list`" in text:
        keys |= promised("runs list")
    return keys | (promised("--preset P --headless") if "result of" in text else set())


def check(name: str, answer) -> None:
    assert answer.code == 0, (name, answer.err)
    found = json.loads(answer.out)
    found = found[0] if isinstance(found, list) else found
    assert len(promised(name)) > 0 and promised(name) <= set(found), name


@pytest.mark.usefixtures("children_here")
@pytest.mark.parametrize("name", SHAPES)
def test_a_command_prints_the_keys_that_are_promised(cli, name):
    check(name, cli(*SHAPES[name].split(), "--json"))


@pytest.mark.usefixtures("shapes_ready", "children_here")
def test_commands_on_runs_print_the_keys_that_are_promised(cli, runs, tmp_path):
    instead = {
        "RUN": runs[0].id,
        "OTHER": runs[1].id,
        "FILE": str(tmp_path / "a.tar.zst"),
        "LOG": str(tmp_path / "log.csv"),
        "SET": str(tmp_path / "set.npz"),
    }
    np.savez(tmp_path / "set.npz", images=np.zeros((3, 32, 32, 3), np.uint8), labels=np.arange(3))
    (tmp_path / "log.csv").write_text("epoch,train_loss,test_accuracy\n1,2.0,0.3\n2,1.5,0.5\n")
    for name, line in OF_RUNS.items():
        check(name, cli(*(instead.get(word, word) for word in line.split()), "--json"))


def test_the_manifest_of_a_packed_run_has_the_listed_keys():
    entry = manifest.Entry("20261122-101530-k3f9/run.json", 1, "0" * 64)
    told = json.loads(manifest.Manifest((entry,)).encode())
    assert list(told) == ["format", "version", "made_by", "anonymous", "weights", "files"]
    assert list(told["files"][0]) == ["path", "bytes", "sha256"]
    assert all(f"`{key}`" in PAGE for key in (*told, *told["files"][0]))
