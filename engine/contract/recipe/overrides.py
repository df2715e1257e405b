"""Edit a recipe's table from the command line: `--set key.path=value`, `--add-op`, `--drop-op`.

Ops in a list are addressed by name: `augmentation.color_jitter.brightness=0.2`; the second of two ops with the same
name by `name#2`; a member of a `choice` through it: `augmentation.choice.cutmix.alpha=0.5`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.ops import member_lists, name_of, stage
from engine.contract.recipe.resolve import DEFAULTS, PART_FIELDS
from engine.contract.recipe.schema import Recipe
from engine.contract.values import parse_toml

Table = dict[str, Any]

RUNS: Final = ("init_from", "loss.teacher")
"""Fields that name a run, whose short id may look like a number: 2014 or 3e12."""
DEEPEST: Final = 20  # most brackets in a value; nested lists of ops have a handful


def apply_set(table: Mapping[str, Any], text: str) -> Table:
    """The table with one field changed. Raises BadInput for a path that does not exist or a text without `=`.

    An op that is renamed starts with the defaults of the new op, but keeps the ops inside it.
    """
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals or not path:
        raise BadInput(f"--set {text}: write key.path=value, for example optimizer.lr=0.1")
    steps = path.split(".")
    if steps[0] not in Recipe.model_fields:
        raise BadInput(f"--set {text}: unknown key {steps[0]}{nearest(steps[0], Recipe.model_fields)}")
    changed: Table = deepcopy(dict(table))
    place: Any = changed
    for depth, step in enumerate(steps[:-1]):
        place = _enter(place, step, ".".join(steps[: depth + 1]), text)
    if isinstance(place, list):
        raise BadInput(f"--set {text}: name an option as well, for example {path}.OPTION=value{_present(place)}")
    new = parse_value(value.strip())
    if path in RUNS and not isinstance(new, str):
        new = value.strip()
    if steps[0] == "augmentation" and steps[-1] == "name" and place["name"] != new:
        for key in place.keys() - member_lists(place):
            del place[key]
    place[steps[-1]] = new
    return changed


def parse_value(text: str) -> Any:
    """The TOML value in a text, or a number like `.5` or `1e-3`, or a list of these, else the text itself."""
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text):  # Python's form of undecodable bytes
        raise BadInput(f"{text!r} is not UTF-8 text")
    if text.count("[") + text.count("{") > DEEPEST:
        return text
    try:
        return parse_toml(f"value = {text}")["value"]
    except ValueError:  # not TOML, or a number with thousands of digits
        pass
    if text.startswith("[") and text.endswith("]"):
        return [parse_value(item.strip()) for item in text[1:-1].split(",")]
    try:
        return float(text)
    except ValueError:
        return text


def add_op(table: Mapping[str, Any], text: str, catalog: Catalog) -> Table:
    """The table with one op added: `cutout:length=8,holes=1`.

    An op on single images is inserted before the first op that mixes the batch; otherwise it goes to the end.
    """
    name, _, rest = text.partition(":")
    part = catalog.get("op", name.strip())
    op: Table = {"name": part.name}
    for pair in _split_pairs(rest):
        key, equals, value = pair.partition("=")
        if not equals:
            raise BadInput(f"--add-op {text}: write {part.name}:option=value,option=value")
        op[key.strip()] = parse_value(value.strip())
    changed: Table = deepcopy(dict(table))
    ops = list(changed.get("augmentation", ()))
    at = len(ops)
    if stage(op, catalog) != "batch":
        stages = [stage(item, catalog) for item in ops]
        at = stages.index("batch") if "batch" in stages else len(ops)
    ops.insert(at, op)
    changed["augmentation"] = ops
    return changed


def drop_op(table: Mapping[str, Any], text: str) -> Table:
    """The table without an op, also inside a `choice`: `name` drops all ops of that name, `name#2` the second one."""
    changed: Table = deepcopy(dict(table))
    ops = list(changed.get("augmentation", ()))
    if not _drop(ops, text):
        raise BadInput(f"--drop-op {text}: the recipe has no such op{_present(ops)}")
    changed["augmentation"] = ops
    return changed


def _drop(ops: list[Any], text: str) -> bool:
    labels = [label for label, _ in labeled(ops)]
    hit = [i for i, label in enumerate(labels) if text in (label, label.partition("#")[0])]
    for i in reversed(hit):
        del ops[i]
    inner = [_drop(op[key], text) for op in ops for key in member_lists(op)]
    return bool(hit) or any(inner)


def labeled(ops: Sequence[Any]) -> list[tuple[str, Any]]:
    """Each op with the label that addresses it: `flip`, `crop`, `crop#2`."""
    seen: dict[str, int] = {}
    found = []
    for op in ops:
        name = name_of(op)
        seen[name] = seen.get(name, 0) + 1
        found.append((name if seen[name] == 1 else f"{name}#{seen[name]}", op))
    return found


def _enter(place: Any, step: str, path: str, text: str) -> Any:
    """Go down one step of the path, expanding a plain name to a table on the way."""
    if isinstance(place, list):
        return _enter_ops([place], step, text)
    value = place.get(step, DEFAULTS.get(step))
    if value is None and path.startswith("augmentation."):  # a member of a combinator
        return _enter_ops(list(member_lists(place).values()), step, text)
    if isinstance(value, str) and step in PART_FIELDS:
        value = {"name": value}
    elif isinstance(value, tuple) or (value is None and step == "augmentation"):
        value = list(value or ())
    elif value is None and path in Recipe.model_fields:
        value = {}
    if not isinstance(value, dict | list):
        raise BadInput(f"--set {text}: {path} has no fields of its own")
    place[step] = value
    return value


def _enter_ops(lists: Sequence[Any], step: str, text: str) -> Any:
    for ops in lists:
        for i, (label, op) in enumerate(labeled(ops)):
            if step in (label, f"{label}#1"):
                if isinstance(op, str):
                    ops[i] = op = {"name": op}
                return op
    raise BadInput(f"--set {text}: the recipe has no op {step!r}{_present([op for ops in lists for op in ops])}")


def _present(ops: list[Any]) -> str:
    labels = [label for label, _ in labeled(ops)]
    return f"; it has {', '.join(labels)}" if labels else "; it has none"


def _split_pairs(text: str) -> list[str]:
    """Split at the commas that are not inside brackets: `milestones=[1,2],gamma=0.1`."""
    pairs, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            pairs.append(text[start:i])
            start = i + 1
    return [pair for pair in [*pairs, text[start:]] if pair.strip()]
