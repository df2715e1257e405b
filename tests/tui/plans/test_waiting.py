"""Runs that wait in a scheduler, as rows of the queue."""

import dataclasses

from engine.contract.recipe.catalog import catalog
from engine.contract.run.jobs import JobRecord
from engine.contract.run.store import create, summarize
from engine.launch.queue import Ticket
from presets.references import recipe_of
from tui.plans.waiting import handed_over


def queued(tmp_path, job: JobRecord):
    run = create(tmp_path / "runs", recipe_of("quickstart", catalog()), seed=0)
    job.write(run.path)
    return dataclasses.replace(summarize(run), status="queued", note=f"note of {job.job}")


def test_waiting_runs_come_oldest_first_with_the_schedulers_reason(tmp_path):
    rows = [queued(tmp_path, JobRecord("slurm", str(number), submitted=1000.0 - number)) for number in (1, 2)]
    rows.append(queued(tmp_path, JobRecord("command", submitted=2000.0)))
    found = handed_over(rows, [])
    assert [(ticket.candidates, note) for ticket, note in found] == [
        (("Slurm job 2",), "note of 2"),
        (("Slurm job 1",), "note of 1"),
        (("a command",), "note of "),
    ]
    assert all(ticket.number == 0 and not ticket.held for ticket, _ in found)


def test_runs_of_this_machine_and_runs_that_have_begun_are_left_out(tmp_path):
    here = queued(tmp_path, JobRecord("slurm", "1"))
    begun = queued(tmp_path, JobRecord("slurm", "2", attempt=0))
    ended = dataclasses.replace(queued(tmp_path, JobRecord("slurm", "3")), status="finished")
    ticket = Ticket(1, here.id, here.folder, ("cpu",), 1, 0.0)
    assert handed_over([here, begun, ended], [ticket]) == []
