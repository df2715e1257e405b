"""The reason of a run on several ranks: from the one that failed, or from one that waited for a rank that hangs."""

import subprocess
import sys

import pytest

from engine.contract.run.folder import RunFolder
from engine.contract.run.rank_failure import HUNG, LOST, RankFailure, cause
from engine.loop import rank_endings
from engine.loop.rank_endings import why_lost

GIVE_UP = """
import sys, threading
from pathlib import Path
from engine.contract.home import Home
from engine.loop.rank_endings import give_up

def main_loop():
    threading.Thread(target=give_up, args=(Home(Path(sys.argv[1])), 1, "rank 0 hangs: as the test wants it")).start()
    threading.Event().wait()

main_loop()
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_endings, "REASON_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("failures", "reason", "message"),
    [
        ([RankFailure(1, LOST, "-"), RankFailure(2, "data", "no file")], "data", "rank 2: no file"),
        ([RankFailure(2, HUNG, "rank 1 hangs: ...")], "hung", "rank 1 hangs: ..."),
        ([RankFailure(1, LOST, "-")], "killed", "another rank of this run ended without giving a reason"),
    ],
)
def test_the_reason_is_that_of_the_rank_that_failed(tmp_path, failures, reason, message):
    for failure in failures:
        failure.write(tmp_path)
    found = why_lost(RunFolder(tmp_path))
    assert (found.reason, found.message[: len(message)]) == (reason, message)


def test_a_rank_that_gives_up_leaves_its_reason_and_its_stacks_whatever_its_main_thread_waits_for(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", GIVE_UP, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert cause(tmp_path) == RankFailure(1, HUNG, "rank 0 hangs: as the test wants it")
    assert ended.stderr.startswith("error: rank 0 hangs: as the test wants it\n") and "in main_loop" in ended.stderr
