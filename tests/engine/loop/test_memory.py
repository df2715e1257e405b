"""What is freed after a step is there for the next one, counted in the kernel's page faults."""

import platform
import subprocess
import sys

import pytest

from engine.loop import memory

STEPS, BLOCKS, SIZE = 5, 4, 16 << 20
PROGRAM = f"""
import ctypes, resource, sys
from engine.loop.memory import keep_freed_memory
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes, libc.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(1)

def step():
    blocks = [libc.malloc({SIZE}) for _ in range({BLOCKS})]
    for block in blocks:
        ctypes.memset(block, 1, {SIZE})
    for block in blocks:
        libc.free(block)

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({STEPS}):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are those of the GNU C library")
def test_kept_memory_is_not_asked_for_again() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, check=True).stdout)
        for how in ("default", "keep")
    }
    assert faults["keep"] < 100 < STEPS * BLOCKS * SIZE // 4096 // 10 < faults["default"]


def test_another_system_or_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert not memory.keep_freed_memory()
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert not memory.keep_freed_memory()
