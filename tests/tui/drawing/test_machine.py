"""Samples of GPUs as they come from events."""

import math

from tests.tui.reading import HOSTILE
from tui.drawing.machine import GpuSample


def test_a_malformed_sample_counts_as_unknown():
    gpu = GpuSample.from_table({"index": "x", "utilization": "high", "others": [3, {"bytes": "many"}], "name": HOSTILE})
    assert gpu.index == 0 and math.isnan(gpu.utilization) and gpu.others == ()
    assert "\x1b" not in gpu.name and "\n" not in gpu.name


def test_other_processes_come_largest_first_and_the_name_is_short():
    others = [{"user": "a", "name": "x", "bytes": 1}, {"user": "b", "name": "y", "bytes": 2}]
    gpu = GpuSample.from_table({"index": 1, "name": "NVIDIA GeForce RTX 4090", "memory_used": 3, "others": others})
    assert gpu.others == (("b", "y", 2), ("a", "x", 1))
    assert (gpu.index, gpu.memory_used, gpu.short_name) == (1, 3, "RTX 4090")
