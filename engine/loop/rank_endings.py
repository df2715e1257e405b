"""How an attempt of several ranks ends when one of them fails, and where its reason is found."""

from __future__ import annotations

import faulthandler
import os
import sys
import time
from typing import Final

from engine.contract.home import Home
from engine.contract.run import rank_failure
from engine.contract.run.events import Failed
from engine.contract.run.folder import RunFolder

REASON_SECONDS: Final = 2.0
"""How long to wait for the reason of another rank's failure."""


def give_up(home: Home, rank: int, why: str) -> None:
    """End this process, of which a thread found out that a rank hangs, whatever its other threads wait for.

    The reason goes to `failures/rank-N.json`, from where the supervisor or the first rank takes it; the log gets the
    stacks of this process. torchrun then ends the other ranks.
    """
    sys.stderr.write(f"error: {why}\n")
    faulthandler.dump_traceback()
    try:
        home.write(rank_failure.RankFailure(rank, rank_failure.HUNG, why).write)
    finally:
        os._exit(1)


def why_lost(run: RunFolder) -> Failed:
    """The last event of an attempt in which another rank no longer answers, given the reason if that rank left one."""
    deadline = time.monotonic() + REASON_SECONDS
    while (found := rank_failure.cause(run.path)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    if found is None:
        message = "another rank of this run ended without giving a reason, as after kill -9; see the log"
        return Failed(reason="killed", message=message)
    return Failed(reason=found.reason, message=found.text, detail=found.detail)
