"""The devices panel: one GPU, several, none, and samples with gaps."""

import math
from dataclasses import replace

import pytest

from tests.tui.drawing.cards import CARD, GB
from tests.tui.reading import fits, text_of
from tui.drawing.gpu_panel import gpu_panel
from tui.drawing.machine import GpuSample, Machine


def test_a_gpu_shows_utilization_memory_owners_and_power():
    machine = Machine(gpus=(CARD,), cpu=0.12, ram_used=14 * GB, ram_total=128 * GB)
    assert text_of(gpu_panel(machine, 29, 6)).splitlines() == [
        "━ GPU 0 RTX 4090 ──── 58 °C ─",
        "use                      93 %",
        "",
        "mem ━━━━━━━━━━━━━━ 10.6/24 GB",
        "    ours 4.6 · u17 6.0 GB",
        "412 W cpu 12 % ram 14/128",
    ]


def test_the_lines_about_the_system_are_dropped_first():
    machine = Machine(gpus=(CARD,), cpu=0.12, ram_used=14 * GB, ram_total=128 * GB)
    assert len(gpu_panel(machine, 29, 3)) == 3
    assert "mem" in text_of(gpu_panel(machine, 29, 3)) and "cpu" not in text_of(gpu_panel(machine, 29, 3))


def test_the_wide_panel_shows_peak_others_history_and_host():
    machine = Machine(
        gpus=(CARD,), cpu=0.12, ram_used=14 * GB, ram_total=128 * GB, disk_free=212 * GB, peak_ours=4.9 * GB,
        busy=(0.9, math.nan, 0.5), seconds={"train": 9.5, "evaluate": 0.5},
    )  # fmt: skip
    assert text_of(gpu_panel(machine, 59, 8)).splitlines() == [
        "━ GPU 0  RTX 4090 ────────────────── 58 °C   412 of 450 W ─",
        "use                                       ⢰            93 %",
        "                                          ⢸⢠",
        "                                          ⢸⢸         10 min",
        "mem    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  10.6 of 24 GB",
        "       ━ ours 4.6 peak 4.9  ━ others 6.0 u17, python",
        "epoch  train 95 %  evaluate 5 %",
        "host   cpu 12 %   ram 14/128 GB   disk 212 GB free",
    ]
    assert {role: len(text) for text, role in gpu_panel(machine, 59, 8)[4] if "━" in text} == {
        "bar": round(37 * 4.6 / 24), "warn": round(37 * 6 / 24), "track": 37 - 7 - 9,
    }  # fmt: skip


def test_the_parts_of_a_step_take_the_place_of_the_phases_of_an_epoch():
    machine = Machine(gpus=(CARD,), seconds={"train": 9.5}, step_ms={"data": 4.0, "forward": 31.0, "backward": 65.0})
    text = text_of(gpu_panel(machine, 59, 9))
    assert "step %" in text and "backward 65" in text and "train 95 %" not in text


def test_a_narrow_wide_panel_drops_whole_words():
    machine = Machine(
        gpus=(CARD,), peak_ours=4.9 * GB, ram_used=14 * GB, ram_total=128 * GB, cpu=0.1, disk_free=212 * GB
    )
    text = text_of(gpu_panel(machine, 44, 9))
    assert "━ ours 4.6  ━ others 6.0 u17, python" in text and "disk 212 GB" in text and "…" not in text


@pytest.mark.parametrize("width", [29, 59])
def test_a_gpu_that_does_not_report_its_memory_shows_unknown(width):
    text = text_of(gpu_panel(Machine(gpus=(GpuSample(0, "GB10", 0.5),)), width, 8))
    assert next(line for line in text.splitlines() if "mem" in line).endswith("unknown")


@pytest.mark.parametrize("cards", [1, 2])
@pytest.mark.parametrize("width", [40, 59])
def test_a_gpu_that_no_longer_answers_is_named_beside_the_others(cards, width):
    note = "GPU 1 does not answer: GPU is lost"
    assert note in text_of(gpu_panel(Machine(gpus=(CARD,) * cards, note=note), width, 9))


def test_memory_that_no_listed_process_holds_may_belong_to_others():
    hidden = replace(CARD, others=(), memory_others=0.6 * GB)
    assert "0.6 GB driver or others" in text_of(gpu_panel(Machine(gpus=(hidden,)), 59, 8))
    alone = replace(CARD, others=(), memory_others=0.0)
    assert "no other processes" in text_of(gpu_panel(Machine(gpus=(alone,)), 59, 8))


def test_without_a_gpu_the_cpu_takes_its_place():
    machine = Machine(
        device="AMD EPYC, 2 threads", cpu=0.97, ram_used=5 * GB, ram_total=8 * GB, disk_free=11 * GB, note="no NVML"
    )
    text = text_of(gpu_panel(machine, 40, 6))
    assert "no GPU · AMD EPYC, 2 threads" in text and "cpu" in text and "97 %" in text and "5/8 GB" in text


def test_before_the_first_sample_nothing_is_shown():
    text = text_of(gpu_panel(Machine(sampled=False), 29, 5))
    assert "no GPU" not in text and "no sample yet" in text


def test_an_unknown_utilization_is_a_dash():
    assert "- %" in text_of(gpu_panel(Machine(gpus=(GpuSample(),)), 29, 6))


@pytest.mark.parametrize("width", [20, 29, 49, 50, 80, 160])
@pytest.mark.parametrize("height", [1, 3, 6, 12])
def test_no_panel_overflows(width, height):
    for machine in (
        Machine(gpus=(CARD,), busy=(0.5,) * 200),
        Machine(gpus=(CARD,) * 8),
        Machine(device="d" * 200),
        Machine(sampled=False),
    ):
        assert fits(gpu_panel(machine, width, height), width, height)
