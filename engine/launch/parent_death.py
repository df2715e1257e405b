"""End this process when its parent dies.

torchrun starts every rank in a session of its own, so that no signal to the group of the agent reaches it. A rank that
survived its agent would go on writing events beside those of a resumed run.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

import psutil

PR_SET_PDEATHSIG: Final = 1  # prctl(2)
AGENT: Final = "torch.distributed.run"


def follow_agent() -> None:
    """Have the kernel kill this process when torchrun's agent dies, and exit at once if it has died already.

    Does nothing where this process is not a rank. Linux only; on other systems no run has several ranks.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ or sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        parent = psutil.Process(os.getppid()).cmdline()
    except psutil.Error:
        parent = []
    if AGENT not in parent:  # it died before the kernel was asked, and this process has another parent by now
        sys.exit(1)
