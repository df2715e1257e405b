"""The queue as tables: what each section says, and that the lines of the screen print nothing else."""

import time

import pytest

from engine.launch.queue import Ticket
from tests.tui.demo import summary
from tests.tui.in_json import figures_without_source
from tests.tui.reading import HOSTILE, fits, line_of, text_of
from tui.drawing.export_charts import table_data
from tui.drawing.lines import width_of
from tui.drawing.queue_lines import detail_lines, ended_lines, head_line, run_line
from tui.drawing.queue_table import MOST_ENDED, Queued, ended_lately, ended_table, sections

NOW = 1_795_000_000.0
GPUS = ("GPU-8a1f22d0-7b1c", "GPU-11aa33bb-7b1c")


@pytest.fixture
def parts():
    """One run that has its device, one without a supervisor, two that wait, and two that a scheduler has."""
    ids = [f"20261122-101530-k3f{i}" for i in range(6)]
    running = summary(id=ids[0], preset="resnet34_cutmix", status="running", epoch=111, epochs=500, epoch_seconds=10.0,
                  phase="training", changes="lr 0.01", seed=3)  # fmt: skip
    waiting = summary(id=ids[2], preset="resnet34_cutmix", status="queued", epochs=500, note="behind k3f0 on cuda:0")
    job = summary(id=ids[4], preset="wrn28_10_ricap", status="queued", epochs=200,
              note="Slurm job 1234567_4: pending (Priority), expected to start 12:30")  # fmt: skip
    handed = summary(id=ids[5], preset="wrn28_10_ricap", status="queued", epochs=200, note="handed over; not begun")

    def ticket(i, number, candidates=GPUS, held=(), place=0, count=1, supervised=True):
        return Ticket(number, ids[i], f"/runs/{ids[i]}", candidates, count, NOW - 90 - i, held, place, supervised)

    found = [
        Queued(ticket(0, 1, held=GPUS[:1]), running, "■", "run-1"),
        Queued(ticket(1, 2, held=GPUS[1:], supervised=False)),
        Queued(ticket(2, 3, ("cuda:0", "cuda:1"), place=1, count=2), waiting),
        Queued(ticket(3, 4, ("cpu",), place=1), None),
        Queued(ticket(4, 0, ("Slurm job 1234567_4",)), job),
        Queued(ticket(5, 0, ("a command",)), handed),
    ]
    return sections(found, NOW)


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


@pytest.mark.parametrize("width", [79, 80, 100, 120, 140, 200])
def test_the_lines_print_the_cells_of_the_tables(parts, width):
    assert width_of(head_line(width)) <= width
    for part in parts:
        known = table_data(part.table)
        for one, cells in zip(part.runs, part.table.rows, strict=True):
            line = run_line(one, cells, width, True)
            text = line_of(line)
            assert width_of(line) <= width and one.ticket.run[-4:] in text
            whole = " ".join(word for word in text.split() if "…" not in word and word != one.ticket.run[-4:])
            assert figures_without_source(whole, known) == []


def test_a_narrow_column_has_the_beginning_of_a_uuid_and_the_number_of_a_job(parts):
    assert "GPU-8a1f…" in line_of(run_line(parts[0].runs[0], parts[0].table.rows[0], 80, False))
    assert "job 123456" in line_of(run_line(parts[2].runs[0], parts[2].table.rows[0], 80, False))
    assert "Slurm job 1234567_4" in line_of(run_line(parts[2].runs[0], parts[2].table.rows[0], 200, False))


def test_text_of_runs_cannot_control_the_terminal():
    one = Queued(Ticket(1, "x-k3f9", "/x", (HOSTILE,), 1, NOW), summary(preset=HOSTILE, note=HOSTILE, changes=HOSTILE))
    (part,) = sections([one], NOW)
    assert "\x1b" not in "".join(part.table.rows[0]) and "\n" not in "".join(part.table.rows[0])


def test_an_empty_queue_has_no_section():
    assert sections([], NOW) == []


@pytest.mark.parametrize("width", [80, 120, 200])
def test_everything_about_the_chosen_run_is_told_in_whole_words(parts, width):
    said = []
    for part in parts:
        known = table_data(part.table)
        for one, cells in zip(part.runs, part.table.rows, strict=True):
            lines = detail_lines(one, cells, width, 5)
            assert fits(lines, width, 5) and one.ticket.run in text_of(lines)
            assert figures_without_source(text_of(lines), known) == []
            said.append(" ".join(text_of(lines).split()))
    assert f"resnet34_cutmix with lr 0.01, seed 3. Has held {GPUS[0]} for 1 m 30. Epoch 111/500, expected to" in said[0]
    assert "Has waited 1 m 32 for 2 of cuda:0, cuda:1" in said[2] and said[2].endswith("behind k3f0 on cuda:0")
    assert "Handed over 1 m 34 ago: Slurm job 1234567_4" in said[4]


def test_the_runs_of_the_last_day_are_listed_newest_first():
    rows = [
        summary(id="x-old1", ended=NOW - 90_000.0),
        summary(id="x-done", ended=NOW - 7200.0, seconds=5000.0),
        summary(id="x-fail", ended=NOW - 60.0, status="failed", reason="gpu_memory", message="needed 2.1 GB more",
                last_accuracy=None, changes="lr 0.01"),
        summary(id="x-live", ended=0.0, status="running"),
        summary(id="x-timm", ended=NOW - 60.0, layout="timm"),
    ]  # fmt: skip
    found = ended_lately(rows, NOW)
    assert [row.id for row in found] == ["x-fail", "x-done"]
    table = ended_table(found)
    assert table.title == "ended within a day 2"
    assert table.rows[0][5] == "-" and table.rows[0][7] == "failed: GPU memory: needed 2.1 GB more"
    assert table.rows[1][1:4] == ("resnet34_cutmix", "-", "2") and table.rows[1][5:] == ("96.26", "1 h 23", "finished")
    assert len(ended_lately([summary(ended=NOW)] * 30, NOW)) == MOST_ENDED
    for width in (80, 120, 200):
        lines = ended_lines(found, width, 9)
        assert fits(lines, width, 4) and "fail" in text_of(lines) and ("lr 0.01" in text_of(lines)) == (width == 200)
        assert figures_without_source(text_of(lines), table_data(table)) == []
        assert (
            len(ended_lines(found, width, 3)) == 3 and ended_lines(found, width, 2) == ended_lines([], width, 9) == []
        )
