"""What a run amounts to, folded from its files, whatever state they are in."""

import json
import time

import numpy as np
import pytest

from engine.contract.errors import BadInput
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Finished, Phase, Resumed, RunStarted, Step, System
from engine.contract.run.process import ExitRecord, Identity, ProcRecord, host_name
from engine.contract.run.store import JSON_KEYS, RunFolder, summarize


def say(run: RunFolder, *events) -> None:
    with EventWriter(run.events) as writer:
        for event in events:
            writer.write(event)


def test_a_summary_has_exactly_the_promised_keys(run):
    say(
        run,
        RunStarted(t=100.0, epochs=3, device="cuda:0"),
        Epoch(t=110.0, epoch=1, test_accuracy=0.5),
        Epoch(t=120.0, epoch=2, test_accuracy=0.7),
        Epoch(t=130.0, epoch=3, test_accuracy=0.6),
        Finished(t=131.0),
    )
    ExitRecord("finished").write(run.exit)
    run.add_label(name="n", tag="paper")
    table = summarize(run).to_json()
    assert list(table) == list(JSON_KEYS) == [
        "id", "name", "status", "reason", "preset", "changes", "recipe_id", "model", "seed", "epoch", "epochs",
        "last_accuracy", "best_accuracy", "seconds", "started", "host", "device", "size_bytes", "tags",
        "excluded",
    ]  # fmt: skip
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    sizes = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    assert table == table | {
        "id": run.id, "name": "n", "status": "finished", "reason": "", "preset": "tiny", "changes": "lr .1→.2",
        "model": "lenet", "seed": 7, "epoch": 3, "epochs": 3, "last_accuracy": 0.6, "best_accuracy": 0.7,
        "seconds": 31.0, "started": 100.0, "host": host_name(), "device": "cuda:0", "size_bytes": sizes,
        "tags": ["paper"], "excluded": None,
    }  # fmt: skip


def test_the_host_is_where_the_latest_attempt_ran(run):
    assert summarize(run).host == run.info().host == host_name()
    ProcRecord("n17", "boot", Identity("n17", "boot", 4242, 1.0)).write(run.proc)
    assert summarize(run).host == summarize(run).to_json()["host"] == "n17"


def test_a_run_that_is_left_out_says_why(run):
    run.add_label(excluded="wrong crop")
    assert summarize(run).to_json()["excluded"] == "wrong crop"


def test_cells_without_a_value_are_null(run):
    table = summarize(run).to_json()
    assert (table["last_accuracy"], table["best_accuracy"], table["epoch"], table["epochs"]) == (None, None, 0, 3)
    assert table["started"] == run.info().created


def test_the_best_epoch_is_chosen_on_the_hold_out_when_there_is_one(run):
    say(
        run,
        Epoch(epoch=1, test_accuracy=0.9, holdout_accuracy=0.5),
        Epoch(epoch=2, test_accuracy=0.8, holdout_accuracy=0.7),
        Epoch(epoch=3, test_accuracy=0.7, holdout_accuracy=0.6),
        Epoch(epoch=4),  # not evaluated
    )
    row = summarize(run)
    assert (row.best_accuracy, row.best_on, row.last_accuracy, row.epoch) == (0.8, "holdout", 0.7, 4)


def test_epochs_after_a_resume_count_once_and_lost_ones_not_at_all(run):
    say(
        run,
        System(t=0.5),
        RunStarted(t=1.0, epochs=9),
        *(Epoch(t=float(n), epoch=n, test_accuracy=n / 10) for n in (1, 2, 3, 4)),
        System(t=999.0),
        Phase("starting", t=999.5),
        RunStarted(t=1000.0, attempt=2, epochs=9),
        Resumed(t=1001.0, epoch=2),
        Epoch(t=1005.0, epoch=3, test_accuracy=0.15),
    )
    row = summarize(run)
    assert (row.epoch, row.last_accuracy, row.best_accuracy) == (3, 0.15, 0.2)
    assert (row.seconds, row.estimated) == (3.5 + 6.0, True)  # the pause is not work
    assert row.started == 1.0


def test_a_fold_that_is_taken_forward_equals_one_from_the_start(run):
    from engine.contract.run.fold import RunFold

    fold, say_all = RunFold(run.events), [
        RunStarted(t=1.0, epochs=4),
        Step(t=2.0, epoch=1, step=5),
        Epoch(t=3.0, epoch=1, test_accuracy=0.4),
        Step(t=9.0, epoch=2, step=5),
        Resumed(t=10.0, epoch=0),
        Epoch(t=12.0, epoch=1, test_accuracy=0.3),
    ]  # fmt: skip
    now = time.time()
    for event in say_all:
        say(run, event)
        assert summarize(run, fold, now) == summarize(run, now=now)
    run.events.write_text("")
    say(run, RunStarted(t=50.0, epochs=2))
    assert summarize(run, fold, now) == summarize(run, now=now)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        b'{"id": "x"}',
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"seed": "x"}',
        b"\xff",
        b'{"epochs": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_damaged_run_is_a_row_that_says_so(run, damage):
    run.run_json.write_bytes(damage)
    assert summarize(run).status == "starting"  # it may just be in the making
    row = summarize(run, now=time.time() + 60)
    assert (row.id, row.status, row.reason) == (run.id, "lost", "bad_input")
    assert "run.json is missing, unreadable or damaged" in row.message
    json.dumps(row.to_json(), allow_nan=False)


def test_a_run_json_of_a_later_version_still_reads(run):
    table = json.loads(run.run_json.read_text())
    run.run_json.write_text(json.dumps(table | {"schema": 99, "mood": "good"}))
    assert run.info().seed == 7


@pytest.mark.parametrize("damage", [None, b"", b"= =", b"\xff\xfe", b"a = " + b"[" * 50_000, b'model = "nothing"'])
def test_a_damaged_recipe_is_bad_input(run, damage):
    run.recipe_toml.unlink()
    if damage is not None:
        run.recipe_toml.write_bytes(damage)
    with pytest.raises(BadInput, match=r"recipe\.toml"):
        run.recipe()


def test_the_row_of_a_real_run_agrees_with_what_it_predicted(finished_run, stopped_run):
    run, stopped = finished_run(), summarize(stopped_run())
    row = summarize(run)
    with np.load(run.predictions) as kept:
        last, best = ((kept[which].argmax(1) == kept["labels"]).mean() for which in ("last", "best"))
    assert (row.last_accuracy, row.best_accuracy) == (pytest.approx(last), pytest.approx(best))
    assert (row.status, row.epoch, row.epochs, row.name, row.tags) == ("finished", 2, 2, "tiny", ("engine",))
    assert (stopped.status, stopped.epoch, stopped.recipe_id) == ("stopped", 1, row.recipe_id)
    sizes = {path.stat().st_ino: path.stat().st_size for path in run.path.rglob("*") if path.is_file()}
    assert row.size_bytes == sum(sizes.values())  # final and best weights are one file with two names
    assert len(sizes) < sum(path.is_file() for path in run.path.rglob("*"))
