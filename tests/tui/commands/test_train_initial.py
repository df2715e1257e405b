"""`--init-from` on the command line: shown before anything starts, refused in one line, recorded in the run."""

import json
import shlex
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.contract.run.store import RunFolder, runs_root
from engine.exchange.pack.verify import verify
from engine.models.build import build_model
from tui.plans import plan as plans
from tui.plans.again import repeat_of

pytestmark = pytest.mark.usefixtures("shapes_ready", "children_here")

TINY = (
    "--preset", "quickstart", "--headless", "--model", "lenet", "--threads", "1", "--device", "cpu",
    "--set", "schedule.warmup=0", "--set", "compute.precision=fp32", "--epochs", "1",
)  # fmt: skip


@pytest.fixture
def started(monkeypatch) -> list[RunFolder]:
    """The runs that a command would start, whose folders it makes."""
    runs: list[RunFolder] = []
    monkeypatch.setattr(plans.launch, "__defaults__", (lambda run, **how: runs.append(run),))
    return runs


def saved(path: Path, classes: int = 10, model: str = "lenet") -> Path:
    choice = Choice.model_validate({"name": model})
    built = build_model(choice, num_classes=classes, in_channels=3, image_size=32, catalog=catalog())
    torch.save(built.state_dict(), path)
    return path


