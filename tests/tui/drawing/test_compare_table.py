"""The table of Compare as text."""

import numpy as np
from rich.cells import cell_len

from engine.analysis.compare import Difference, Standing, groups, table
from tests.tui.reading import line_of
from tui.drawing import compare_table


def standing(name, last, seed=0, recipe="r"):
    return Standing(f"20261122-101530-{name}", "resnet34_cutmix", recipe, seed, 2, np.array([1.0, 2.0]), np.array([0.5, last]),
                    5000.0, 5214.0, 10_000)  # fmt: skip


def test_the_table_has_a_line_for_each_run_group_and_difference():
    runs = [standing("k3f9", 0.9361), standing("8fq2", 0.9366, 1)]
    table_rows = table(runs, runs[1].id)
    lines = compare_table.table_lines(table_rows, groups(table_rows), [Difference("optimizer.lr", ("0.005", "0.01"))])
    marks = [("●", "run-0"), ("●8", "run-5")]
    drawn = [line_of(compare_table.draw_line(line, runs[1].id, 80, i == 1, marks)) for i, line in enumerate(lines)]
    assert drawn[1].split() == [
        "▸",
        "●",
        "k3f9",
        "resnet34_cutmix",
        "0",
        "2/2",
        "93.61",
        "±0.48",
        "93.61*",
        "-0.05",
        "@",
        "2",
        "1",
        "h",
        "23",
    ]
    wide = line_of(compare_table.draw_line(lines[1], runs[1].id, 100, False, marks)).split()
    assert wide[-4:] == ["1", "h", "23", "5,214"]
    assert drawn[2].split()[:2] == ["b●", "8fq2"] and "base" in drawn[2]
    assert "93.64 ± 0.04" in drawn[4] and "n=2" in drawn[4]
    assert drawn[5].startswith("━ 1 field differs")
    assert drawn[6].split() == ["optimizer.lr", "●", "0.005", "●8", "0.01"]
    assert any("picked on test" in line for line in drawn)
    assert all(cell_len(line) <= 80 for line in drawn)
