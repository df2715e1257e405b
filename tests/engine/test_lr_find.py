"""The sweep itself, in this process, on the tiny data set."""

import json
from dataclasses import replace

import pytest
import torch

from engine import lr_find
from engine.contract.errors import BadInput
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Failed, Message, Phase, RunStarted, Step
from engine.contract.run.teacher import with_teacher
from engine.loop.decisions import Decisions
from engine.loop.setup import Setup
from engine.lr_find import Request, batches, carry_out, read, sweep
from engine.models.build import build_model
from engine.randomness import seed_torch

CPU = torch.device("cpu")


@pytest.fixture
def asked(make, parts):
    """A request for twenty rates, changed as said; `changes` are the recipe's."""

    def ask(high: float = 1.0, steps: int = 20, **changes) -> Request:
        return Request(make(**changes).recipe, parts, 1e-3, high, steps, seed=3, device="cpu", threads=1, data_dir="")

    return ask


@pytest.fixture
def text(make):
    """A request as it travels, on the generated shapes."""

    def write(**changes) -> str:
        table = make(data={"name": "shapes"}, **changes).recipe.to_table()
        rest = {"low": 1e-3, "high": 1.0, "steps": 20, "seed": 0, "device": "cpu", "threads": 1, "data_dir": ""}
        return json.dumps({"recipe": table, "parts": [], **rest})

    return write


def test_every_rate_is_followed_by_the_loss_that_it_led_to(asked, parts, tiny, monkeypatch):
    """Against a plain loop of torch's SGD over the same batches: more than an epoch of them."""
    setups = []
    monkeypatch.setattr("engine.lr_find.batches", lambda setup, *rest: setups.append(setup) or batches(setup, *rest))
    request = asked(optimizer={"name": "sgd", "lr": 0.05, "momentum": 0.9})
    steps = [event for event in sweep(request, tiny, CPU) if isinstance(event, Step)]

    seed_torch(3)
    model = build_model(request.recipe.model, num_classes=10, image_size=32, catalog=parts)
    optimizer = torch.optim.SGD(model.to(memory_format=torch.channels_last).parameters(), 1.0, momentum=0.9)
    rates, losses = torch.logspace(-3, 0, 20).tolist(), []
    for i, (x, y) in zip(range(21), batches(setups[0], request.recipe, 3), strict=False):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = rates[min(i, 19)]
        optimizer.step()
    assert [step.lr for step in steps] == pytest.approx(rates[: len(steps)], rel=1e-5)
    assert [step.loss for step in steps] == pytest.approx(losses[1 : len(steps) + 1], rel=1e-3)
    assert len(steps) == 20


def test_augmentation_is_told_which_images_it_gets_in_every_epoch(asked, tiny, monkeypatch):
    seen = []

    def spy(self, images, labels, epoch, step, chosen):
        assert torch.equal(images, tiny.train.images[torch.from_numpy(chosen)])
        seen.append((epoch, step))
        return augmented(self, images, labels, epoch, step, chosen)

    augmented = Setup.augmented
    monkeypatch.setattr(Setup, "augmented", spy)
    list(sweep(asked(steps=10), tiny, CPU))
    assert seen == [(epoch, step) for epoch in range(3) for step in range(5)][:11]


def test_it_ends_early_where_the_loss_explodes_and_says_so(asked, tiny):
    events = list(sweep(asked(high=1e3, steps=60), tiny, CPU))
    steps = [event for event in events if isinstance(event, Step)]
    assert len(steps) < 60
    assert isinstance(events[-1], Message)
    assert events[-1].text.startswith(f"ended at step {len(steps)}: the ")


def test_a_distilled_recipe_is_swept_with_its_teacher(asked, make, tiny, tmp_path):
    teacher = make(epochs=1)
    with EventWriter(teacher.run.events) as writer:
        for event in teacher.go():
            writer.write(event)
    loss = {"name": "distillation", "teacher": teacher.run.id, "temperature": 8.0, "weight": 1.0}
    request = asked(loss=loss)
    _, entry = with_teacher(request.recipe, [tmp_path / "runs"], request.parts)
    taught = [e.loss for e in sweep(replace(request, teacher=entry), tiny, CPU) if isinstance(e, Step)]
    plain = [e.loss for e in sweep(asked(), tiny, CPU) if isinstance(e, Step)]
    assert len(taught) == 20 and taught[0] != pytest.approx(plain[0], rel=0.1)
    with pytest.raises(BadInput, match=r"loss\.teacher"):
        list(sweep(request, tiny, CPU))


def test_compiling_is_left_out(asked, tiny, monkeypatch):
    decided = []
    monkeypatch.setattr(Decisions, "__post_init__", lambda self: decided.append(self.compile), raising=False)
    next(iter(sweep(asked(compute={"precision": "fp32", "compile": "default"}), tiny, CPU)))
    assert "default" not in decided


def test_what_a_user_got_wrong_is_told_as_bad_input(text, shapes_ready):
    told = []
    assert carry_out(text(model={"name": "lenet", "ghost_batch": 32}), told.append) == 2
    assert isinstance(told[0], Phase)
    assert isinstance(told[-1], Failed) and told[-1].reason == "bad_input"
    assert "lenet has no batch norm" in told[-1].message


def test_a_reader_that_went_away_ends_it_quietly(text):
    def gone(event):
        raise BrokenPipeError

    assert carry_out(text(), gone) == 1


def test_a_request_is_read_back_as_it_was_written(make, text):
    request = read(text())
    assert request.recipe.recipe_id == make(data={"name": "shapes"}).recipe.recipe_id
    assert (request.low, request.high, request.steps) == (1e-3, 1.0, 20)


@pytest.mark.parametrize(("seconds", "steps", "told_ahead"), [(0.0, 30, ", about 1 min"), (1e9, 60, " images")])
def test_without_a_number_of_steps_it_takes_as_many_as_fit_into_its_time(
    asked, tiny, monkeypatch, seconds, steps, told_ahead
):
    monkeypatch.setattr(lr_find, "SECONDS", seconds)
    monkeypatch.setattr(lr_find, "FEWEST", 30)
    monkeypatch.setattr(lr_find, "MOST", 60)
    events = list(sweep(asked(high=0.1, steps=0), tiny, CPU))
    (told,) = [event.steps_per_epoch for event in events if isinstance(event, RunStarted)]
    rates = [event.lr for event in events if isinstance(event, Step)]
    assert told == steps == len(rates)
    assert (rates[0], rates[-1]) == pytest.approx((1e-3, 0.1))
    assert [event.note for event in events if isinstance(event, Phase)][-1].endswith(told_ahead)
