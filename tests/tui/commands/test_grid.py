"""`cifar-tui grid`: the product is checked whole, shown before it starts, asked about when it is large."""

import json
import re
from functools import partial

import pytest

from engine.contract.errors import StartFailed
from engine.contract.run.jobs import JobRecord
from engine.contract.run.store import RunFolder, is_run, runs_root
from engine.launch.slurm import submit
from tests.engine.launch.slurm.fakes import FakeSlurm
from tui.commands import batch as commands
from tui.commands.batch import PROGRESS_CELLS
from tui.plans import batch

GRID = ("grid", "--preset", "quickstart", "--epochs", "2", "--set", "schedule.warmup=0", "--device", "cpu")


@pytest.fixture
def started(monkeypatch):
    told = []
    monkeypatch.setattr(
        commands, "carry_out", partial(batch.carry_out, start=lambda folder, **options: told.append(folder.id))
    )
    return told


def test_a_grid_is_started_in_order_and_only_once(cli, started):
    arguments = (*GRID, "--vary", "model=lenet,resnet20", "--vary", "lr=0.1,0.05", "--seeds", "2", "--json")
    found = json.loads(cli(*arguments).out)
    assert len(found["runs"]) == len(started) == 8 and [one["id"] for one in found["runs"]] == started
    first, last = (RunFolder(runs_root() / one) for one in (started[0], started[-1]))
    assert (first.info().model, first.info().seed) == ("lenet", 0)
    assert (last.info().model, last.info().seed, last.recipe().optimizer.options["lr"]) == ("resnet20", 1, 0.05)
    assert found["tag"] in first.labels().tags
    again = json.loads(cli(*arguments).out)
    assert {one["action"] for one in again["runs"]} == {"live"} and len(started) == 8
    assert again["tag"] == found["tag"]


def test_every_run_of_a_grid_has_the_command_that_repeats_it(cli, started):
    cli(*GRID, "--vary", "add_op=-;color_jitter:hue=0.1,brightness=0.2")
    info = RunFolder(runs_root() / started[1]).info()
    command = [word for word in info.command.split()[1:] if word != "--headless"]
    assert json.loads(cli(*command, "--dry-run", "--json").out)["recipe_id"] == info.recipe_id


def test_items_of_one_recipe_run_once_with_a_message(cli, started):
    answer = cli(*GRID, "--vary", "optimizer.lr=0.1,0.10")
    assert len(started) == 1 and "has the same recipe as quickstart lr=0.1: run once" in answer.err


