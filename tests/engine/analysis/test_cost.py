"""What a run will take, judged by earlier ones on the same kind of device, scaled to its images and its batch."""

import math
from dataclasses import replace

import pytest

from engine.analysis.cost import HALF_OVERHEAD, estimate, images, seconds_left, size_on_disk
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch
from engine.contract.run.process import host_name
from engine.contract.run.store import create, runs_root, summarize
from presets.loader import Edits
from presets.references import recipe_of
from tui.forms.estimate import Hardware, before_you_start
from tui.plans.batch import BatchItem, prepare
from tui.plans.cost import cost
from tui.plans.draft import Draft
from tui.plans.resolution import Resolver

BASE = ("schedule.warmup=0", "epochs=4", "batch_size=100")
HERE = host_name()


def recipe(*sets):
    return recipe_of("quickstart", catalog(), Edits(sets=(*BASE, *sets)))


@pytest.fixture
def made(ended_run):
    """An ended run of four epochs, each with so many seconds of training and of testing, after two of start-up."""

    def make(*sets, train=8.0, test=2.0, device="cpu", seed=0, card=""):
        run = ended_run(recipe(*sets), seed, (), device=device, device_name=card)
        with EventWriter(run.events) as events:
            for number in range(1, 5):
                took = {"train": train, "evaluate": test}
                events.write(Epoch(number, test_accuracy=0.5, seconds=took, worked=2.0 + number * (train + test)))
        return summarize(run)

    return make


def test_a_run_of_the_very_recipe_judges_by_its_epochs_and_its_start(made):
    found = estimate(recipe(), [made(), made(train=80.0, device="cuda:0")], HERE, "cpu")
    assert (found.epoch, found.start, found.runs, found.scaled) == (10.0, pytest.approx(2.0), 1, False)
    assert found.seconds(100) == pytest.approx(1002.0)


def test_runs_on_another_device_or_host_say_nothing(made):
    assert estimate(recipe(), [made(device="cuda:0")], HERE, "cpu") is None
    assert estimate(recipe(), [made()], HERE, "cuda") is None
    assert estimate(recipe(), [replace(made(), host="elsewhere")], HERE, "cpu") is None


@pytest.mark.parametrize(
    ("changed", "part"),
    [("data.fraction=0.25", 0.25), ("data.holdout=0.5", 0.5), ("data.train_slice=first:0.5", 0.5)],
)
def test_steps_are_scaled_by_the_images_and_testing_is_not(made, changed, part):
    small = estimate(recipe(changed), [made()], HERE, "cpu")
    assert small.scaled and small.epoch == pytest.approx(8.0 * part + 2.0)
    large = estimate(recipe(), [made(changed)], HERE, "cpu")
    assert large.epoch == pytest.approx(8.0 / part + 2.0)


def test_a_smaller_batch_takes_longer_and_a_run_with_the_same_batch_judges_better(made):
    one = made()
    overhead = HALF_OVERHEAD["cpu"]
    found = estimate(recipe("batch_size=10"), [one], HERE, "cpu")
    assert found.epoch == pytest.approx(8.0 * (1 + overhead / 10) / (1 + overhead / 100) + 2.0)
    parts = estimate(recipe("compute.accumulate=10"), [one], HERE, "cpu")
    assert parts.epoch == found.epoch, "as many images go through the model at once"
    told = made("batch_size=10", "epochs=5", train=13.0)
    assert estimate(recipe("batch_size=10"), [one, told], HERE, "cpu").epoch == 15.0


def test_the_form_and_a_batch_of_runs_say_the_same(made):
    known = [made(), made("model=lenet", train=1.0)]
    for changed in ((), ("data.fraction=0.25",), ("batch_size=20",), ("model=lenet", "epochs=40")):
        wanted = recipe(*changed)
        each = estimate(wanted, known, HERE, "cpu")
        lines = [text for text, _ in before_you_start(wanted, 1, "cpu", known, Hardware(HERE), catalog(), "")]
        assert any(line.startswith(f"~{_said(each.epoch)} per epoch") for line in lines)
        assert f"~{_said(each.seconds(wanted.epochs))} per run" in lines
        draft = Draft("quickstart", sets={key: value for key, _, value in map(_split, (*BASE, *changed))})
        item = BatchItem("x", Resolver(catalog()).take(draft, "quickstart"))
        batch = prepare([item], (7,), [runs_root()], catalog(), known=known)
        assert cost(batch, known, Placement(device="cpu")).seconds == pytest.approx(each.seconds(wanted.epochs))


