"""Rules of `optimizer.groups` with an end: what is left of a group that is no longer trained."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.contract.recipe.option_types import Rule
from engine.models.airbench import airbench94
from engine.optim.build import build_optimizer
from engine.optim.param_groups import follow
from engine.optim.rules import end_groups
from tests.engine.optim.small_net import choice, closure, every_optimizer, net


@pytest.mark.parametrize(
    ("until", "steps", "end"), [(0.375, 200, 75), (0.3, 10, 3), (0.25, 10, 2), (0.01, 10, 1), (0.97, 10, 10)]
)
def test_a_group_is_trained_for_its_part_of_all_steps_rounded(until: float, steps: int, end: int) -> None:
    optimizer = build_optimizer(choice("sgd", groups=(Rule(match="0.*", until=until),)), net())
    ended = [step for step in range(steps) if end_groups(optimizer, step, steps)]
    assert ended == [end] * (end < steps)


WRAPPED = {
    "alone": {},
    "sam": {"sharpness": "sam"},
    "asam": {"sharpness": "asam"},
    "lookahead": {"lookahead": 3},
    "no decay of vectors": {"decay_norm_bias": False},
}


@pytest.mark.parametrize("around", WRAPPED.values(), ids=WRAPPED)
@every_optimizer
def test_an_ended_group_stands_still_without_gradient_and_state(part: Any, around: dict[str, Any]) -> None:
    """Lookahead takes its last steps in once more, at the next meeting of slow and fast weights."""
    decays = {name: 0.01 for name in ("weight_decay", "other_weight_decay") if name in part.defaults}
    rules = (Rule(match="[01].*", until=0.4),)
    optimizer = build_optimizer(choice(part.name, groups=rules, **decays, **around), model := net())
    ended = [p for name, p in model.named_parameters() if name[0] in "01"]
    trail = []
    for step in range(10):
        assert end_groups(optimizer, step, 10) == (step == 4)
        optimizer.step(partial(closure, model, step))
        trail.append([parameter.detach().clone() for parameter in model.parameters()])
    assert all(p.grad is None and not p.requires_grad and p not in optimizer.state for p in ended)
    still = 5 if around.get("lookahead") else 3
    for i, (name, _) in enumerate(model.named_parameters()):
        moved = [not torch.equal(one[i], other[i]) for one, other in pairwise(trail)]
        assert all(moved[:3]), name
        assert any(moved[still:]) == (name[0] not in "01"), name


def test_clipping_measures_the_gradients_that_are_left() -> None:
    optimizer = build_optimizer(choice("sgd", groups=(Rule(match="[01].*", until=0.5),)), model := net())
    closure(model)
    end_groups(optimizer, 5, 10)
    closure(model)
    left = [p.grad for p in model.parameters() if p.grad is not None]
    assert len(left) == 3
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1e9)
    assert norm == nn.utils.get_total_norm(left)


def convolutions(loss: Tensor) -> int:
    """How many convolutions the backward pass of a loss goes through."""

    def walk(node: Any, seen: set[Any]) -> Iterator[Any]:
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            for below, _ in node.next_functions:
                yield from walk(below, seen)

    return sum("ConvolutionBackward" in node.name() for node in walk(loss.grad_fn, set()))


def test_no_gradient_is_computed_below_the_lowest_parameter_that_is_trained() -> None:
    """The stem of airbench94: its bias is all that needs the gradient of the first convolution's input."""
    model, x = airbench94(width=12), torch.randn(2, 3, 32, 32)
    optimizer = build_optimizer(choice("sgd", groups=(Rule(match="whiten.bias", until=0.5),)), model)
    passed: list[bool] = []
    model.features[0].register_forward_hook(lambda module, given, out: passed.append(out.requires_grad))
    assert convolutions(model(x).sum()) == 7
    end_groups(optimizer, 1, 2)
    loss = model(x).sum()
    assert convolutions(loss) == 6 and passed == [True, False]
    loss.backward()
    assert model.whiten.bias.grad is None and model.features[1].first[0].weight.grad is not None


def test_a_compiled_model_is_compiled_anew_when_a_group_ends() -> None:
    """With the graphs of torch.compile and without its code generation, which a C++ compiler takes long for."""
    torch.compiler.reset()
    ends = []
    for compiled in (False, True):
        model = net()
        optimizer = build_optimizer(choice("sgd", groups=(Rule(match="[01].*", until=0.5),)), model)
        run: Callable[..., Tensor] = (
            torch.compile(partial(closure_loss, model), backend="aot_eager")
            if compiled
            else partial(closure_loss, model)
        )
        for step in range(4):
            end_groups(optimizer, step, 4)
            optimizer.zero_grad()
            run(torch.ones(2, 3, 8, 8) * (step + 1)).backward()
            assert (model[0].weight.grad is None) == (step >= 2)
            optimizer.step()
        ends.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
    torch.testing.assert_close(ends[1], ends[0])


def closure_loss(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).square().mean()


@every_optimizer
def test_the_state_saved_before_or_after_an_end_continues_with_the_same_bits(part: Any) -> None:
    """Muon and Lookahead included; a resumed optimizer learns from its position which groups have ended."""
    rules = (Rule(match="[01].*", lr=2.0, until=0.4),)

    def run(steps: range, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for step in steps:
            end_groups(optimizer, step, 10)
            follow(optimizer, lambda until, at=step: (max(1 - at / 10 / until, 0.0), 0.0), 0.0)
            optimizer.step(partial(closure, model, step))

    def fresh() -> tuple[nn.Module, torch.optim.Optimizer]:
        model = net()
        return model, build_optimizer(choice(part.name, groups=rules, lookahead=3), model)

    whole = fresh()
    run(range(10), *whole)
    for stop in (3, 4, 5, 8):
        first, second = fresh(), fresh()
        run(range(stop), *first)
        second[0].load_state_dict(first[0].state_dict())
        second[1].load_state_dict(first[1].state_dict())
        run(range(stop, 10), *second)
        pairs = zip(second[0].parameters(), whole[0].parameters(), strict=True)
        assert all(torch.equal(mine, other) for mine, other in pairs), stop
