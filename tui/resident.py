"""Resident memory: the workbench stays open for days on machines whose memory others need."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

THRESHOLDS: Final = (2000, 10, 10)
"""Python's usual ones, with a young generation that fits the objects of one repaint."""
MMAP_THRESHOLD, ARENA_MAX = -3, -8  # malloc.h of glibc
LARGE: Final = 64 * 1024


def keep_small() -> None:
    """Collect garbage early, and give the memory of large arrays back to the system at once.

    Start-up turns collections off, since nothing is garbage there; what it has made is never searched again. glibc
    raises the size from which it returns memory at once with each such block, and gives every thread a heap of its
    own: the arrays of a long run that are drawn and thrown away would leave them full of holes.
    """
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(MMAP_THRESHOLD, LARGE)
        mallopt(ARENA_MAX, 1)