@pytest.mark.parametrize("columns", [80, 120])
def test_a_dry_run_shows_the_runs_within_the_terminal_and_writes_nothing(cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    answer = cli(*GRID, "--vary", "lr=0.1,0.05", "--vary", "add_op=-,color_jitter", "--seeds", "3", "--dry-run")
    assert answer.code == 0 and "12 runs: 12 to start" in answer.out and not runs_root().exists()
    assert max(map(len, answer.out.splitlines())) <= columns
    assert answer.out.count("0-2") == 4, "seeds of an item in one line"


def test_one_bad_item_and_nothing_starts(cli, started):
    answer = cli(*GRID, "--vary", "model=lenet,resnet21,resnet22", "--vary", "batch_size=64,0")
    assert answer.code == 2 and started == [] and answer.out == ""
    assert "did you mean" in answer.err and "batch_size" in answer.err
    assert "Traceback" not in answer.err


def test_a_large_grid_asks_on_a_terminal(cli, started, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert cli(*GRID, "--seeds", "21").code == 1 and started == []
    assert cli(*GRID, "--seeds", "2").code == 0 and len(started) == 2
    assert cli(*GRID, "--seeds", "23", "--yes").code == 0 and len(started) == 23


SLURM = (*GRID, "--vary", "lr=0.1,0.05", "--launcher", "slurm", "--partition", "gpu")


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Slurm takes everything, in arrays of up to 50 runs."""
    fake = FakeSlurm(tmp_path / "slurm-bin", monkeypatch)
    fake.answer("scontrol", "MaxArraySize            = 51\n")
    for remembered in (submit._refusal, submit.limits):
        remembered.cache_clear()
    yield fake
    for remembered in (submit._refusal, submit.limits):
        remembered.cache_clear()


def test_a_large_grid_is_submitted_in_chunks_with_a_progress_bar(cli, slurm, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    answer = cli(*SLURM, "--seeds", "60", "--yes")
    assert answer.code == 0, answer.err
    arrays = [call for call in slurm.calls("sbatch") if "parsable" in call]
    assert len(arrays) == 3 and all("/.jobs/" in call for call in arrays)
    lists = sorted(file.read_text().splitlines() for file in (runs_root() / ".jobs").glob("*.txt"))
    assert sorted(map(len, lists)) == [20, 50, 50]
    jobs = [JobRecord.read(path).job for path in runs_root().iterdir() if is_run(path)]
    assert len(jobs) == len({script for part in lists for script in part}) == 120 == answer.out.count("started")
    assert sorted(jobs) == sorted(f"77_{i}" for count in (50, 50, 20) for i in range(count))
    bars = re.findall(r"\[(#*)(\.*)\] (\d+) of 120 runs prepared", answer.err)
    assert [int(count) for _, _, count in bars] == list(range(1, 121))
    assert [len(full) for full, _, count in bars if count in ("60", "120")] == [PROGRESS_CELLS // 2, PROGRESS_CELLS]


def test_without_room_for_all_of_a_large_grid_no_folder_is_made_and_nothing_submitted(cli, slurm, monkeypatch):
    usage = type("usage", (), {"free": 2_000_000_000})  # enough for either learning rate
    monkeypatch.setattr("tui.plans.plan.shutil.disk_usage", lambda place: usage)
    answer = cli(*SLURM, "--seeds", "60", "--yes")
    assert answer.code == 2 and answer.err.count("\n") == 1
    assert "has 2 GB free; 120 runs of resnet20 need 3.4" in answer.err
    assert not any("parsable" in call for call in slurm.calls("sbatch"))
    assert not runs_root().exists() or not list(runs_root().iterdir())


def test_a_run_that_cannot_be_started_is_an_exit_code_and_a_line(cli, monkeypatch):
    def start(folder):
        if folder.info().seed == 0:
            raise StartFailed("no more processes")

    monkeypatch.setattr(commands, "carry_out", partial(batch.carry_out, start=start))
    answer = cli(*GRID, "--seeds", "2")
    assert answer.code == 1 and "error: quickstart seed 0: no more processes" in answer.err
    assert answer.out.count("started") == 1


def test_a_run_is_a_preset_of_a_grid(cli, started, ended_run):
    from engine.contract.recipe.catalog import catalog
    from presets.loader import Edits
    from presets.references import recipe_of

    run = ended_run(recipe_of("quickstart", catalog(), Edits(fields={"epochs": 3})), 5, (0.1, 0.2, 0.3))
    found = json.loads(cli("grid", "--preset", f"run:{run.id}", "--seeds", "5,6", "--device", "cpu", "--json").out)
    assert [one["action"] for one in found["runs"]] == ["finished", "start"]


def test_parts_of_the_users_own_go_with_a_grid_and_with_its_runs(cli, started, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n\nfrom engine.contract.catalog import register\n\n\n"
        '@register("model", title="Mine", family="mine")\n'
        "def mine(num_classes: int = 10, in_channels: int = 3) -> nn.Module:\n"
        '    """A line."""\n    return nn.Flatten()\n'
    )
    assert cli(*GRID, "--model", "mine", "--parts", file).code == 0
    run = RunFolder(runs_root() / started[0])
    assert (run.parts / "mine.py").read_text() == file.read_text()
    file.unlink()
    again = cli("grid", "--preset", f"run:{run.id}", "--seeds", "7", "--device", "cpu")
    assert again.code == 0, again.err
    assert (RunFolder(runs_root() / started[1]).parts / "mine.py").exists()


@pytest.mark.parametrize("shape", [(), ("--json",)])
def test_items_that_shrink_to_fit_into_few_epochs_are_named(cli, started, shape):
    answer = cli("grid", "--preset", "quickstart", "--vary", "epochs=1,3", "--device", "cpu", *shape)
    line = "quickstart epochs=1: to fit into 1 epoch instead of 8: schedule.warmup 2 -> 0.25"
    assert answer.code == 0 and answer.err.splitlines().count(line) == 1
    assert [RunFolder(runs_root() / run).recipe().schedule.options["warmup"] for run in started] == [0.25, 2.0]


def test_what_another_part_resets_is_said_of_its_items_before_they_start(cli, started):
    """Momentum of 0.9 and a learning rate of 0.2 are SGD's; Muon begins with its own."""
    said = "optimizer: muon starts from its own options: lr 0.02 (was 0.2), momentum 0.95 (was 0.9)"
    vary = "--vary", "optimizer.name=sgd,muon", "--vary", "batch_size=64,128"
    dry = cli(*GRID, *vary, "--dry-run")
    lines = [line for line in dry.out.splitlines() if said in line]
    assert len(lines) == 1 and lines[0].startswith("quickstart name=muon batch_size=64, quickstart name=muon batch")
    for flag in ((), ("--json",)):
        assert said in cli(*GRID, *vary, *flag).err
    rates = [RunFolder(runs_root() / run).recipe().optimizer.options["lr"] for run in started]
    assert rates == [0.2, 0.2, 0.02, 0.02]
    assert "lr" not in cli(*GRID, *vary, "--lr", "0.05", "--dry-run").out.partition("own options")[2].partition("\n")[0]
