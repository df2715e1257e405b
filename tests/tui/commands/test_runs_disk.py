"""`runs rm`, `runs restore` and `runs prune`, on runs as the engine leaves them."""

import errno
import json
import os
import shutil

import pytest

from engine.contract.home import Home
from engine.contract.run import checkpoints
from engine.contract.run.records import ExitRecord
from engine.contract.run.store import RunFolder, runs_root, trash_of
from engine.loop.checkpoint import Checkpoints
from engine.loop.checkpoint_files import load_weights


def files(run: RunFolder) -> dict[str, bytes]:
    """Every file below the run's checkpoints, and what is in it."""
    return {
        str(path.relative_to(run.checkpoints)): path.read_bytes()
        for path in run.checkpoints.rglob("*")
        if path.is_file()
    }


def finish(run: RunFolder) -> None:
    """Let the engine itself leave what it leaves of a run that was started with `keep = "weights"`."""
    identity = {"recipe_id": run.info().recipe_id, "seed": run.info().seed}
    writer = Checkpoints(Home(run.path), identity=identity, made_on={})
    writer.load()
    writer.finish("weights")
    writer.close()


def test_prune_leaves_the_final_and_best_weights_of_a_finished_run(cli, finished_run):
    run, by_the_engine = finished_run(), finished_run()
    before, used = files(run), run.size_bytes()
    assert any(name.endswith("state.pt") for name in before) and len(list(run.checkpoints.iterdir())) == 2
    finish(by_the_engine)

    answer = cli("runs", "prune", "--yes", "--json")
    assert answer.code == 0, answer.err
    assert files(run) == files(by_the_engine)
    assert load_weights(run.checkpoints, "last")["epoch"] == run.info().epochs
    assert set(files(run)) == {"epoch-0002/weights.pt", "epoch-0002/best.pt", "epoch-0002/meta.json"}
    freed = json.loads(answer.out)
    assert freed["runs"] == [run.id]  # nothing more can go from the other one
    assert freed["bytes"] == pytest.approx(used - run.size_bytes(), abs=1000)  # meta.json is shorter now


def test_prune_again_finds_nothing_and_a_dry_run_changes_nothing(cli, finished_run):
    run = finished_run()
    before = files(run)
    told = json.loads(cli("runs", "prune", "--dry-run", "--json").out)
    assert told["runs"] == [run.id] and told["bytes"] > 0 and files(run) == before
    assert cli("runs", "prune", "--yes").code == 0
    assert json.loads(cli("runs", "prune", "--yes", "--json").out) == {"bytes": 0, "runs": [], "dry_run": False}
    assert cli("runs", "prune").out == "freed 0 B in 0 runs\n"  # and asks nothing


@pytest.mark.parametrize("keep", ["weights", "none"])
def test_prune_touches_neither_runs_to_go_on_with_nor_what_is_not_ours(cli, finished_run, stopped_run, keep):
    stopped, run = stopped_run(), finished_run()
    (run.checkpoints / "final").mkdir()
    (run.checkpoints / "final" / "weights.pt").write_text("mine")
    (run.checkpoints / "epoch-0002-with-notes").mkdir()
    (run.checkpoints / "notes.txt").write_text("mine")
    before = files(stopped)
    assert cli("runs", "prune", "--keep", keep, "--yes").code == 0
    assert files(stopped) == before
    ours = {"epoch-0002"} if keep == "weights" else set()
    kept = {path.name for path in run.checkpoints.iterdir()}
    assert kept == {"final", "epoch-0002-with-notes", "notes.txt"} | ours
    assert (run.checkpoints / "final" / "weights.pt").read_text() == "mine"


def test_prune_never_lets_the_only_whole_weights_go(cli, finished_run):
    damaged, ruined = finished_run(), finished_run()
    for path in (damaged.checkpoints / "epoch-0002" / "weights.pt", *ruined.checkpoints.glob("*/weights.pt")):
        whole = path.read_bytes()
        path.unlink()  # best.pt may be the same file
        path.write_bytes(whole[:-1])
    older = next(path for path in damaged.checkpoints.iterdir() if path.name != "epoch-0002")
    before, weights = files(ruined), (older / "weights.pt").read_bytes()
    best = (damaged.checkpoints / "epoch-0002" / "best.pt").read_bytes()
    assert cli("runs", "prune", "--yes").code == 0
    assert (older / "weights.pt").read_bytes() == weights
    assert (damaged.checkpoints / "epoch-0002" / "best.pt").read_bytes() == best
    assert not [name for name in files(damaged) if name.endswith("state.pt")]
    assert files(ruined) == before


