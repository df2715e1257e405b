"""The short list of runs beside the charts."""

import math

from tests.tui.reading import HOSTILE, fits, text_of
from tui.drawing.runs_here import HereRun, runs_here

RUNS = [
    HereRun("20261122-101530-k3f9", "resnet34_cutmix", "running", "●", "run-0", 112, 500, 0.9431, 3900, shown=True),
    HereRun("20261122-101530-p7x2", "wrn28_10_ricap", "running", "■", "run-1", 41, 200, 0.952, 7800),
    HereRun("20261122-101530-m2aa", "resnet34_cutmix", "queued", "◌", "dim"),
    HereRun("20261122-101530-d2f8", "resnet34_cutmix", "finished", "✓", "dim", 500, 500, 0.9626),
]


def test_each_run_has_its_mark_its_progress_and_what_is_left():
    lines = runs_here(RUNS, 51, 6)
    assert text_of(lines).splitlines() == [
        "━ runs here ──────────────────────────── , . move ─",
        "  id    recipe                epoch   last     left",
        "● k3f9  resnet34_cutmix     112/500  94.31  ~1 h 05",
        "■ p7x2  wrn28_10_ricap       41/200  95.20  ~2 h 10",
        "◌ m2aa  resnet34_cutmix                      queued",
        "✓ d2f8  resnet34_cutmix     500/500  96.26     done",
    ]
    assert [line[0][1] for line in lines[2:]] == ["run-0", "run-1", "dim", "dim"]


def test_the_run_on_the_screen_is_always_in_the_list():
    many = [HereRun(f"x-{i:04}", "r", "finished", "✓", "dim", 1, 1, 0.5, shown=i == 30) for i in range(40)]
    assert "0030" in text_of(runs_here(many, 46, 6)) and "0030" in text_of(runs_here(many, 46, 3))


def test_no_list_overflows_and_names_are_neutralized():
    hostile = HereRun(HOSTILE, HOSTILE * 5, "failed", "✗", "bad", 10**6, 10**6, math.nan)
    for width, height in ((30, 4), (46, 2), (52, 9)):
        lines = runs_here([*RUNS, hostile], width, height)
        assert fits(lines, width, height) and "\x1b" not in text_of(lines)
