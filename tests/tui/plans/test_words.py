"""A batch in words."""

import pytest

from engine.contract.recipe.catalog import catalog
from tui.plans.batch import BatchItem
from tui.plans.cost import Cost
from tui.plans.draft import from_flags
from tui.plans.resolution import Resolver
from tui.plans.words import describe, grouped, shortened

UNKNOWN = Cost(0.0, 0, (), 1)
TIME = "time unknown: these models have not run here yet"


def test_counts_time_and_space_are_said(lenet, ready):
    batch = ready(lenet, seeds=(0, 1))
    assert describe(batch, UNKNOWN, "") == ["2 runs: 2 to start", TIME]
    assert describe(batch, UNKNOWN, "~1 MB on disk")[1] == f"{TIME}; ~1 MB on disk"
    assert describe(batch, UNKNOWN, "", "shrunk to 1 epoch")[1] == "shrunk to 1 epoch"


@pytest.mark.parametrize(
    ("state", "words"),
    [("finished", "1 finished"), ("stopped", "1 to resume"), ("failed", "1 failed (use --retry to resume)")],
)
def test_every_action_has_its_words(lenet, ready, ended_run, state, words):
    ended_run(lenet.resolution.recipe, 0, (0.5,) * 3, state=state)
    batch = ready(lenet)
    assert describe(batch, UNKNOWN, "")[0] == f"1 run: {words}"
    assert (TIME in describe(batch, UNKNOWN, "")) == (state == "stopped"), "time matters where something is to do"


def test_duplicates_are_named_with_what_they_repeat(lenet, item, ready):
    batch = ready(lenet, item("a", "model=lenet"), item("b", "model=lenet"))
    lines = describe(batch, UNKNOWN, "")
    assert lines[0] == "3 runs: 1 to start, 2 duplicate"
    assert lines[-1] == "a, b have the same recipe as lenet: run once"
    assert (
        describe(ready(lenet, item("a", "model=lenet")), UNKNOWN, "")[-1] == "a has the same recipe as lenet: run once"
    )


def test_what_was_shortened_is_said_once_for_all_items_that_it_holds_for(ready):
    def one(label, **flags):
        draft = from_flags({"preset": "quickstart", "device": "cpu", **flags})
        return BatchItem(label, Resolver(catalog()).take(draft, "quickstart"))

    batch = ready(one("a", epochs=1, lr=0.1), one("b", epochs=1, lr=0.2), one("c"))
    line = "a, b: to fit into 1 epoch instead of 8: schedule.warmup 2 -> 0.25"
    assert shortened(batch) == [line]
    assert line in describe(batch, UNKNOWN, "")


def test_remarks_are_grouped_by_what_they_say():
    lines = {"a": ["x"], "b": ["x", "y"], "c": ["x"], "d": ["x"], "e": ["x"]}
    assert grouped(lines) == ["a, b, c and 2 more: x", "b: y"]
