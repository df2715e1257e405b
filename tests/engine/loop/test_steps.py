"""A step recorded once and replayed is the step itself; where it cannot be recorded, nothing is lost."""

import pytest
import torch

from engine.loop.steps import EAGER_STEPS, Recorded
from tests.engine.conftest import tiny_recipe


class Recorder:
    """A CUDA graph as far as a CPU can play it: recording computes nothing, and every replay fills the same tensors."""

    def __init__(self, problem: str = "") -> None:
        self.problem, self.recorded, self.replayed, self.eager_steps = problem, 0, 0, 0

    def run_eagerly(self, step):
        self.eager_steps += 1
        return step()

    def record(self, step):
        if self.problem:
            raise RuntimeError(self.problem)
        self.recorded += 1
        kept = []

        def replay():
            self.replayed += 1
            fresh = step()
            if not kept:
                kept.extend(fresh)
            for mine, new in zip(kept, fresh, strict=True):
                if mine is not None:
                    mine.copy_(new)
            return tuple(kept)

        return replay


class Net:
    """Least squares on a batch, one gradient step at a time; parameters stay where they are."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.weight = torch.randn(3, 2)

    def step(self, x, y):
        logits = x @ self.weight
        loss = (logits - y).square().mean()
        self.weight -= 0.1 * x.T @ (logits - y)
        return loss, logits, None


def batches(sizes):
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(n, 3, generator=generator), torch.randn(n, 2, generator=generator)) for n in sizes]


def test_replayed_steps_are_the_steps_themselves():
    recorder, plain, quick = Recorder(), Net(), Net()
    step = Recorded(quick.step, recorder, pytest.fail)
    for x, y in batches([8] * 10):
        for mine, theirs in zip(step(x, y)[:2], plain.step(x, y)[:2], strict=True):
            assert torch.equal(mine, theirs)
    assert torch.equal(quick.weight, plain.weight)
    assert (recorder.eager_steps, recorder.recorded, recorder.replayed) == (EAGER_STEPS, 1, 10 - EAGER_STEPS)


def test_a_batch_of_another_shape_is_taken_by_the_ordinary_step():
    recorder, plain, quick = Recorder(), Net(), Net()
    step = Recorded(quick.step, recorder, pytest.fail)
    sizes = [8] * 5 + [3] + [8] * 2
    for x, y in batches(sizes):
        assert torch.equal(step(x, y)[1], plain.step(x, y)[1])
    assert (recorder.recorded, recorder.replayed) == (1, len(sizes) - EAGER_STEPS - 1)


def test_a_step_that_has_changed_is_recorded_anew():
    recorder, plain, quick = Recorder(), Net(), Net()
    step = Recorded(quick.step, recorder, pytest.fail)
    for i, (x, y) in enumerate(batches([8] * 14)):
        if i == 6:
            step.forget()
        assert torch.equal(step(x, y)[1], plain.step(x, y)[1])
    assert (recorder.eager_steps, recorder.recorded, recorder.replayed) == (2 * EAGER_STEPS, 2, 14 - 2 * EAGER_STEPS)


def test_the_batch_given_is_never_written_to():
    step = Recorded(Net().step, Recorder(), pytest.fail)
    given = batches([8] * 6)
    before = [(x.clone(), y.clone()) for x, y in given]
    for x, y in given:
        step(x, y)
    assert all(torch.equal(a, b) and torch.equal(c, d) for (a, c), (b, d) in zip(given, before, strict=True))


def test_a_step_that_cannot_be_recorded_is_carried_out_all_the_same():
    said, plain, quick = [], Net(), Net()
    recorder = Recorder(problem="operation not permitted when stream is capturing\nmore of it")
    step = Recorded(quick.step, recorder, said.append)
    for x, y in batches([8] * 6):
        assert torch.equal(step(x, y)[1], plain.step(x, y)[1])
    assert recorder.eager_steps == EAGER_STEPS
    (line,) = said
    assert line.endswith("runs eagerly: operation not permitted when stream is capturing")


def test_new_defaults_do_not_change_the_id_of_a_recipe(parts):
    plain = tiny_recipe(parts)
    assert tiny_recipe(parts, compute={"precision": "fp32", "graph": "auto"}).recipe_id == plain.recipe_id
    assert tiny_recipe(parts, compute={"precision": "fp32", "graph": "off"}).recipe_id != plain.recipe_id
    assert tiny_recipe(parts, compute={"precision": "fp32", "compile": "off"}).recipe_id == plain.recipe_id
    assert tiny_recipe(parts, compute={"precision": "fp32", "compile": "default"}).recipe_id != plain.recipe_id
