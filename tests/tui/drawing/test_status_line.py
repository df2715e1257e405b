"""The status lines of the Dashboard: each state and every width."""

from dataclasses import replace

import pytest

from tests.tui.reading import HOSTILE, fits, text_of
from tui.drawing.status_line import Headline, RunProgress, status_lines

HEAD = Headline("resnet34_cutmix", "20261122-101530-k3f9", 0, "paper v2", "-", ("paper",), "running", "", 1.0)
GOING = RunProgress(epoch=112, done=111.48, epochs=500, step=187, steps=390, images_per_second=5214, seconds_per_epoch=10.0,
                 left=3900, now=1_700_000_000)  # fmt: skip


def test_a_running_run_fills_two_lines_of_eighty():
    lines = status_lines(HEAD, GOING, 80, 2)
    first, second = text_of(lines).splitlines()
    assert first.startswith(' ● resnet34_cutmix  k3f9  seed 0  "paper v2"') and first.endswith("running · 1 s ago")
    assert second == " epoch 112/500 ━━━━╺━━━━━━━━━━━━━ 22 %  step 187/390  5,214 img/s  ~1 h 05 left"
    assert fits(lines, 80, 2)


def test_the_wide_status_adds_changes_tags_and_the_time_per_epoch():
    first, second = text_of(status_lines(HEAD, GOING, 120, 2)).splitlines()
    assert "changes none   tags paper" in first and first.endswith("running · last event 1 s ago")
    assert "10 s an epoch" in second and "~1 h 05 left " in second


def test_a_failed_run_shows_its_reason_instead_of_its_progress():
    head = Headline("r", "x-k3f9", state="failed", reason="gpu_memory", age=7200)
    first, second = text_of(
        status_lines(head, RunProgress(epoch=31, done=31, epochs=500, message="needed 2.1 GB more"), 80, 2)
    ).splitlines()
    assert first.endswith("✗ failed: GPU memory · 2 h ago")
    assert second == " epoch 31/500   needed 2.1 GB more"


def test_a_waiting_run_shows_its_place_in_line():
    head = Headline("r", "x-k3f9", state="queued")
    assert text_of(status_lines(head, RunProgress(busy="2nd in line"), 80, 2)).splitlines()[1] == " 2nd in line"


def test_a_finished_run_shows_how_long_it_took():
    head = Headline("r", "x-k3f9", state="finished", age=60)
    second = text_of(
        status_lines(head, RunProgress(500, 500.0, 500, images_per_second=5000, took=5000), 80, 2)
    ).splitlines()[1]
    assert "100 %" in second and "took 1 h 23" in second and "left" not in second


@pytest.mark.parametrize("width", [60, 62, 79, 80, 100, 120, 200])
def test_the_status_never_overflows_and_neutralizes_names(width):
    head = Headline(HOSTILE * 5, "x-k3f9", 0, HOSTILE * 9, HOSTILE, (HOSTILE,) * 5, "running", "", 3.0)
    lines = status_lines(head, GOING, width, 2)
    assert fits(lines, width, 2)
    assert "\x1b" not in text_of(lines) and len(text_of(lines).splitlines()) == 2


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_run_that_is_left_out_says_so_on_the_dashboard(width):
    first = text_of(status_lines(replace(HEAD, excluded="wrong crop"), GOING, width, 2)).splitlines()[0]
    assert "left out: wrong crop" in first
