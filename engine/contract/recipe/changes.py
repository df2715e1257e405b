"""How a recipe differs from the preset it started from, as text: `lr .005→.01  -cutmix +ricap`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.ops import member_lists
from engine.contract.recipe.overrides import labeled
from engine.contract.recipe.resolve import PART_FIELDS
from engine.contract.recipe.schema import NOT_HASHED, PIN, Choice, Recipe

SHORT: Final = {
    "batch_size": "batch",
    "optimizer.lr": "lr",
    "optimizer.weight_decay": "wd",
    "optimizer.momentum": "momentum",
    "loss.label_smoothing": "smoothing",
    "schedule.warmup": "warmup",
    "averaging.decay": "ema",
}
"""Names of the field for options that are changed often."""
ALONE: Final = {
    "model": ("depth", "drop_path", "dropout", "ghost_batch", "width", "zero_init_residual"),
    "optimizer": ("beta1", "beta2", "clip_norm", "decay_norm_bias", "groups", "lookahead", "nesterov"),
    "schedule": ("milestones",),
    "loss": ("teacher", "temperature"),
    "data": ("holdout", "split_seed", "train_slice", "test_slice"),
    "evaluate": ("tta",),
    "compute": ("accumulate", "channels_last", "compile", "deterministic", "precision"),
}
"""Options whose name is clear without the section. All others are displayed as `--set` takes them: `keep` or `start`
alone could belong to several sections."""


def changes(base: Recipe, recipe: Recipe, parts: Catalog) -> str:
    """The changes from `base` to `recipe` in short form; "-" if there are none.

    A part or op that only the changed recipe has is shown with the options that differ from its defaults in `parts`.
    """
    words, swaps = [], []
    chosen = {
        f"{field}.{option}"
        for field, kind in PART_FIELDS.items()
        for option in _set(parts, kind, getattr(recipe, field).table())
    }
    for path, old, new in differences(base, recipe):
        if path.endswith(".name"):
            swaps += [f"{path.removesuffix('.name')}={new}"] if not path.startswith("augmentation.") else []
        elif path == "init_from":
            words.append(f"init {new.partition(PIN)[0] if new else 'random'}")
        elif old is not None and new is not None:
            words.append(f"{_label(path)} {_short(old)}→{_short(new)}")
        elif new is not None and path in chosen:
            words.append(f"{_label(path)} {_short(new)}")
    before, after = dict(_ops(base)), dict(_ops(recipe))
    dropped = [f"-{name}" for name in before if name not in after]
    added = [f"+{name}{_describe_options(name, after[name], parts)}" for name in after if name not in before]
    return " ".join(swaps + words + dropped + added) or "-"


def _describe_options(name: str, options: dict[str, Any], parts: Catalog) -> str:
    """The options of an op that differ from its defaults: `(length 8, fill black)`, or ""."""
    chosen = _set(parts, "op", options | {"name": name.partition("#")[0]})
    return f"({', '.join(f'{key} {_short(value)}' for key, value in chosen.items())})" if chosen else ""


def _set(parts: Catalog, kind: str, table: dict[str, Any]) -> dict[str, Any]:
    """The options in a part's table that differ from its defaults."""
    part = parts.get(kind, table["name"])
    defaults = part.defaults | {param.name: param.default for param in COMMON.get(kind, ())}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}
    return {key: value for key, value in table.items() if key in plain and value != plain[key]}


def differences(base: Recipe, recipe: Recipe) -> list[tuple[str, Any, Any]]:
    """(path, value in base, value in recipe) of every field that differs; None if one side lacks the field."""
    old, new = flat(base), flat(recipe)
    paths = list(old) + [path for path in new if path not in old]
    return [(path, old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)]


def flat(recipe: Recipe) -> dict[str, Any]:
    """Every hashed field by its path, with ops addressed by name.

    Initial weights are there if the recipe has any, by the name of their file and the start of its hash.
    """
    table = {key: value for key, value in recipe.to_table().items() if key not in NOT_HASHED}
    if recipe.init_from:
        place, pin, digest = recipe.init_from.partition(PIN)
        table["init_from"] = f"{Path(place).name}{pin}{digest[:12]}"
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key == "augmentation":
            continue
        if isinstance(value, dict):
            found |= {f"{key}.{name}": item for name, item in value.items()}
        else:
            found[key] = value
    for name, options in _ops(recipe):
        found |= {f"augmentation.{name}.{key}": value for key, value in options.items()}
    return found


def _ops(recipe: Recipe) -> list[tuple[str, dict[str, Any]]]:
    return _with_options(recipe.augmentation)


def _with_options(ops: Sequence[Choice]) -> list[tuple[str, dict[str, Any]]]:
    """Each op and each member of a combinator by its label, with its name and its options except for nested ops."""
    found = []
    for label, op in labeled(ops):
        lists = member_lists(op)
        found.append((label, {key: value for key, value in op.table().items() if key not in lists}))
        for inner in lists.values():
            found += _with_options(inner)
    return found


def _label(path: str) -> str:
    """How a field is called in the list of changes; of an augmentation, the last op and its option."""
    if path.startswith("augmentation."):
        return ".".join(path.split(".")[-2:])
    section, _, name = path.partition(".")
    return name if name in ALONE.get(section, ()) else SHORT.get(path, path)


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        text = f"{value:g}"
        return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
    if isinstance(value, dict):  # a rule of optimizer.groups, without the factors that change nothing
        factors = [f"{key} {_short(item)}" for key, item in value.items() if key != "match" and item != 1]
        return " ".join([value["match"], *factors])
    if isinstance(value, list):
        return "[" + " ".join(_short(item) for item in value) + "]"
    return str(value)
