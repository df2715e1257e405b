"""The command that supervises one run: `python -m engine.launch.supervise RUN_DIR [--placement JSON] [--adopt]`.

`engine.launch.local.start` spawns it, or a run's job script executes it (`engine.launch.job_script`). The work itself
is in `engine.launch.supervisor`, the meaning of signals in `engine.launch.signals`, and requests from machines that
cannot send a signal in `engine.launch.elsewhere`.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.contract.errors import BadInput
from engine.contract.files import PRIVATE
from engine.contract.recipe.lenient import known_placement
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ExitRecord
from engine.launch import elsewhere, job_script, package
from engine.launch.child import command
from engine.launch.slurm import other_node, resubmit
from engine.launch.slurm.node import this_node
from engine.launch.supervisor import Command, Supervisor
from engine.launch.waiting import Timing

GRACE_SECONDS = 30.0


def grace_seconds() -> float:
    """Seconds that a trainer has to stop: $CIFAR_TUI_GRACE, or 30 if that is unset or not a number."""
    try:
        return max(float(os.environ.get("CIFAR_TUI_GRACE", GRACE_SECONDS)), 0.0)
    except ValueError:
        return GRACE_SECONDS


def main(argv: Sequence[str], *, trainer: Command = command, timing: Timing | None = None) -> int:
    """Supervise a run until it ends.

    Args:
        trainer: makes the trainer's command line from the run and its placement.
        timing: how often to check what; by default `Timing` with the grace period of $CIFAR_TUI_GRACE.

    Returns:
        The exit code: 0 if the run was supervised to its end, whatever that was, else 1.
    """
    parser = argparse.ArgumentParser("engine.launch.supervise", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--placement", default="{}", help="changes to the placement in run.json, as JSON")
    parser.add_argument("--adopt", action="store_true", help="supervise a trainer that has lost its supervisor")
    parser.add_argument("--watched", action="store_true", help="the run is known not to be active on another machine")
    parser.add_argument("--slurm", action="store_true", help="this is a step of a Slurm job")
    arguments = parser.parse_args(argv)
    run = RunFolder(arguments.run)
    try:
        if problem := package.problem():
            raise BadInput(problem)
        os.umask(PRIVATE)
        placement = Placement.model_validate(known_placement(run.info().placement)[0] | json.loads(arguments.placement))
        if arguments.slurm and placement.nodes > 1 and this_node().index:
            other_node.take_part(run, placement, trainer, (timing or Timing(grace=grace_seconds())).grace)
            return 0
        if not arguments.watched:
            elsewhere.ensure_dead(run)
            _refuse_finished(run)
        explain = resubmit.why_ended if arguments.slurm else None
        supervisor = Supervisor(run, placement, timing or Timing(grace=grace_seconds()), trainer, explain)
        ending = supervisor.adopt() if arguments.adopt else supervisor.carry_out()
        if arguments.slurm:
            resubmit.submit_again(run, ending, placement.resubmit, _say)
    except (BadInput, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # goes to the run's log; `start` shows its last line
        return 1
    finally:
        if not this_node().index:  # the script of the job has made it on the first node
            job_script.remove_own_queue()
    return 0


def _refuse_finished(run: RunFolder) -> None:
    """BadInput if the run is finished: a job may wait for days, while the run was carried out by another one."""
    record = ExitRecord.read(run.exit)
    if record is not None and record.state == "finished":
        raise BadInput(f"run {run.id} is finished")


def _say(text: str) -> None:
    print(f"--- {text}", flush=True)  # noqa: T201  # into the run's log


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
