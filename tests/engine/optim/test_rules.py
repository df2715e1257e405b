"""Rules of `optimizer.groups`: who belongs to which, what their factors do, and what is left of a group that has ended."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.option_types import Rule
from engine.contract.recipe.schema import Choice
from engine.models.airbench import airbench94
from engine.models.build import build_model
from engine.optim.build import build_optimizer
from engine.optim.param_groups import follow, param_groups, set_lr
from engine.optim.rules import assign, end_groups

OPTIMIZERS = catalog().parts("optimizer")
every_optimizer = pytest.mark.parametrize("part", OPTIMIZERS, ids=lambda part: part.name)
WITH_RULES = [part for part in catalog().parts("model") if "groups" in part.meta]
BIASES = Rule(match="*.bias", lr=64.0, decay=0.5, until=0.25)


def net() -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, bias=False), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(128, 4)).to(memory_format=torch.channels_last)


def closure(model: nn.Module, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(8, 3, 8, 8, generator=generator).contiguous(memory_format=torch.channels_last)
    model.zero_grad()
    loss = (model(x) - torch.eye(4).repeat(2, 1)).square().mean()
    loss.backward()
    return loss


def choice(name: str, **changed: Any) -> Choice:
    own = catalog().get("optimizer", name).defaults
    return Choice(name=name, **own | {param.name: param.default for param in COMMON["optimizer"]} | changed)


def names(model: nn.Module, group: dict[str, Any]) -> list[str]:
    return [name for name, parameter in model.named_parameters() if any(parameter is p for p in group["params"])]


# --- who belongs to which -------------------------------------------------------------------------------------


def test_the_first_rule_that_matches_a_parameter_has_it() -> None:
    model = net()
    narrow, wide = Rule(match="1.*", lr=3.0), Rule(match="*bias", decay=0.0)
    rest, norm, biases = param_groups(model, decay_norm_bias=True, rules=(narrow, wide))
    assert names(model, rest) == ["0.weight", "3.weight", "5.weight"]
    assert names(model, norm) == ["1.weight", "1.bias"]
    assert names(model, biases) == ["0.bias", "5.bias"]
    assert rest.keys() == {"params"}, "parameters without a rule are as they were"
    assert (norm["lr_factor"], norm["decay_factor"], norm["until"]) == (3.0, 1.0, 1.0)
    assert (biases["lr_factor"], biases["decay_factor"], biases["until"]) == (1.0, 0.0, 1.0)


def test_every_parameter_is_in_one_group_also_where_some_have_no_decay() -> None:
    model = net()
    groups = param_groups(model, decay_norm_bias=False, rules=(Rule(match="[01].*", lr=2.0),))
    assert [names(model, group) for group in groups] == [
        ["3.weight", "5.weight"], ["5.bias"], ["0.weight"], ["0.bias", "1.weight", "1.bias"],
    ]  # fmt: skip
    assert [group.get("weight_decay") for group in groups] == [None, 0.0, None, 0.0]


def test_a_star_matches_dots_and_letters_of_another_case_do_not_match() -> None:
    model = airbench94()
    assert set(assign(model, (Rule(match="features.*.bias"),))) == {
        name for name, p in model.named_parameters() if p.requires_grad and name.startswith("f") and p.ndim == 1
    }
    with pytest.raises(BadInput):
        assign(model, (Rule(match="Whiten.bias"),))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            [Rule(match="stem.*")],
            "no trainable parameter matches 'stem.*'; this model has whiten.bias, features.1.first",
        ),
        ([Rule(match="whiten.weight")], "no trainable parameter matches 'whiten.weight'"),
        ([Rule(match="*.bias"), Rule(match="whiten.bias")], "an earlier rule takes every parameter that 'whiten.bias'"),
        ([Rule(match="*", until=0.5)], "every parameter is frozen before the training ends"),
        ([Rule(match="*.bias", until=0.9), Rule(match="*", until=0.5)], "every parameter is frozen before"),
    ],
)
def test_a_rule_without_effect_is_refused(rules: list[Rule], message: str) -> None:
    with pytest.raises(BadInput, match=r"^optimizer\.groups: ") as error:
        build_optimizer(choice("sgd", groups=tuple(rules)), airbench94())
    assert message in str(error.value)


def test_a_message_does_not_list_the_hundreds_of_names_of_a_deep_net() -> None:
    deep = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in range(30)))
    with pytest.raises(BadInput, match=r"this model has 0\.weight, .*, 23\.weight and 6 more$"):
        assign(deep, (Rule(match="x"),))


@pytest.mark.parametrize("part", WITH_RULES, ids=lambda part: part.name)
def test_the_rules_in_a_models_mark_match_its_parameters(part: Any) -> None:
    rules = tuple(Rule(**dict(zip(Rule.model_fields, rule, strict=True))) for rule in part.meta["groups"])
    with torch.device("meta"):
        model = build_model(Choice(name=part.name, **part.defaults), num_classes=10, catalog=catalog())
    assert set(assign(model, rules).values()) == set(range(len(rules)))


# --- factors --------------------------------------------------------------------------------------------------


@every_optimizer
def test_a_rules_factors_multiply_rate_and_decay(part: Any) -> None:
    decays = {name: 0.25 for name in ("weight_decay", "other_weight_decay") if name in part.defaults}
    plain = build_optimizer(choice(part.name, **decays), net()).param_groups
    ruled = build_optimizer(choice(part.name, groups=(BIASES,), **decays), model := net())
    biased = [group for group in ruled.param_groups if "until" in group]
    assert [names(model, group) for group in biased] == [["0.bias", "1.bias", "5.bias"]]
    (group,) = biased
    assert group["weight_decay"] == 0.125 and {g["weight_decay"] for g in plain} == {0.25}
    set_lr(ruled, 0.5)
    assert group["lr"] == 32 * group["initial_lr"]
    assert group["initial_lr"] == next(g["initial_lr"] for g in plain if any(p.ndim == 1 for p in g["params"]))
    assert ruled.param_groups[0]["initial_lr"] == plain[0]["initial_lr"], "the rate that is reported"


@every_optimizer
def test_a_rule_of_ones_changes_no_bit(part: Any) -> None:
    ends = []
    for rules in ((), (Rule(match="*"),), (Rule(match="*.bias"),)):
        optimizer = build_optimizer(choice(part.name, groups=rules), model := net())
        for step in range(4):
            follow(optimizer, lambda until, at=step: (1 - at / 4, 1.0), 0.0)
            optimizer.step(partial(closure, model, step))
        ends.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
    assert torch.equal(ends[0], ends[1])
    torch.testing.assert_close(ends[2], ends[0], rtol=1e-5, atol=1e-6)  # Muon may batch other products


class Plain(nn.Module):
    """airbench94 in fp64 on one batch a step."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = airbench94(width=12).double()

    def gradients(self, step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(4, 3, 32, 32, generator=generator, dtype=torch.float64)
        self.zero_grad()
        loss = nn.functional.cross_entropy(self.net(x), torch.arange(4))
        loss.backward()
        return loss


def test_the_papers_decoupled_hyperparameters_are_one_option_and_one_rule() -> None:
    """lr per 1024 examples, biases of norm layers 64 times as fast with the same decay: airbench94.py of the paper."""
    batch, momentum = 1000, 0.85
    kilostep = 1024 * (1 + 1 / (1 - momentum))
    lr, decay = 11.5 / kilostep, 0.0153 * batch / kilostep
    theirs, ours = Plain(), Plain()
    trained = [(name, p) for name, p in theirs.net.named_parameters() if p.requires_grad]
    norms = [p for name, p in trained if p.ndim == 1 and "whiten" not in name]
    others = [p for name, p in trained if p.ndim > 1 or "whiten" in name]
    biased = lr * 64
    configs = [
        {"params": norms, "lr": biased, "weight_decay": decay / biased},
        {"params": others, "lr": lr, "weight_decay": decay / lr},
    ]
    oracle = torch.optim.SGD(configs, momentum=momentum, nesterov=True)
    options = {"lr": lr, "momentum": momentum, "nesterov": True, "weight_decay": decay, "independent_decay": True}
    mine = build_optimizer(choice("sgd", **options, groups=(Rule(match="features.*.bias", lr=64.0),)), ours.net)
    for step in range(5):
        for group, peak in zip(oracle.param_groups, (biased, lr), strict=True):
            group["lr"] = peak * (1 - step / 5)
        set_lr(mine, 1 - step / 5)
        oracle.step(partial(theirs.gradients, step))
        mine.step(partial(ours.gradients, step))
    for one, other in zip(ours.net.parameters(), theirs.net.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_the_muon_records_settings_are_rules() -> None:
    """Rates of its three groups beside the filters, for a mean loss instead of a sum over 2000 images."""
    batch, bias_lr, head_lr = 2000, 0.053, 0.67
    rules = (
        Rule(match="whiten.bias", lr=bias_lr / head_lr, until=0.375),
        Rule(match="features.*.bias", lr=bias_lr / head_lr),
    )
    options = {"lr": 0.24, "momentum": 0.6, "other_lr": head_lr * batch, "other_momentum": 0.85}
    decay = {"other_weight_decay": 2e-6 * batch, "independent_decay": True}
    optimizer = build_optimizer(choice("muon", **options, **decay, groups=rules), model := airbench94())
    filters, head, whiten, norms = optimizer.param_groups
    assert names(model, head) == ["head.weight"] and names(model, whiten) == ["whiten.bias"]
    assert all(p.ndim == 4 for p in filters["params"]) and len(norms["params"]) == 6
    assert (filters["lr"], filters["weight_decay"]) == (0.24, 0.0)
    for group, lr in ((head, head_lr), (whiten, bias_lr), (norms, bias_lr)):
        assert group["lr"] == pytest.approx(lr * batch)
        assert group["weight_decay"] == pytest.approx(2e-6 * batch / lr / batch), "of a mean loss"
    scheduled = {}
    for step in (0, 30, 74):
        follow(optimizer, lambda until, at=step: (1 - at / 200 / until, 0.0), 0.0)
        scheduled[step] = [group["lr"] / group["initial_lr"] for group in (head, whiten)]
    falling = {step: [1 - step / 200, bias_lr / head_lr * (1 - step / 75)] for step in scheduled}
    assert scheduled == {step: pytest.approx(rates) for step, rates in falling.items()}


@pytest.mark.parametrize(
    "part", [part for part in OPTIMIZERS if not part.meta.get("rescales_decay")], ids=lambda part: part.name
)
def test_an_independent_decay_is_the_same_whatever_the_learning_rate(part: Any) -> None:
    taken = []
    for lr in (1e-3, 0.2):
        rates = {name: lr for name in ("lr", "other_lr") if name in part.defaults}
        decays = {name: 1e-3 for name in ("weight_decay", "other_weight_decay") if name in part.defaults}
        model = net().double()
        settings = rates | decays | {"independent_decay": True, "groups": (Rule(match="5.*", lr=7.0, decay=3.0),)}
        optimizer = build_optimizer(choice(part.name, **settings), model)
        before = [p.detach().clone() for p in model.parameters()]
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        set_lr(optimizer, 0.5)
        optimizer.step()
        shares = [
            ((b - p).norm() / b.norm()).item() for p, b in zip(model.parameters(), before, strict=True) if b.any()
        ]
        taken.append(shares)
    assert taken[0] == pytest.approx(taken[1])
    momentum = 1.9 if part.name == "muon" else 1  # the first step of its companion, which is Nesterov SGD
    assert taken[0][0] == pytest.approx(5e-4) and taken[0][-1] == pytest.approx(15e-4 * momentum)


def test_an_optimizer_without_weight_decay_takes_no_factor_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = catalog()
    monkeypatch.setattr(type(parts), "load", lambda self, part: lambda groups, **_: torch.optim.Rprop(groups))
    build_optimizer(Choice(name="sgd", groups=(Rule(match="5.*", lr=2.0),)), net(), parts)
    for changed in ({"groups": (Rule(match="5.*", decay=2.0),)}, {"independent_decay": True}):
        with pytest.raises(BadInput, match="need an optimizer with weight decay"):
            build_optimizer(Choice(name="sgd", **changed), net(), parts)


# --- the end --------------------------------------------------------------------------------------------------


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
