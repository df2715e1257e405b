"""Links in run folders: nothing is ever written or removed through one."""

from pathlib import Path

import pytest

from engine import attempt as trainer
from engine.contract.errors import BadInput, StartFailed
from engine.contract.run.checkpoints import keep_only
from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Failed
from engine.contract.run.links import FOLDERS, refuse_links
from engine.contract.run.store import RunFolder, purge, remove, runs_root
from engine.launch import local, restart


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put_elsewhere(run: RunFolder, inner: str, tmp_path: Path) -> Path:
    """Move a folder of the run out of it and leave a link in its place, beside things of the user's own."""
    elsewhere = tmp_path / "elsewhere"
    if (run.path / inner).exists():
        (run.path / inner).rename(elsewhere)
    else:
        elsewhere.mkdir()
    (elsewhere / "thesis").mkdir()
    (elsewhere / "thesis" / "chapter.tex").write_text("years of work")
    (elsewhere / "epoch-0077").mkdir()  # of another program, which names things as we do
    (elsewhere / "epoch-0077" / "weights.pt").write_text("not ours")
    (run.path / inner).symlink_to(elsewhere)
    return elsewhere


def refusal(run: RunFolder, inner: str) -> str:
    return f"cannot write to run {run.id}: {inner} is a link to"


@pytest.mark.parametrize("inner", FOLDERS)
def test_a_run_with_a_link_for_a_folder_is_refused_for_writing(stopped_run, tmp_path, inner):
    run = stopped_run()
    elsewhere = put_elsewhere(run, inner, tmp_path)
    before = contents(elsewhere)
    with pytest.raises(BadInput, match=refusal(run, inner)):
        restart.resume(run)
    with pytest.raises(BadInput, match=refusal(run, inner)):
        run.add_label(tag="paper")
    with pytest.raises(StartFailed, match=refusal(run, inner)):
        local.start(run)  # a supervisor that is started all the same
    assert contents(elsewhere) == before and run.labels().tags == ("engine",)
    assert run.status().state == "stopped"


def test_a_checkpoint_that_is_a_link_is_refused_too(stopped_run, tmp_path):
    run = stopped_run()
    newest = max(run.checkpoints.iterdir())
    newest.rename(tmp_path / "elsewhere")
    newest.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match=refusal(run, f"checkpoints/{newest.name}")):
        refuse_links(run.path)
    newest.unlink()
    (run.checkpoints / "mine").symlink_to(tmp_path / "elsewhere")  # not ours, and nobody's business
    refuse_links(run.path)


@pytest.mark.usefixtures("shapes_ready")
def test_a_trainer_that_meets_a_link_ends_and_says_so(stopped_run, tmp_path):
    run = stopped_run()
    elsewhere = put_elsewhere(run, "checkpoints", tmp_path)
    before = contents(elsewhere)
    assert trainer.carry_out(run, lambda: False) == 2
    last = EventReader(run.events).poll()[-1]
    assert isinstance(last, Failed) and last.reason == "bad_input" and refusal(run, "checkpoints") in last.message
    assert contents(elsewhere) == before


@pytest.mark.parametrize("keep", ["weights", "none"])
def test_prune_does_not_follow_a_link(finished_run, tmp_path, capfd, monkeypatch, keep):
    from tui.cli import main

    run, other = finished_run(), finished_run()
    elsewhere = put_elsewhere(run, "checkpoints", tmp_path)
    before = contents(elsewhere)
    monkeypatch.setattr("sys.argv", ["cifar-tui", "runs", "prune", "--yes", "--keep", keep])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and refusal(run, "checkpoints") in capfd.readouterr().err
    assert contents(elsewhere) == before
    assert not list(other.checkpoints.glob("*/state.pt"))  # it was pruned all the same


def test_a_run_with_links_is_removed_but_they_are_not_followed(finished_run, tmp_path):
    run = finished_run()
    elsewhere = put_elsewhere(run, "checkpoints", tmp_path)
    (run.path / "exits" / "back").symlink_to(elsewhere)
    before = contents(elsewhere)
    assert run.size_bytes() < 200_000
    remove(run, [runs_root()])
    assert contents(elsewhere) == before
    purge(RunFolder(runs_root() / ".trash" / run.id), [runs_root()])
    assert contents(elsewhere) == before and not list((runs_root() / ".trash").iterdir())


def test_nothing_is_removed_through_a_folder_that_became_a_link(tmp_path):
    """What `refuse_links` has let pass may have been replaced a moment later."""
    (tmp_path / "elsewhere" / "epoch-0001").mkdir(parents=True)
    (tmp_path / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="checkpoints"):
        keep_only(tmp_path / "checkpoints", [])
    assert (tmp_path / "elsewhere" / "epoch-0001").exists()


def test_only_names_of_our_own_pattern_are_removed(tmp_path):
    ours = ("epoch-0001", "epoch-12345", "epoch-0002-step-00007", ".tmp-epoch-0003", ".tmp-epoch-0003-step-00010")
    others = ("final", "epoch-1", "epoch-0001.bak", "epoch-0002-step-7", ".tmp", ".tmp-notes", "Epoch-0004", ".git")
    for name in (*ours, *others):
        (tmp_path / name).mkdir()
    (tmp_path / "epoch-0009").write_text("a file")
    (tmp_path / "epoch-0008").symlink_to(tmp_path / "final")
    keep_only(tmp_path, ["epoch-0001"])
    assert {path.name for path in tmp_path.iterdir()} == {*others, "epoch-0001", "epoch-0009", "epoch-0008"}
