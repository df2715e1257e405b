"""Sweeps over the learning rate: what may start, what its process is asked for, how far it has come."""

import math
import shlex

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.run.events import Failed, Message, Phase, RunStarted, Step
from engine.contract.run.store import runs_root
from tui.plans.draft import Draft, from_flags
from tui.plans.resolution import Resolver
from tui.plans.sweep import SweepProgress, SweepRange, command, plan_sweep, suggestions, text_of


def falling(steps: int = 60) -> list[Step]:
    """A loss that falls fastest at 0.01."""
    rates = [10 ** (-4 + 4 * i / (steps - 1)) for i in range(steps)]
    return [Step(step=i + 1, lr=rate, loss=2.3 - 1 / (1 + (0.01 / rate) ** 2)) for i, rate in enumerate(rates)]


def planned(wanted=None, **flags):
    draft = from_flags({"preset": "quickstart", "device": "cpu", "threads": 1, **flags})
    return plan_sweep(Resolver(catalog()).take(draft, "quickstart"), wanted or SweepRange(), [runs_root()])


def test_the_process_is_asked_for_the_resolved_recipe_and_the_span():
    plan = planned(SweepRange(1e-4, 0.1, 50), model="lenet", seed="7", data_dir="/data")
    request = plan.request
    assert request["recipe"]["model"]["name"] == "lenet" and request["seed"] == 7
    assert (request["low"], request["high"], request["steps"]) == (1e-4, 0.1, 50)
    assert (request["device"], request["threads"], request["data_dir"]) == ("cpu", 1, "/data")
    assert (plan.span.low, plan.span.high, plan.place.device) == (1e-4, 0.1, "cpu")
    assert not runs_root().exists()


def test_the_loss_of_guessing_is_that_of_ten_equally_likely_classes():
    assert planned().guessing == pytest.approx(math.log(10))


def test_what_nobody_asks_for_lies_around_the_rate_of_the_optimizer():
    span = SweepRange().around(0.1)
    assert (span.low, span.high, span.steps) == (pytest.approx(1e-3), pytest.approx(3.0), 0)
    assert SweepRange(low=0.01).around(0.1).low == 0.01


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (SweepRange(low=0.0), "--min: got 0, needs 1e-09 <= x <= 1000"),
        (SweepRange(low=1.0, high=0.1), "--max: got 0.1, needs 1 (--min) < x <= 1000"),
        (SweepRange(high=math.nan), "--max: got nan, needs 0.001 (--min) < x <= 1000"),
        (SweepRange(steps=5), "--steps: got 5, needs 20 <= x <= 10000"),
    ],
)
def test_impossible_spans_are_refused(wanted, problem):
    with pytest.raises(BadInput) as caught:
        wanted.around(0.1)
    assert caught.value.problems == [problem]


def test_all_problems_of_a_span_are_named():
    with pytest.raises(BadInput) as caught:
        SweepRange(-1.0, math.inf, 1).around(0.1)
    assert len(caught.value.problems) == 3


# --- progress -------------------------------------------------------------------------------------------------


def test_progress_says_how_long_it_will_go_on():
    """Eleven steps in ten seconds, and forty of fifty-one to come: forty seconds."""
    progress = SweepProgress()
    progress.take(RunStarted(steps_per_epoch=51))
    for i, step in enumerate(falling()[:11]):
        assert math.isnan(progress.seconds_left()) == (i < 2)
        progress.take(step, now=100.0 + i)
    assert progress.seconds_left() == pytest.approx(40.0)
    assert "step 11 of 51" in progress.state and "~40 s left" in progress.state


def test_progress_says_what_the_sweep_is_doing_and_what_failed():
    progress = SweepProgress()
    progress.take(Phase(name="preparing data", note="cifar10"))
    assert progress.state == "preparing data: cifar10"
    progress.take(Message(text="all rates were tried"))
    assert progress.state == "all rates were tried" and progress.failed is None
    progress.take(Failed(reason="data", message="gone"))
    assert progress.failed is not None and progress.failed.message == "gone"


def test_the_suggestions_come_with_their_rules_and_the_command_that_uses_them():
    progress = SweepProgress()
    for step in falling():
        progress.take(step)
    first, second = suggestions(progress.curve())
    assert first == "0.1  a tenth of the largest rate at which the loss stays low"
    assert second.endswith("  where the loss falls fastest")
    words = shlex.split(command(Draft("quickstart"), 0.02218))
    assert words == ["cifar-tui", "--preset", "quickstart", "--lr", "0.0222", "--headless"]
    assert text_of(2.2e-5) == "2.2e-05"


def test_without_a_fall_the_reason_is_said():
    progress = SweepProgress()
    for i in range(40):
        progress.take(Step(step=i, lr=1e-4 * 1.1**i, loss=2.3))
    assert suggestions(progress.curve()) == ["no suggestion: the loss never clearly fell"]
