"""`job.json`, and which attempt a job is to carry out."""

import time

import pytest

from engine.contract.run.claims import claim_attempt
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Stopped
from engine.contract.run.jobs import JobRecord, is_beginning, last_attempt, last_ended
from engine.contract.run.process import ExitRecord, Identity, ProcRecord, me


def test_a_record_comes_back_as_it_was_written(run):
    job = JobRecord("slurm", "123_4", "alps", 2, 1, 1.5e9, True)
    job.write(run.path)
    assert JobRecord.read(run.path) == job


@pytest.mark.parametrize("text", ["", "[]", "{", '{"job": "1"}', '{"launcher": 7}'])
def test_a_missing_or_damaged_record_is_none(run, text):
    assert JobRecord.read(run.path) is None
    (run.path / "job.json").write_text(text)
    assert JobRecord.read(run.path) is None


def test_a_bad_value_keeps_its_default(run):
    (run.path / "job.json").write_text('{"launcher": "slurm", "job": "7", "attempt": -1}')
    assert JobRecord.read(run.path) == JobRecord("slurm", "7")


def test_attempts_are_counted_by_their_claims_and_by_the_records_of_versions_without_claims(run):
    assert (last_attempt(run.path), last_ended(run.path)) == (0, 0)
    ExitRecord("stopped", attempt=1).write(run.exit)
    assert (last_attempt(run.path), last_ended(run.path)) == (1, 1)
    (run.path / "attempts").mkdir()
    for name in ("1", "2", "x", "99999999999"):
        (run.path / "attempts" / name).touch()
    assert (last_attempt(run.path), last_ended(run.path)) == (2, 1)
    run.exits.mkdir()
    (run.exits / "3.json").touch()
    assert (last_attempt(run.path), last_ended(run.path)) == (3, 3)


def test_an_attempt_begins_between_its_claim_and_the_record_of_its_supervisor(run):
    assert not is_beginning(run.path, None, time.time())
    claim_attempt(run.path, me())
    earlier = ProcRecord("n1", "boot", Identity("n1", "boot", 999_999_999, 1.0))
    assert is_beginning(run.path, earlier, time.time())
    JobRecord("slurm", "7").write(run.path)
    with EventWriter(run.events) as events:
        events.write(Stopped(epoch=1))
    assert run.status().state == "starting", "though the events are those of the attempt before"
    assert not is_beginning(run.path, earlier, time.time() + 60)
    assert not is_beginning(run.path, ProcRecord(me().host, me().boot_id, me()), time.time())


def test_a_job_is_ahead_until_its_attempt_begins_and_current_until_a_later_one_does(run):
    job = JobRecord("slurm", "7", attempt=1)
    assert job.is_ahead(run.path) and job.is_current(run.path)
    (run.path / "attempts").mkdir()
    (run.path / "attempts" / "1").touch()
    assert not job.is_ahead(run.path) and job.is_current(run.path)
    (run.path / "attempts" / "2").touch()
    assert not job.is_current(run.path)
