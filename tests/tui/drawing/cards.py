"""A sampled GPU."""

from tui.drawing.machine import Gpu

GB = 2**30
CARD = Gpu(0, "NVIDIA GeForce RTX 4090", 0.93, 10.6 * GB, 24 * GB, 4.6 * GB, (("u17", "python", 6 * GB),), 412, 450, 58)
