"""The lines of the queue: they print the cells of its tables and nothing else."""

import pytest

from tests.tui.drawing.queued import GPUS, NOW, ended_runs, every_section
from tests.tui.in_json import figures_without_source
from tests.tui.reading import fits, line_of, text_of
from tui.drawing.export_charts import table_data
from tui.drawing.lines import width_of
from tui.drawing.queue_lines import detail_lines, ended_lines, head_line, run_line
from tui.drawing.queue_table import ended_lately, ended_table


@pytest.fixture
def parts():
    return every_section()


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


def test_runs_that_have_ended_fill_the_height_they_get():
    found = ended_lately(ended_runs(), NOW)
    table = ended_table(found)
    for width in (80, 120, 200):
        lines = ended_lines(found, width, 9)
        assert fits(lines, width, 4) and "fail" in text_of(lines) and ("lr 0.01" in text_of(lines)) == (width == 200)
        assert figures_without_source(text_of(lines), table_data(table)) == []
        assert (
            len(ended_lines(found, width, 3)) == 3 and ended_lines(found, width, 2) == ended_lines([], width, 9) == []
        )