def test_prune_makes_room_on_a_disk_that_is_full(cli, finished_run, monkeypatch):
    run, by_the_engine = finished_run(), finished_run()
    finish(by_the_engine)
    write_atomic = checkpoints.write_atomic

    def full(path, data):
        if next(run.checkpoints.glob("*/state.pt")).stat().st_size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_atomic(path, data)

    monkeypatch.setattr(checkpoints, "write_atomic", full)
    assert cli("runs", "prune", "--yes").code == 0
    assert files(run) == files(by_the_engine)


def test_a_run_that_is_in_use_is_not_pruned_and_keeps_no_other_back(cli, finished_run):
    busy, run = finished_run(), finished_run()
    before = files(busy)
    with busy.hold():
        answer = cli("runs", "prune", "--yes", "--json")
    assert answer.code == 2 and json.loads(answer.out)["runs"] == [run.id]
    assert f"run {busy.id} is in use by another process" in answer.err
    assert files(busy) == before


def test_prune_leaves_a_teacher_its_weights_until_forced(cli, finished_run, stopped_run):
    teacher, other = finished_run(), finished_run()
    student = stopped_run(teacher=teacher.id)
    weights, students = files(teacher)["epoch-0002/weights.pt"], files(student)
    pruned = cli("runs", "prune", "--keep", "none", "--yes", "--json")
    assert pruned.code == 0 and set(json.loads(pruned.out)["runs"]) == {teacher.id, other.id}
    assert (
        f"run {teacher.id} is the teacher of {student.id}, which has not finished; its weights are kept" in pruned.err
    )
    assert files(teacher)["epoch-0002/weights.pt"] == weights and not files(other) and files(student) == students
    assert cli("runs", "prune", "--keep", "none", "--yes", "--force").code == 0
    assert not files(teacher)


def test_an_unknown_keep_is_refused(cli):
    answer = cli("runs", "prune", "--keep", "all", "--yes")
    assert answer.code == 2 and answer.err == "error: --keep: got 'all', needs weights or none\n"


# --- the trash ------------------------------------------------------------------------------------------------


def test_a_removed_run_comes_back_as_it_was(cli, finished_run):
    run = finished_run()
    row, before = json.loads(cli("runs", "list", "--json").out), files(run)
    removed = cli("runs", "rm", "--yes", run.id[-4:])
    assert (removed.code, removed.out) == (
        0, f"{run.id} moved to the trash; cifar-tui runs restore brings it back\n",
    )  # fmt: skip
    assert json.loads(cli("runs", "list", "--json").out) == [] and not run.path.exists()
    (there,) = json.loads(cli("runs", "list", "--trash", "--json").out)
    assert there["id"] == run.id and there["size_bytes"] == row[0]["size_bytes"]
    for ref in (run.id, run.id[-4:], "tiny"):
        refused = cli("runs", "show", ref)
        assert refused.code == 2 and "is in the trash: `cifar-tui runs restore` brings it back" in refused.err
    restored = cli("runs", "restore", "tiny", "--json")
    assert json.loads(restored.out) == [{"id": run.id, "status": "finished"}]
    assert json.loads(cli("runs", "list", "--json").out) == row and files(run) == before


def test_purge_frees_the_space_at_once_also_from_the_trash(cli, finished_run):
    here, there = finished_run(), finished_run()
    assert cli("runs", "rm", "--yes", there.id).code == 0
    answer = cli("runs", "rm", "--purge", "--yes", here.id, there.id, "--json")
    assert json.loads(answer.out) == [{"id": here.id, "status": "removed"}, {"id": there.id, "status": "removed"}]
    assert [path.name for path in runs_root().iterdir()] == [".trash"]
    assert not list(trash_of(runs_root()).iterdir())


def test_prune_trash_empties_it_and_leaves_the_runs(cli, finished_run):
    run, gone = finished_run(), finished_run()
    before, size = files(run), gone.size_bytes()
    assert cli("runs", "rm", "--yes", gone.id).code == 0
    told = {"bytes": size, "runs": [gone.id], "dry_run": True}
    assert json.loads(cli("runs", "prune", "--trash", "--dry-run", "--json").out) == told
    assert json.loads(cli("runs", "prune", "--trash", "--yes", "--json").out) == told | {"dry_run": False}
    assert cli("runs", "restore", gone.id).code == 2
    assert files(run) == before  # optimizer state and all
    assert cli("runs", "prune", "--trash").out == "freed 0 B of 0 runs in the trash\n"


