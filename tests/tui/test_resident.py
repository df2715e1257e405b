"""Memory that is given back, and modules that are not imported.

Both are measured in a process of its own, since the allocator's settings and the modules stay for good.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, os, sys
import psutil
from tui.resident import keep_small
if sys.argv[1] == "keep":
    keep_small()
    assert gc.get_threshold()[0] < 50_000 and gc.get_freeze_count() > 0
resident = psutil.Process().memory_info
del (large := bytearray(b"x" * (8 << 20)))[:]  # from now on, glibc keeps what is smaller than this
del large
before = resident().rss
blocks, pins = [], []
for _ in range(60):
    blocks.append(bytearray(b"x" * (1 << 19)))
    pins.append(bytearray(b"x" * 2000))
del blocks
print((resident().rss - before) / 1e6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="settings of glibc")
def test_large_blocks_are_returned_although_small_ones_between_them_stay():
    grown = {
        how: float(
            subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True).stdout
        )
        for how in ("keep", "leave")
    }
    assert grown["keep"] < 5 < grown["leave"]


LEFT_OUT = """
import sys
import numpy as np
from tui import opening
from tui.screens import dashboard
from tui.drawing.ranges import fit_values
fit_values([np.arange(10.0)])
print(*sorted({"html", "http.client", "numpy.ma", "tarfile", "urllib.request", "xml.sax.saxutils"} & set(sys.modules)))
"""


def test_the_dashboard_imports_neither_masked_arrays_nor_what_downloads_and_unpacks():
    done = subprocess.run([sys.executable, "-c", LEFT_OUT], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