def _split(text):
    return text.partition("=")


def _said(seconds):
    from tui.drawing.format import duration

    return duration(seconds)


def test_the_form_never_shows_the_seconds_of_a_gpu_for_a_cpu(made):
    lines = [
        text
        for text, _ in before_you_start(recipe(), 1, "auto", [made(device="cuda:0")], Hardware(HERE), catalog(), "")
    ]
    assert "time unknown: no earlier run here on the CPU" in lines
    with_gpu = Hardware(HERE, gpus=(("a card", 1, 1),))
    lines = [
        text for text, _ in before_you_start(recipe(), 1, "auto", [made(device="cuda:0")], with_gpu, catalog(), "")
    ]
    assert "~10 s per epoch (from 1 run here)" in lines


def test_of_unlike_cards_the_one_that_is_asked_for_judges(made):
    known = [made(device="cuda:0", card="fast"), made(device="cuda:1", card="slow", train=98.0)]
    assert estimate(recipe(), known, HERE, "cuda", ["slow"]).epoch == 100.0
    assert estimate(recipe(), known, HERE, "cuda", ["fast"]).epoch == 10.0
    assert estimate(recipe(), known, HERE, "cuda", ["new"]).runs == 2, "better than nothing"
    machine = Hardware(HERE, gpus=(("fast", 2, 2), ("slow", 1, 1)))
    for device, said in (
        ("cuda:1", "~1 m 40 per epoch (from 1 run here)"),
        ("cuda:0", "~10 s per epoch (from 1 run here)"),
    ):
        lines = [text for text, _ in before_you_start(recipe(), 1, device, known, machine, catalog(), "")]
        assert said in lines


def test_a_damaged_run_is_passed_over(made):
    bad, good = made("epochs=5"), made("epochs=6", train=4.0)
    (runs_root() / bad.id / "recipe.toml").write_text("= =")
    assert estimate(recipe(), [bad, good], HERE, "cpu").epoch == 6.0
    assert estimate(recipe(), [bad], HERE, "cpu") is None


def test_what_is_left_of_a_live_run():
    assert seconds_left(10, 2.5, 4.0) == 30.0
    assert seconds_left(10, 11.0, 4.0) == 0.0
    assert math.isnan(seconds_left(10, 2.5, math.nan))


def test_a_live_run_has_one_time_to_go_wherever_it_is_shown():
    from tui.dashboard.panels import others
    from tui.dashboard.view import RunView

    run = create(runs_root(), recipe(), seed=0)
    with EventWriter(run.events) as events:
        for number, took in ((1, 50.0), (2, 10.0), (3, 10.0)):  # the first epoch compiled
            events.write(Epoch(number, test_accuracy=0.5, seconds={"train": took}, worked=100.0 * number))
    view = RunView(run)
    view.poll()
    row = replace(summarize(run), status="running")
    assert others([row], "", {})[0].left == view.seconds_left == seconds_left(4, 3, 10.0)


def test_slices_fractions_and_holdouts_multiply():
    assert images(recipe("data.train_slice=first:0.5", "data.fraction=0.4", "data.holdout=0.25")) == pytest.approx(0.15)


def test_the_size_on_disk_is_the_median_of_finished_runs_of_the_model(made):
    known = [made(), made(), made("model=lenet")]
    sizes = sorted(row.size_bytes for row in known[:2])
    model = known[0].model
    assert size_on_disk(model, known) == pytest.approx(sum(sizes) / 2)
    imported = replace(known[0], size_bytes=1, layout="weights")
    assert size_on_disk(model, [imported, *known]) == pytest.approx(sum(sizes) / 2)
    assert math.isnan(size_on_disk("none_such", known))
