"""What a batch will cost: time and disk space, estimated from earlier runs here."""

import pytest

from engine.contract.recipe.schema import Placement
from engine.contract.run.index import Index
from engine.contract.run.store import runs_root
from tui.plans.cost import Cost, cost, room


def recipe_of(one):
    return one.resolution.recipe


def test_time_is_judged_by_runs_of_the_same_recipe_first(lenet, ended_run, item, ready):
    ended_run(recipe_of(lenet), 9, (0.5,) * 3, device="cpu")  # an epoch a second
    ended_run(recipe_of(item("x", "batch_size=64", model="lenet")), 0, (0.5,) * 3, device="cpu")
    known = Index().rows([runs_root()])
    found = cost(ready(lenet, seeds=(0, 1)), known, Placement(device="cpu"))
    assert (found.seconds, found.judged, found.unknown) == (pytest.approx(6.0), 2, ())
    assert found.total == pytest.approx(6.0) and str(found).startswith("~6.0 s")


def test_time_of_another_size_is_scaled_by_the_images(lenet, ended_run, item, ready):
    ended_run(recipe_of(item("x", "data.fraction=0.5", model="lenet")), 0, (0.5,) * 3, device="cpu")
    known = Index().rows([runs_root()])
    assert cost(ready(lenet), known, Placement(device="cpu")).seconds == pytest.approx(6.0)


def test_models_that_never_ran_leave_the_time_unknown(lenet, ended_run, item, ready):
    assert cost(ready(lenet), [], Placement(device="cpu")).total is None
    ended_run(recipe_of(lenet), 9, (0.5,) * 3, device="cpu")
    known = Index().rows([runs_root()])
    some = cost(ready(lenet, item("res")), known, Placement(device="cpu"))
    assert (some.total, some.unknown) == (None, ("res",))
    assert "not counting 1 recipe" in str(some)


def test_devices_share_the_work(lenet, ended_run, monkeypatch, ready):
    monkeypatch.setenv("CIFAR_TUI_CPU_SLOTS", "2")
    ended_run(recipe_of(lenet), 9, (0.5,) * 3, device="cpu")
    known = Index().rows([runs_root()])
    found = cost(ready(lenet, seeds=(0, 1)), known, Placement(device="cpu"))
    assert (found.seconds, found.total) == (pytest.approx(6.0), pytest.approx(3.0))


def test_a_resumed_run_takes_what_is_left_of_it(lenet, ended_run, ready):
    ended_run(recipe_of(lenet), 0, (0.5, 0.6), state="stopped", device="cpu")
    known = Index().rows([runs_root()])
    assert cost(ready(lenet), known, Placement(device="cpu")).seconds == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Cost(0.0, 0, ("a",), 1), "time unknown: these models have not run here yet"),
        (Cost(90.0, 2, (), 1), "~1 m 30, estimated from earlier runs here"),
        (Cost(90.0, 2, (), 2), "~45 s on 2 devices in parallel, estimated from earlier runs here"),
        (
            Cost(9.0, 1, ("a", "b"), 1),
            "~9.0 s, estimated from earlier runs here, not counting 2 recipes of models that have not run here yet",
        ),
    ],
)
def test_the_time_is_said_with_what_it_leaves_out(found, text):
    assert str(found) == text


def test_disk_space_is_that_of_finished_runs_of_the_same_models(lenet, item, ready, ended_run):
    assert room(ready(lenet), []) == ""
    run = ended_run(recipe_of(lenet), 9, (0.5,) * 3, device="cpu")
    known = Index().rows([runs_root()])
    (size,) = (row.size_bytes for row in known)
    assert room(ready(lenet, seeds=(0, 1)), known) == f"~{2 * size / 1e3:.3g} kB on disk", run.id
    assert room(ready(lenet, item("res")), known) == "", "nothing is known of the other model"
    assert room(ready(lenet, seeds=(9,)), known) == "", "nothing to do"
