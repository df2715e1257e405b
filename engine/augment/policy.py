"""Combinators, which are ops made of other ops: one of several, or all of them with a probability."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from torch import Tensor

from engine.augment.op import Arrays, Op, Params, Per, gather_groups, sources, take
from engine.contract.catalog import Spec, register
from engine.contract.errors import BadInput


@register("op", name="choice", title="One of several", same_length=(("weights", "of"),), some_above_zero=("weights",))
class OneOf:
    """Apply one of the listed ops, picked at random, to each image (or each batch).

    The groups are known on the host, so every op runs only on the images that drew it, and nothing waits for the
    device. An op that mixes images picks its partners within its group.
    """

    def __init__(
        self,
        *,
        of: Annotated[list[Op], Spec("ops to pick from")],
        weights: Annotated[tuple[float, ...], Spec("relative frequencies of the ops; empty: all equal", ge=0.0)] = (),
        per: Annotated[Literal["image", "batch"], Spec("one pick per image, or one for the whole batch")] = "image",
    ) -> None:
        if weights and (len(weights) != len(of) or sum(weights) <= 0):
            raise BadInput(f"choice.weights: got {weights}, needs {len(of)} numbers, one for each op, not all 0")
        self.of = list(of)
        self.odds = np.array(weights or [1.0] * len(self.of)) / (sum(weights) or len(self.of))
        self.per: Per = per

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        picks = rng.choice(len(self.of), n if self.per == "image" else 1, p=self.odds)
        groups = [np.flatnonzero(np.broadcast_to(picks == i, n)) for i in range(len(self.of))]
        drawn = {"source": np.concatenate(groups).argsort()}
        for i, (op, group) in enumerate(zip(self.of, groups, strict=True)):
            if len(group):
                drawn |= {f"group{i}": group} | with_prefix(i, op.draw(rng, len(group), size))
        return drawn

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        groups = []
        for i, op in enumerate(self.of):
            group = params.get(f"group{i}")
            if group is None:
                continue
            if len(group) == len(x):
                return op.apply(x, y, without_prefix(i, params))
            groups.append(op.apply(take(x, group), take(y, group), without_prefix(i, params)))
        images, targets = zip(*groups, strict=True)
        return gather_groups(images, params["source"]), gather_groups(targets, params["source"])


@register("op", title="With a probability")
class WithProbability:
    """Apply the listed ops, one after another, to some of the images (or of the batches)."""

    def __init__(
        self,
        *,
        of: Annotated[list[Op], Spec("ops to apply, in order")],
        probability: Annotated[float, Spec("probability that they are applied", ge=0.0, le=1.0)] = 0.5,
        per: Annotated[Literal["image", "batch"], Spec("one draw per image, or one for the whole batch")] = "image",
    ) -> None:
        self.of = list(of)
        self.probability = probability
        self.per: Per = per

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        picked = rng.random(n if self.per == "image" else 1) < self.probability
        group = np.flatnonzero(np.broadcast_to(picked, n))
        if not len(group):
            return {}
        drawn = {"group": group, "source": sources(n, group)}
        for i, op in enumerate(self.of):
            drawn |= with_prefix(i, op.draw(rng, len(group), size))
        return drawn

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        if "group" not in params:
            return x, y
        whole = len(params["group"]) == len(x)
        images, targets = (x, y) if whole else (take(x, params["group"]), take(y, params["group"]))
        for i, op in enumerate(self.of):
            images, targets = op.apply(images, targets, without_prefix(i, params))
        if whole:
            return images, targets
        return gather_groups((x, images), params["source"]), gather_groups((y, targets), params["source"])


def with_prefix(i: int, drawn: Arrays) -> Arrays:
    """The arrays of member i, with its index prefixed to their names."""
    return {f"{i}.{name}": values for name, values in drawn.items()}


def without_prefix(i: int, params: Params) -> dict[str, Tensor]:
    """The parameters of member i, under the names that it gave them."""
    prefix = f"{i}."
    return {name.removeprefix(prefix): values for name, values in params.items() if name.startswith(prefix)}
