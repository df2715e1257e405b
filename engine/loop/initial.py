"""The weights that training starts from: a state dict of a run or a file, fitted to the recipe's model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run.checkpoints import committed
from engine.contract.run.folder import RunFolder
from engine.contract.run.initial import initial_of
from engine.exchange.weights import niwenjin
from engine.loop.checkpoint_files import UNREADABLE, read
from engine.loop.state_files import PREFIXES, State, bare, read_state

NAMED: Final = 3
"""How many tensors a message names."""
COMPARED: Final = 1000
"""Among how many names the nearest one is looked for."""
_COUNTER: Final = "num_batches_tracked"
"""A buffer of batch norms that files from before PyTorch 0.4.1 lack; it has no effect with a fixed momentum."""

StartFrom = Callable[[nn.Module, str, int], str]
"""Sets the weights of a model, given its name and its number of classes; returns what it did, for people."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A state dict under the names of a model."""

    state: State
    head: str
    """Which tensors of the classifier were left out because the classes differ in number; "" if none."""


def load_initial(recipe: Recipe, run: RunFolder) -> StartFrom | None:
    """What sets the weights that a run starts from; None if they are random, or if it continues from a checkpoint.

    Raises:
        BadInput: the weights are gone, have changed, or cannot be read.
    """
    if not recipe.init_from or any(map(_is_intact, reversed(committed(run.checkpoints)))):
        return None
    initial, file = initial_of(run)
    state = read_state(file, initial.sha256)

    def start_from(model: nn.Module, name: str, classes: int) -> str:
        fitted = fit_state(state, model, name, classes, initial.words())
        with torch.no_grad():
            model.load_state_dict(model.state_dict() | fitted.state)
        return f"starts from {initial.words()}{fitted.head}"

    return start_from


def fit_state(state: Mapping[str, Tensor], model: nn.Module, name: str, classes: int, source: str) -> Fitted:
    """A state dict under the names of `model`, without the classifier if it is for another number of classes.

    Args:
        model: may be on the meta device.
        name: of the model; the ResNets of Niwenjin/CIFAR-10 are recognized by the names of their tensors.
        source: where the state dict comes from, for messages.

    Raises:
        BadInput: tensors are missing or surplus, or have another shape or type, or values that are not finite.
    """
    wanted = model.state_dict()
    found = bare(state)
    if name in niwenjin.MODELS and any(key.startswith("conv2_x.") for key in found):
        found = niwenjin.from_niwenjin(found)
    before = "".join(_prefixes(wanted))
    found = {before + key: value for key, value in found.items()}
    missing = [key for key in wanted if key not in found and not key.endswith(_COUNTER)]
    surplus = [key for key in found if key not in wanted]
    if missing or surplus:
        problems = [_listed("missing", missing, surplus), _listed("surplus", surplus, missing)]
        raise BadInput(f"{source} does not fit {name}: {'; '.join(filter(None, problems))}")
    other = {key for key, value in found.items() if value.shape != wanted[key].shape}
    count = _other_classes({key: (found[key], wanted[key]) for key in other}, classes)
    if other and not count:
        shapes = [f"{key} is {_shape(found[key])} there, {_shape(wanted[key])} in {name}" for key in sorted(other)]
        raise BadInput(f"{source} does not fit {name}: {_few(shapes)}")
    _check_values(found, wanted, source)
    head = f"; the classifier starts from random weights ({', '.join(sorted(other))}): {count} classes, not {classes}"
    return Fitted({key: value for key, value in found.items() if key not in other}, head if other else "")


def _is_intact(path: Path) -> bool:
    try:
        read(path)
    except UNREADABLE:
        return False
    return True


def _prefixes(names: Collection[str]) -> list[str]:
    """The prefixes that all names of a model share and that `bare` removes."""
    rest, found = list(names), list[str]()
    while prefix := next((each for each in PREFIXES if rest and all(name.startswith(each) for name in rest)), ""):
        found.append(prefix)
        rest = [name.removeprefix(prefix) for name in rest]
    return found


def _other_classes(differing: Mapping[str, tuple[Tensor, Tensor]], classes: int) -> int:
    """The number of classes of a classifier, if only that tells these tensors, (theirs, ours), apart; 0 otherwise."""
    counts = {theirs.shape[0] if theirs.ndim else 0 for theirs, _ in differing.values()}
    alike = all(
        ours.ndim and ours.shape[0] == classes and theirs.shape[1:] == ours.shape[1:]
        for theirs, ours in differing.values()
    )
    return counts.pop() if len(counts) == 1 and alike else 0


def _check_values(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str) -> None:
    for key, value in found.items():
        if value.is_floating_point() != wanted[key].is_floating_point():
            raise BadInput(f"{source}: {key} is of type {value.dtype}, needs {wanted[key].dtype}")
        if value.is_floating_point() and not value.isfinite().all():
            raise BadInput(f"{source}: {key} has values that are not finite")


def _listed(what: str, names: Collection[str], others: Collection[str]) -> str:
    """`2 missing (a, nearest x; b)`; "" if there are none."""
    if not names:
        return ""
    shown = [name + _nearest(name, others) for name in islice(names, NAMED)]
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{len(names):,} {what} ({'; '.join(shown)}{more})"


def _nearest(name: str, others: Collection[str]) -> str:
    close = get_close_matches(name, islice(others, COMPARED), n=1)
    return f", nearest {close[0]}" if close else ""


def _few(texts: list[str]) -> str:
    return "; ".join(texts[:NAMED]) + (f"; and {len(texts) - NAMED:,} more" if len(texts) > NAMED else "")


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a number"
