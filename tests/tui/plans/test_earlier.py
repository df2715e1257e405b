"""What is done about a recipe and a seed that runs exist of."""

from pathlib import Path

import pytest

from engine.contract.run.status import DENIED
from engine.contract.run.store import Summary
from tui.plans.earlier import action_for, by_recipe_and_seed, furthest

ROOT = Path("/runs")


def run(name: str, status: str, epoch: int = 1, *, folder: Path = ROOT, **values) -> Summary:
    return Summary(
        **{"id": name, "folder": str(folder / name), "status": status, "epoch": epoch, "recipe_id": "r", "seed": 0}
        | values
    )


def test_runs_are_found_by_recipe_and_seed():
    one, two, other = run("a", "finished"), run("b", "lost"), run("c", "finished", seed=1)
    assert by_recipe_and_seed([one, two, other]) == {("r", 0): [one, two], ("r", 1): [other]}


@pytest.mark.parametrize(
    ("status", "retry", "action"),
    [
        ("finished", False, "finished"), ("finished", True, "finished"), ("queued", False, "live"),
        ("running", True, "live"), ("failed", False, "failed"), ("failed", True, "resume"),
        ("stopped", False, "resume"), ("preempted", False, "resume"), ("lost", False, "resume"),
    ],
)  # fmt: skip
def test_the_action_follows_from_the_status(status, retry, action):
    assert action_for(run("a", status), ROOT, retry) == action


def test_what_does_not_exist_is_started():
    assert action_for(None, ROOT, False) == "start"
    assert furthest([], ROOT) is None


def test_a_run_in_another_folder_or_of_a_closed_one_is_not_resumed():
    assert action_for(run("a", "stopped", folder=Path("/other")), ROOT, False) == "start"
    assert action_for(run("a", "lost", reason=DENIED), ROOT, False) == "start"


@pytest.mark.parametrize(
    "order",
    [
        [("finished", 3), ("running", 9), ("stopped", 9)],
        [("running", 1), ("stopped", 9), ("failed", 20)],
        [("stopped", 1), ("failed", 9)],
        [("stopped", 5), ("lost", 4), ("preempted", 3)],
        [("failed", 5), ("failed", 4)],
    ],
)
def test_of_several_runs_the_one_that_got_furthest_counts(order):
    runs = [run(str(i), status, epoch) for i, (status, epoch) in enumerate(order)]
    for shown in (runs, runs[::-1]):
        best = furthest(shown, ROOT)
        assert best is not None and best.id == "0"


def test_of_two_alike_the_newer_one_counts():
    old, new = run("old", "failed", created=1.0), run("new", "failed", created=2.0)
    assert furthest([new, old], ROOT) == new
