"""On a GPU the parts of a step are timed on the device, and timing them waits for nothing."""

import pytest
import torch

from engine.loop.step_clock import StepClock

pytestmark = pytest.mark.gpu


def test_timing_waits_for_nothing_and_measures_the_device() -> None:
    x = torch.randn(4096, 4096, device="cuda")
    torch.cuda.synchronize()
    clock = StepClock(torch.device("cuda"), every=1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        clock.start(0)
        x @ x
        clock.lap("short")
        for _ in range(20):
            x @ x
        clock.lap("long")
        clock.stop()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.cuda.synchronize()
    parts = clock.read()
    assert 0 < 5 * parts["short"] < parts["long"]