def test_a_dry_run_shows_where_training_starts(cli, tmp_path):
    file = saved(tmp_path / "x.pth", classes=100)
    answer = cli(*TINY, "--init-from", file, "--dry-run", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["initial"]["path"] == str(file) and told["recipe"]["init_from"].startswith(f"{file}@sha256:")
    assert f"starts from {file} (SHA-256 {told['initial']['sha256'][:12]}); the classifier starts from random " in (
        answer.err
    )
    assert "100 classes, not 10" in answer.err and not runs_root().exists()
    assert "initial" not in json.loads(cli(*TINY, "--dry-run", "--json").out)


def test_the_run_records_them_and_its_repeat_checks_them(cli, tmp_path, started, monkeypatch):
    file = saved(tmp_path / "x.pth")
    monkeypatch.chdir(tmp_path)
    assert cli(*TINY, "--init-from", "x.pth", "--detach").code == 0
    (run,) = started
    info = run.info()
    assert info.initial["path"] == str(file) and info.recipe_id == run.recipe().recipe_id
    assert "init x.pth" in info.changes
    again = shlex.split(info.command)[1:]
    monkeypatch.chdir("/")
    assert cli(*again, "--detach").code == 0 and cli("--preset", f"run:{run.id}", "--headless", "--detach").code == 0
    assert {each.info().recipe_id for each in started} == {info.recipe_id}
    plain = cli(*TINY, "--detach")
    assert plain.code == 0 and started[-1].info().recipe_id != info.recipe_id and started[-1].info().initial == {}

    repeated = repeat_of(run, catalog(), [runs_root()])
    assert repeated.draft.preset == "quickstart" and repeated.recipe.recipe_id == info.recipe_id
    checked = {check.what: check.result for check in verify(run)}
    assert checked["initial weights"] == checked["recipe id"] == "ok"

    saved(file)
    assert {check.what: check.result for check in verify(run)}["initial weights"] == "not checked"
    count = len(started)
    for command in (again, ["--preset", f"run:{run.id}", "--headless"]):
        answer = cli(*command, "--detach")
        assert answer.code == 2 and f"init_from: {file} has changed" in answer.err and len(started) == count


def test_a_run_as_the_source(cli, finished_run, started):
    first = finished_run()
    assert cli(*TINY, "--init-from", f"{first.id[-4:]}:best", "--detach").code == 0
    initial = started[0].info().initial
    assert (initial["run"], initial["weights"], initial["model"]) == (first.id, "best", "lenet")


def test_an_export_as_the_source(cli, finished_run, started, tmp_path):
    assert cli("runs", "export", finished_run().id, "--weights", "final", "--out", tmp_path / "out").code == 0
    assert cli(*TINY, "--init-from", tmp_path / "out", "--detach").code == 0
    assert started[0].info().initial["path"] == str(tmp_path / "out" / "model.safetensors")


def test_bad_files_are_refused_in_one_line_before_anything_is_written(cli, tmp_path, started):
    other = saved(tmp_path / "other.pth", model="resnet20")
    huge = tmp_path / "huge.safetensors"
    huge.write_bytes((100_000_000_000).to_bytes(8, "little") + b"{}")
    odd = tmp_path / "odd.ckpt"
    torch.save({"state_dict": torch.load(other), "path": Path("x")}, odd)
    surplus = tmp_path / "surplus.safetensors"
    save_file({"nothing": torch.ones(1)}, surplus)
    for file, says in (
        (tmp_path / "gone.pth", "gone.pth: no such file"),
        (other, "does not fit lenet: 10 missing ("),
        (huge, "its header claims 100 GB"),
        (odd, "holds an object of class pathlib."),
        (surplus, "1 surplus (nothing)"),
    ):
        answer = cli(*TINY, "--init-from", file, "--detach")
        assert answer.code == 2 and says in answer.err and answer.err.startswith("error: init_from: "), answer.err
        assert answer.err.count("\n") == 1 and not started and not runs_root().exists()


def test_a_grid_asks_once_for_all_of_its_runs(cli, tmp_path, monkeypatch):
    from engine.launch import incoming

    asked = []
    child = incoming.PipedChild
    monkeypatch.setattr(incoming, "PipedChild", lambda *how: asked.append(how) or child(*how))
    file = saved(tmp_path / "x.pth")
    quick = [word for word in TINY if word != "--headless"]
    answer = cli("grid", *quick, "--init-from", file, "--vary", "lr=0.1,0.2,0.3", "--dry-run")
    assert answer.code == 0, answer.err
    assert len(asked) == 1 and answer.out.count("x.pth") == 3


def test_a_dry_run_executes_no_code_that_another_run_brought(cli, tmp_path, started, monkeypatch):
    """The model may be a part of one's own, which only the check of the weights would execute."""
    parts, made = tmp_path / "mine.py", tmp_path / "executed"
    parts.write_text(
        "from pathlib import Path\nfrom torch import nn\nfrom engine.contract.catalog import register\n"
        f"Path({str(made)!r}).touch()\n\n"
        "@register('model', title='Mine', params=0)\n"
        "def mine(num_classes: int) -> nn.Module:\n"
        '    """Mine."""\n'
        "    return nn.Sequential(nn.Flatten(), nn.Linear(3072, num_classes))\n"
    )
    file = tmp_path / "x.pth"
    torch.save({"1.weight": torch.zeros(10, 3072), "1.bias": torch.zeros(10)}, file)
    mine = ("--parts", parts, "--model", "mine")
    assert cli(*TINY, *mine, "--init-from", file, "--detach").code == 0
    (run,) = started
    assert made.exists()
    made.unlink()
    (run.parts / "mine.py").write_text((run.parts / "mine.py").read_text() + "\n# changed\n")
    again = ("--preset", f"run:{run.id}", "--headless", "--dry-run")
    refused = cli(*again)
    assert refused.code == 2 and "--trust-parts" in refused.err and not made.exists()
    assert cli(*again, "--trust-parts").code == 0 and made.exists()


def test_a_run_shows_where_its_weights_came_from(cli, finished_run):
    run = finished_run()
    entry = {"source": "run", "run": "20261122-101530-k3f9", "weights": "best", "epoch": 7, "model": "lenet"}
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | {"initial": entry}))
    words = "best weights of run 20261122-101530-k3f9 (lenet, epoch 7)"
    assert f"initial   {words}" in cli("runs", "show", run.id).out
    overview = cli("runs", "show", run.id, "--tab", "overview").out
    assert "starts from" in overview and "best weights of run 20261122-101530-k3f9" in overview
    assert json.loads(cli("runs", "show", run.id, "--json").out)["initial"]["epoch"] == 7
