"""Training from the command line with real trainers: what reaches stdout, what a signal does, what is left behind."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from engine.contract.run.events import Epoch
from engine.contract.run.records import ExitRecord
from engine.contract.run.store import RunFolder, find, runs_root
from engine.launch import control
from tui.commands.train import describe

pytestmark = pytest.mark.usefixtures("shapes_ready")

LONG_WARMUP = (
    "--preset", "quickstart", "--headless", "--model", "lenet", "--threads", "1", "--device", "cpu",
    "--set", "data.fraction=0.05", "--set", "compute.precision=fp32",
)  # fmt: skip
TINY = (*LONG_WARMUP, "--set", "schedule.warmup=0")


def start(*arguments: str, base: Sequence[str] = TINY) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tui.cli", *base, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def ends() -> Iterator[None]:
    """No run outlives its test."""
    yield
    root = runs_root()
    for path in root.glob("2*") if root.exists() else ():
        run = RunFolder(path)
        if run.status().live:
            control.kill(run)


def test_a_run_tells_its_life_as_json_and_leaves_a_result(cli, ends):
    process = start("--epochs", "2", "--json", "--name", "tiny", "--tag", "test", base=LONG_WARMUP)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert err.splitlines()[0] == "to fit into 2 epochs instead of 8: schedule.warmup 2 -> 0.5"
    *told, result = [json.loads(line) for line in out.splitlines()]
    kinds = [event["event"] for event in told]
    assert kinds.count("epoch") == 2 and kinds.index("run_started") < kinds.index("epoch") < kinds.index("finished")
    assert set(result) == {
        "event", "id", "folder", "status", "reason", "message", "epochs", "last_accuracy", "best_accuracy", "best_on",
        "weights", "seconds",
    }  # fmt: skip
    assert (result["status"], result["epochs"], result["best_on"], result["weights"]) == ("finished", 2, "test", "raw")

    run = find([runs_root()], "tiny")
    with np.load(run.predictions) as kept:
        accuracy = (kept["last"].argmax(1) == kept["labels"]).mean()
    assert accuracy == pytest.approx(result["last_accuracy"])
    assert "fraction" in run.info().changes and "--name tiny" in run.info().command

    rows = json.loads(cli("runs", "export", "tiny", "--json").out)["epochs"]
    assert [row["epoch"] for row in rows] == [1, 2]
    lines = cli("runs", "export", "tiny").out.splitlines()
    assert lines[0].startswith("epoch,train_loss") and len(lines) == 3
    assert "attempt 1" in cli("runs", "logs", "tiny").out
    assert cli("runs", "wait", "tiny").code == 0
    assert cli("runs", "watch", "tiny").out.count("epoch ") == 2
    assert json.loads(cli("runs", "prune", "--dry-run", "--json").out)["runs"] in ([], [run.id])
    assert cli("runs", "stop", "tiny").code == 2, "it has ended"
    assert cli("runs", "resume", "tiny").code == 2, "it is finished"


def test_ctrl_c_stops_with_a_checkpoint_and_the_run_goes_on_later(cli, ends):
    process = start("--epochs", "2000")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch "):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "stopped" in out and "Traceback" not in err
    run = find([runs_root()], "@last")
    assert run.status().state == "stopped" and list(run.checkpoints.glob("epoch-*"))
    assert cli("runs", "resume", run.id).code == 0
    assert find([runs_root()], "@live") == run
    assert cli("runs", "kill", run.id, "--yes").code == 0
    assert not run.status().live


def test_a_detached_run_prints_its_id_alone_and_outlives_the_command(cli, ends):
    process = start("--epochs", "1", "--detach", "--seeds", "0-1")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    ids = out.split()
    assert len(ids) == 2 and err == ""
    assert cli("runs", "wait", *ids).code == 0
    assert [find([runs_root()], run).info().seed for run in ids] == [0, 1]
    assert "--seed 1" in find([runs_root()], ids[1]).info().command


def test_a_failed_run_ends_with_1_and_says_why(cli, ends):
    answer = cli(*TINY, "--epochs", "3", "--lr", "1e9", "--json")
    result = json.loads(answer.out.splitlines()[-1])
    assert answer.code == 1
    assert (result["status"], result["reason"]) == ("failed", "diverged")
    assert "error:" in answer.err and "learning rate" in answer.err
    run = find([runs_root()], "@last")
    record = ExitRecord.read(run.exit)
    assert record is not None
    assert (record.state, record.reason, record.returncode) == ("failed", "diverged", 1)
    assert run.status().reason == "diverged"


def test_a_hang_up_ends_the_viewer_and_not_the_run(ends):
    process = start("--epochs", "3")
    assert process.stderr is not None
    while not process.stderr.readline().startswith("attempt"):
        pass
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    run = find([runs_root()], "@last")
    assert control.wait(run, timeout=240).state == "finished"
    assert run.predictions.exists()


def test_a_preset_with_a_longer_warm_up_than_the_epochs_says_what_shrank(cli):
    quickstart = ("--preset", "quickstart", "--headless")
    dry = cli(*quickstart, "--epochs", "1", "--dry-run")
    assert dry.code == 0 and "warmup = 0.25" in dry.out
    shrunk, memory = dry.err.splitlines()
    assert shrunk == "to fit into 1 epoch instead of 8: schedule.warmup 2 -> 0.25"
    assert memory.startswith("GPU memory: ~")
    assert "to fit" not in cli(*quickstart, "--epochs", "3", "--dry-run").err


def test_a_dry_run_estimates_the_gpu_memory_as_new_run_does(cli, monkeypatch):
    monkeypatch.setattr("tui.commands.train.cards_here", lambda: (("RTX 4090", 20 << 30, 24 << 30),))
    small, large = (
        json.loads(cli("--preset", "quickstart", "--batch-size", size, "--dry-run", "--json").out)["memory"]
        for size in ("128", "512")
    )
    assert small["complete"] and small["weights"] == large["weights"] and small["activations"] < large["activations"]
    held = ("weights", "gradients", "optimizer", "averages", "activations", "data")
    assert small["total"] == sum(small[part] for part in held)
    assert small["cards"] == [{"name": "RTX 4090", "free": 20 << 30, "total": 24 << 30}]
    unknown = cli("--preset", "quickstart", "--model", "airbench94", "--set", "model.width=32", "--dry-run")
    assert "no estimate for this model with these options" in unknown.err


def test_the_line_of_an_epoch_names_a_test_only_if_there_was_one():
    epoch = Epoch(epoch=3, train_loss=0.5, lr=0.1, images_per_second=1200.0, seconds={"train": 2.0})
    assert describe(epoch) == "epoch    3  train  0.500  lr 0.1  1,200 img/s  2.0 s"
    tested = describe(replace(epoch, test_loss=0.25, test_accuracy=0.9))
    assert tested == "epoch    3  train  0.500  test 0.250   90.00 %  lr 0.1  1,200 img/s  2.0 s"
