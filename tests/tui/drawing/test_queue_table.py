"""The queue as tables: what each section says, and which runs have ended lately."""

import time

import pytest

from engine.launch.queue import Ticket
from tests.tui.demo import summary
from tests.tui.drawing.queued import GPUS, NOW, ended_runs, every_section
from tests.tui.reading import HOSTILE
from tui.drawing.queue_table import MOST_ENDED, Queued, ended_lately, ended_table, sections


@pytest.fixture
def parts():
    return every_section()


def test_each_section_is_a_table_and_the_last_one_names_the_jobs(parts):
    assert [part.table.title for part in parts] == ["on a device 2", "waiting 2", "waiting in a scheduler 2"]
    heads = [[column.head for column in part.table.columns] for part in parts]
    assert heads[0] == heads[1] and heads[0][5] == "device" and heads[2][5] == "job"
    first, orphan = parts[0].table.rows
    assert first[:8] == (
        "●", "20261122-101530-k3f0", "resnet34_cutmix", "lr 0.01", "3", GPUS[0], "1 m 30", "111/500"
    ) and first[9] == "training"  # fmt: skip
    assert orphan[9] == "its supervisor is gone; training continues without it"
    assert parts[1].table.rows[0][5] == "2 of cuda:0, cuda:1" and parts[1].table.rows[1][5] == "cpu"


def test_a_running_run_has_an_end_and_the_scheduler_gives_its_reason_once(parts):
    ends = time.strftime("~%H:%M", time.localtime(NOW + 389 * 10.0))
    assert parts[0].table.rows[0][8] == ends and parts[1].table.rows[0][8] == "-"
    jobs = parts[2].table.rows
    assert [cells[5] for cells in jobs] == ["Slurm job 1234567_4", "a command"]
    assert [cells[9] for cells in jobs] == ["pending (Priority), expected to start 12:30", "handed over; not begun"]


def test_text_of_runs_cannot_control_the_terminal():
    one = Queued(Ticket(1, "x-k3f9", "/x", (HOSTILE,), 1, NOW), summary(preset=HOSTILE, note=HOSTILE, changes=HOSTILE))
    (part,) = sections([one], NOW)
    assert "\x1b" not in "".join(part.table.rows[0]) and "\n" not in "".join(part.table.rows[0])


def test_an_empty_queue_has_no_section():
    assert sections([], NOW) == []


def test_the_runs_of_the_last_day_are_listed_newest_first():
    found = ended_lately(ended_runs(), NOW)
    assert [row.id for row in found] == ["x-fail", "x-done"]
    table = ended_table(found)
    assert table.title == "ended within a day 2"
    assert table.rows[0][5] == "-" and table.rows[0][7] == "failed: GPU memory: needed 2.1 GB more"
    assert table.rows[1][1:4] == ("resnet34_cutmix", "-", "2") and table.rows[1][5:] == ("96.26", "1 h 23", "finished")
    assert len(ended_lately([summary(ended=NOW)] * 30, NOW)) == MOST_ENDED