def test_prune_trash_takes_what_a_removal_that_was_cut_short_has_left(cli, finished_run):
    run = finished_run()
    run.path.rename(run.path.with_name(f".removed-{run.id}-0a1b2c3d"))
    precious = runs_root() / ".removed-precious"
    precious.mkdir()
    assert json.loads(cli("runs", "prune", "--trash", "--yes", "--json").out)["bytes"] > 1e6
    assert [path.name for path in runs_root().iterdir()] == [precious.name]


def test_the_size_column_counts_the_trash(cli, finished_run):
    run, gone = finished_run(), finished_run()
    cli("runs", "rm", "--yes", gone.id)
    head, row, trash, *_ = cli("runs", "list").out.splitlines()
    sizes = head.index("size") - 3, head.index("size") + 4  # right-aligned

    for line, size in ((row, run.size_bytes()), (trash, gone.path.parent / ".trash" / gone.id)):
        size = size if isinstance(size, int) else RunFolder(size).size_bytes()
        assert line[slice(*sizes)].strip() == f"{size / 1e6:.3g} MB"
    assert trash.split()[:3] == ["trash", "1", "run"] and "runs prune --trash" in trash


def test_one_run_that_cannot_be_removed_keeps_no_other_back(cli, finished_run):
    busy, run = finished_run(), finished_run()
    with busy.hold():
        answer = cli("runs", "rm", "--yes", busy.id, run.id)
    assert answer.code == 2 and "in use by another process" in answer.err
    assert busy.path.exists() and not run.path.exists()


def test_a_run_is_not_restored_over_another(cli, finished_run):
    run = finished_run()
    assert cli("runs", "rm", "--yes", run.id).code == 0
    again = finished_run()
    assert again.id == run.id
    answer = cli("runs", "restore", run.id)
    assert answer.code == 2 and "already holds a run with this name" in answer.err
    answer = cli("runs", "rm", "--yes", run.id)
    assert answer.code == 2 and "remove that one with --purge" in answer.err and again.path.exists()


def test_a_trash_that_is_a_link_is_never_followed(cli, finished_run, tmp_path):
    run, elsewhere = finished_run(), tmp_path / "elsewhere"
    shutil.copytree(run.path, elsewhere / run.id)
    trash_of(runs_root()).symlink_to(elsewhere)
    for words in (("rm", run.id), ("rm", "--purge", run.id), ("prune", "--trash"), ("restore", run.id)):
        options = () if words[0] == "restore" else ("--yes",)
        answer = cli("runs", *words, *options)
        assert answer.code == 2 and "is a link" in answer.err, words
    assert run.path.exists() and (elsewhere / run.id).exists()


def test_rm_asks_and_does_nothing_without_an_answer(cli, finished_run, monkeypatch):
    run = finished_run()
    monkeypatch.setattr("typer.confirm", lambda question, err: print(question) or False)
    assert cli("runs", "rm", run.id).out == "move 1 run to the trash?\n"
    assert cli("runs", "rm", "--purge", run.id).out == "delete 1 run for good?\n"
    assert run.path.exists()


def test_a_teacher_of_an_unfinished_run_is_removed_only_by_force(cli, finished_run, stopped_run):
    teacher = finished_run()
    student = stopped_run(teacher=teacher.id)
    refused = cli("runs", "rm", "--yes", teacher.id)
    assert refused.code == 2 and teacher.path.exists()
    said = f"run {teacher.id} is the teacher of {student.id}, which has not finished; use --force to delete it anyway"
    assert refused.err == f"error: {said}\n"
    assert cli("runs", "rm", "--yes", "--force", teacher.id).code == 0 and not teacher.path.exists()


def test_a_teacher_goes_with_its_students_or_after_them(cli, finished_run, stopped_run):
    teacher = finished_run()
    finished_run(teacher=teacher.id)
    student = stopped_run(teacher=teacher.id)
    ExitRecord("failed", "diverged").write(student.exit)
    assert cli("runs", "rm", "--yes", student.id, teacher.id).code == 0
    assert not teacher.path.exists() and not student.path.exists()
