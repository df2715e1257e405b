"""`runs rm` and `runs prune`: what other runs still need is not deleted unasked."""

import json

import pytest

from engine.contract.catalog import catalog
from engine.contract.events import EventWriter, Finished, RunStarted
from engine.contract.records import ExitRecord
from engine.contract.store import RunFolder, create, runs_root
from presets import loader


@pytest.fixture
def make():
    """Makes an ended run with two checkpoints; `teacher` is whom it learns from."""

    def make(state: str = "finished", teacher: str = "") -> RunFolder:
        taught = {"teacher": {"id": teacher}} if teacher else {}
        run = create(runs_root(), loader.resolve("quickstart", catalog()), seed=0, **taught)
        with EventWriter(run.events) as events:
            events.write(RunStarted(epochs=3))
            if state == "finished":
                events.write(Finished(epochs=3, last_accuracy=0.5))
        ExitRecord(state, "", "").write(run.exit)
        for name in ("final", "epoch-0003"):
            (run.checkpoints / name).mkdir(parents=True)
            (run.checkpoints / name / "weights.pt").write_bytes(b"weights")
        return run

    return make


def kept(run: RunFolder) -> set[str]:
    return {path.name for path in run.checkpoints.glob("*")}


def test_a_teacher_of_an_unfinished_run_is_removed_only_by_force(cli, make):
    teacher = make()
    student = make("stopped", teacher.id)
    refused = cli("runs", "rm", "--yes", teacher.id)
    assert refused.code == 2 and teacher.path.exists()
    said = f"run {teacher.id} teaches {student.id}, which has not finished; --force deletes it all the same"
    assert refused.err == f"error: {said}\n"
    assert cli("runs", "rm", "--yes", "--force", teacher.id).code == 0 and not teacher.path.exists()


def test_a_teacher_goes_with_its_students_or_after_them(cli, make):
    teacher = make()
    make("finished", teacher.id)
    student = make("failed", teacher.id)
    assert cli("runs", "rm", "--yes", student.id, teacher.id).code == 0
    assert not teacher.path.exists() and not student.path.exists()


def test_prune_leaves_a_teacher_its_weights_until_forced(cli, make):
    teacher, other = make(), make()
    student = make("stopped", teacher.id)
    pruned = cli("runs", "prune", "--keep", "none", "--yes", "--json")
    assert pruned.code == 0 and set(json.loads(pruned.out)["runs"]) == {teacher.id, other.id}
    assert f"run {teacher.id} teaches {student.id}, which has not finished; its weights stay" in pruned.err
    assert (kept(teacher), kept(other), kept(student)) == ({"final"}, set(), {"final", "epoch-0003"})
    assert cli("runs", "prune", "--keep", "none", "--yes", "--force").code == 0
    assert kept(teacher) == set()


def test_prune_drops_only_what_a_resume_would_need(cli, make):
    run = make()
    assert cli("runs", "prune", "--yes").code == 0
    assert kept(run) == {"final"}
