"""A sampled GPU."""

from tui.drawing.machine import GpuSample

GB = 2**30
CARD = GpuSample(
    0, "NVIDIA GeForce RTX 4090", 0.93, 10.6 * GB, 24 * GB, 4.6 * GB, (("u17", "python", 6 * GB),), 412, 450, 58
)
