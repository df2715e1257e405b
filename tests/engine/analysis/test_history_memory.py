"""The memory that a history holds and needs, counted by tracemalloc, which numpy reports its arrays to."""

import tracemalloc
from pathlib import Path

import pytest

from engine.analysis.history import History
from engine.analysis.series import GROWTH
from engine.contract.lines import MAX_LINE
from engine.contract.run.event_file import encode
from engine.contract.run.events import Step

STEPS = 10_000
FIXED = 50_000
"""Bytes of a history without steps."""


@pytest.fixture
def long_run(path: Path) -> Path:
    steps = (
        Step(
            epoch=1 + i // 390,
            step=1 + i % 390,
            loss=1 / (1 + i),
            lr=0.1 - 1e-7 * i,
            images_per_second=5e3 + 1 / (1 + i),
        )
        for i in range(STEPS)
    )
    path.write_text("".join(encode(step) + "\n" for step in steps))
    return path


def folding(history: History) -> tuple[int, int]:
    """The bytes that a history holds after reading its whole file, and the most that it held on the way."""
    tracemalloc.start()
    try:
        history.poll()
        return tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_only_a_piece_of_a_file_is_in_memory_as_objects_at_once(long_run):
    held, most = folding(History(long_run))
    assert long_run.stat().st_size > MAX_LINE
    assert most - held < 2.2 * MAX_LINE  # the bytes that were read and the whole lines of them


@pytest.mark.parametrize(("figures", "each"), [(0, 48), (256, 16)])
def test_a_step_takes_16_bytes_and_32_more_if_all_its_figures_are_kept(long_run, figures, each):
    held, _ = folding(History(long_run, figures))
    assert held < GROWTH * each * STEPS + FIXED
