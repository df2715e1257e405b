"""Where a GPU stands is known from another thread, without waiting for it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from engine.ranks import RankProgress

pytestmark = pytest.mark.gpu
GPU = torch.device("cuda:0")


def test_a_kernel_that_runs_long_keeps_the_gpu_behind_its_host():
    progress = RankProgress()
    with ThreadPoolExecutor(1) as thread:
        progress.enter(GPU)
        torch.cuda.synchronize()
        torch.cuda._sleep(4_000_000_000)  # clock ticks, about two seconds
        progress.enter(GPU)
        assert thread.submit(progress.position).result() == (1, 2)
        torch.cuda.synchronize()
        assert thread.submit(progress.position).result() == (2, 2)
