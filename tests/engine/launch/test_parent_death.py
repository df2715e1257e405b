"""A rank ends with torchrun's agent. That the kernel sees to it is tested with a run of two ranks."""

import os
import subprocess
import sys

import pytest

CODE = "from engine.launch.parent_death import follow_agent; follow_agent(); print('at work')"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has runs of several ranks")
def test_a_rank_whose_agent_has_died_already_does_nothing():
    rank = subprocess.run(
        [sys.executable, "-c", CODE],
        env=os.environ | {"TORCHELASTIC_RUN_ID": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (rank.returncode, rank.stdout) == (1, ""), rank.stderr


def test_a_process_that_is_no_rank_goes_on():
    environment = {name: value for name, value in os.environ.items() if name != "TORCHELASTIC_RUN_ID"}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "at work\n"
