"""What Slurm says about jobs: one question in 15 seconds for all programs of a host, and a long memory for endings."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from engine.contract.run import squeue
from engine.contract.run.squeue import SlurmJob

LISTED = """\
3|PENDING|Resources|0:00|1:00|| 2099-01-02T03:04:05|2026-11-28T05:10:24|/runs/a
4_7|RUNNING|None|0:06|UNLIMITED|n[1-2]|2026-11-28T05:08:44|2026-11-28T05:08:41|/runs/with|bar
5|CANCELLED|None|0:05|UNLIMITED|n1|2026-11-28T05:08:31|2026-11-28T05:08:31|(null)
slurm_load_jobs error: Unable to contact slurm controller
6|PENDING|Priority|0:00|1:00||N/A|2026-11-28T05:10:24|(null)
""".replace("| 2099", "|2099")
"""As Slurm 22.05.8 prints it."""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose `squeue` prints the file `listed` and counts how often it was asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "squeue"
    program.write_text(
        f'#!/bin/sh\necho "$*" >>{folder}/asked\nsleep 0.2\ncat {folder}/listed\nexit $(cat {folder}/rc)\n'
    )
    program.chmod(0o755)
    (folder / "listed").write_text(LISTED)
    (folder / "rc").write_text("0")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def asked(folder: Path) -> int:
    return len((folder / "asked").read_text().splitlines())


def aged(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time() + seconds
    monkeypatch.setattr("time.time", lambda: now)


def test_lines_become_jobs_and_others_are_skipped():
    found = squeue.read_lines(LISTED)
    assert list(found) == ["3", "4_7", "5", "6"]
    assert found["3"] == SlurmJob("PENDING", "Resources", "", squeue._moment("2099-01-02T03:04:05"))
    assert found["3"].start > time.time()
    assert (found["4_7"].nodes, found["4_7"].reason) == ("n[1-2]", "")
    assert found["6"].start == 0.0
    assert found["5"].ended and not found["3"].ended


def test_slurm_is_asked_for_every_state_of_ones_own_jobs_with_arrays_one_by_one(fake):
    squeue.jobs()
    assert (fake / "asked").read_text() == f"-h -r -t all -o {squeue.FORMAT} -u {os.getuid()}\n"


def test_it_is_asked_once_in_fifteen_seconds(fake, monkeypatch):
    for _ in range(3):
        assert squeue.job("3", 0.0) == squeue.read_lines(LISTED)["3"]
    assert asked(fake) == 1
    aged(monkeypatch, squeue.POLL_SECONDS + 1)
    squeue.jobs()
    assert asked(fake) == 2


def _look(path: Path) -> None:
    squeue.jobs(path)


def test_all_programs_of_a_host_share_one_answer(fake, tmp_path):
    path = tmp_path / "cache" / "squeue.json"
    viewers = [multiprocessing.get_context("fork").Process(target=_look, args=(path,)) for _ in range(6)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert squeue.jobs(path).jobs.keys() == {"3", "4_7", "6"}
    assert asked(fake) == 1


def test_how_a_job_ended_is_remembered_when_slurm_has_forgotten_it(fake, monkeypatch):
    squeue.jobs()
    (fake / "listed").write_text("")
    aged(monkeypatch, squeue.POLL_SECONDS + 1)
    assert squeue.job("5", 0.0) == SlurmJob("CANCELLED", "", "n1", squeue._moment("2026-11-28T05:08:31"))
    assert squeue.job("3", 0.0) == SlurmJob("GONE")
    aged(monkeypatch, squeue.REMEMBERED_SECONDS + 60)
    assert squeue.job("5", 0.0) == SlurmJob("GONE")


def test_a_job_that_was_submitted_after_the_answer_is_unknown_and_not_gone(fake):
    squeue.jobs()
    assert squeue.job("8", time.time()) is None
    assert squeue.job("8", time.time() - 60) == SlurmJob("GONE")


def test_a_controller_that_fails_leaves_what_was_known(fake, monkeypatch):
    squeue.jobs()
    (fake / "rc").write_text("1")
    aged(monkeypatch, squeue.POLL_SECONDS + 1)
    assert squeue.job("3", 0.0) == squeue.read_lines(LISTED)["3"]
    assert squeue.job("8", 0.0) is None, "it may have been submitted meanwhile"
    assert asked(fake) == 2, "a failure counts as an answer: it is not asked again at once"


def test_without_squeue_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert squeue.job("3", 0.0) is None
    assert squeue.jobs().error == "this machine has no squeue"


def test_after_a_submission_it_is_asked_again(fake):
    squeue.jobs()
    squeue.forget()
    squeue.jobs()
    assert asked(fake) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"t": 1}', '{"t": 1e12, "error": "", "jobs": {"3": 7}, "ended": {}}'])
def test_a_damaged_cache_is_made_anew(fake, text):
    path = squeue.cache_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert squeue.job("3", 0.0) == squeue.read_lines(LISTED)["3"]
