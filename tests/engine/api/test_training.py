"""Training from a program: what is started, what callbacks get, and what happens where one of them fails."""

import json

import pytest

from engine import api
from engine.contract.recipe.catalog import catalog
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Failed, Finished
from engine.contract.run.records import ExitRecord
from engine.contract.run.store import RunFolder, runs_root
from engine.launch import control, local
from presets.references import recipe_of


@pytest.fixture
def started(monkeypatch):
    """The runs that were started. Each ends at once as the test says, by `ending`."""
    found: list[RunFolder] = []

    def start(run, **_):
        found.append(run)
        with EventWriter(run.events) as events:
            for event in start.events:
                events.write(event)
        ExitRecord(start.state, message=start.message).write(run.exit)

    start.events = [Epoch(1, test_accuracy=0.5), Epoch(2, test_accuracy=0.6), Finished(epochs=2, last_accuracy=0.6)]
    start.state, start.message, start.found = "finished", "", found
    monkeypatch.setattr(local, "start", start)
    return start


def test_callbacks_get_every_event_in_order_and_the_run_is_returned(started):
    first, second = [], []
    run = api.train("quickstart", [first.append, second.append], changes=["epochs=2"], seed=7, tags=["a"], name="b")
    assert [event.KIND for event in first] == ["epoch", "epoch", "finished"] and first == second
    assert (run.status, run.seed, run.tags, run.name, run.last_accuracy) == ("finished", 7, ("a",), "b", 0.6)
    assert run.recipe["epochs"] == 2 and run.preset == "quickstart" and "epochs" in run.changes
    command = started.found[0].info().command
    assert command == "cifar-tui --preset quickstart --set epochs=2 --seed 7 --headless"


@pytest.mark.parametrize("kind", ["table", "recipe", "run", "file"])
def test_a_recipe_may_be_given_in_any_form(started, kind, tmp_path):
    recipe = recipe_of("quickstart", catalog())
    (tmp_path / "mine.toml").write_text(recipe.to_toml())
    before = api.train("quickstart")
    given = {
        "table": recipe.to_table(),
        "recipe": recipe,
        "run": f"run:{before.id}",
        "file": str(tmp_path / "mine.toml"),
    }
    run = api.train(given[kind], changes=["optimizer.lr=0.07"])
    assert run.recipe["optimizer"]["lr"] == 0.07
    assert api.train(given[kind]).recipe_id == before.recipe_id == recipe.recipe_id


@pytest.mark.parametrize(
    ("recipe", "options", "why"),
    [
        ("quickstrat", {}, "did you mean quickstart"),
        ("quickstart", {"changes": ["optimizer.lrr=1"]}, "lrr"),
        ("quickstart", {"device": "cuda:99"}, "cuda:99"),
        ({"epochs": "many"}, {}, "epochs"),
        ("quickstart", {"tags": ["two words"]}, "one word"),
    ],
)
def test_a_mistake_starts_nothing(started, recipe, options, why):
    with pytest.raises(api.BadInput, match=why):
        api.train(recipe, **options)
    assert not started.found and not list(runs_root().glob("2*"))


def test_a_run_that_fails_raises_with_its_reason_and_the_run(started):
    started.events = [Epoch(1, test_accuracy=0.5), Failed(reason="diverged", message="the loss is nan")]
    started.state, started.message = "failed", "the loss is nan"
    with pytest.raises(api.RunFailed, match="failed: the loss is nan") as raised:
        api.train("quickstart")
    assert raised.value.run.status == "failed" and raised.value.run.epoch == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_where_a_callback_fails_the_run_is_stopped_and_the_error_goes_on(started, monkeypatch, error):
    asked = []
    monkeypatch.setattr(control, "stop", lambda run: asked.append(run.id))
    monkeypatch.setattr(control, "wait", lambda run: asked.append("waited"))

    def fail(event):
        raise error

    with pytest.raises(error):
        api.train("quickstart", fail)
    assert asked == [started.found[0].id, "waited"]


def test_a_detached_run_is_returned_at_once(started):
    called = []
    run = api.train("quickstart", called.append, detach=True)
    assert not called and run.id == started.found[0].id


def test_own_parts_are_copied_into_the_run(started, tmp_path):
    from tests.engine.own_parts import __file__ as own

    run = api.train("quickstart", parts=[own])
    assert (run.folder / "parts" / "own_parts.py").exists()
    assert json.loads((run.folder / "run.json").read_text())["parts"].keys() == {"own_parts.py"}
