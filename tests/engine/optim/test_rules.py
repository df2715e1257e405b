"""Rules of `optimizer.groups`: who belongs to which, and what their factors do."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.option_types import Rule
from engine.contract.recipe.schema import Choice
from engine.models.airbench import airbench94
from engine.models.build import build_model
from engine.optim.build import build_optimizer
from engine.optim.param_groups import follow, param_groups, set_lr
from engine.optim.rules import assign
from tests.engine.optim.small_net import OPTIMIZERS, choice, closure, every_optimizer, names, net

WITH_RULES = [part for part in catalog().parts("model") if "groups" in part.meta]
BIASES = Rule(match="*.bias", lr=64.0, decay=0.5, until=0.25)


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
