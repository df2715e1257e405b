"""Presets: TOML files in this package and in the user's config folder, and the edits that flags make to them.

Later layers win: named part < recipe < flags < `--set`. When a part is replaced by another, only the options that all
parts of its kind share are kept (`presets.swap`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import platformdirs

from engine.contract.errors import BadInput, nearest, user_path
from engine.contract.files import listed, read_file
from engine.contract.recipe.catalog import Catalog
from engine.contract.values import parse_toml

if TYPE_CHECKING:
    from engine.contract.recipe.schema import Recipe

Kind = Literal["recipes", "models", "augmentations", "schedules", "suites"]
Origin = Literal["built-in", "yours"]
Table = dict[str, Any]

HERE: Final = Path(__file__).resolve().parent
MAX_BYTES: Final = 256 * 1024  # a preset is a few lines; anything larger is a mistake
SINGULAR: Final[dict[Kind, str]] = {
    "recipes": "preset",
    "models": "model",
    "augmentations": "augmentation",
    "schedules": "schedule",
    "suites": "suite",
}
FIELD: Final[dict[Kind, str]] = {"models": "model", "augmentations": "augmentation", "schedules": "schedule"}


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """One preset file, parsed but not checked against the schema."""

    name: str
    title: str
    description: str
    origin: Origin
    path: Path


def user_folder() -> Path:
    """The folder of the user's own presets; it may not exist."""
    return Path(platformdirs.user_config_dir("cifar-tui")) / "presets"


def list_presets(kind: Kind = "recipes") -> list[PresetInfo]:
    """The presets of a kind, the user's own first. A user's preset hides a built-in one of the same name.

    A file that cannot be read is listed too, with the reason as its title.
    """
    found = []
    for name, path in paths(kind).items():
        try:
            table = read_table(path)
        except BadInput as error:
            table = {"title": f"cannot be read: {error}"}
        text = {key: str(table.get(key, "")) for key in ("title", "description")}
        origin: Origin = "built-in" if path.is_relative_to(HERE) else "yours"
        found.append(PresetInfo(name, text["title"], text["description"], origin, path))
    return sorted(found, key=lambda info: (info.origin == "built-in", _natural(info.name)))


def paths(kind: Kind) -> dict[str, Path]:
    """The files of a kind by name, unread. A user's file hides a built-in one of the same name."""
    folders = (HERE / kind, user_folder() / kind)
    return {path.stem: path for folder in folders for path in listed(folder, ".toml")}


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key that puts resnet18 before resnet101."""
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in re.split(r"(\d+)", name)]


def read_table(path: Path) -> Table:
    """Parse a TOML file. Raises BadInput naming the file and the line."""
    try:
        return parse_toml(text_of(path))
    except ValueError as error:
        raise BadInput(f"{path}: not valid TOML: {error}") from None


def text_of(path: Path) -> str:
    """Read a preset file. Raises BadInput if it is not a regular file, too large, or not UTF-8."""
    try:
        return read_file(path, MAX_BYTES, follow=True).decode()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not UTF-8 text") from None


def load_table(ref: str) -> Table:
    """The table of a preset by name or of a TOML file by its path, with named parts filled in. Raises BadInput."""
    if ref.endswith(".toml") or "/" in ref:
        path = user_path(ref)
    else:
        path = _named("recipes", ref)
    return expand(read_table(path), str(path))


def _named(kind: Kind, name: str) -> Path:
    found = paths(kind)
    if name not in found:
        hint = nearest(name, found)
        where = "" if hint else f"; `cifar-tui {'presets' if kind == 'recipes' else kind} list` shows all"
        raise BadInput(f"unknown {SINGULAR[kind]} {name!r}{hint}{where}")
    return found[name]


def part_table(kind: Kind, name: str) -> Any:
    """What a named model, augmentation or schedule stands for: a table, or a list of ops.

    Raises BadInput if there is no such preset, or its file does not define the part.
    """
    path = _named(kind, name)
    table = read_table(path)
    field = FIELD[kind]
    if field not in table:
        raise BadInput(f"{path}: missing key `{field}`")
    return table[field]


def expand(table: Mapping[str, Any], origin: str) -> Table:
    """Replace the names of augmentation, schedule and model presets by what they stand for.

    Other names are left for the recipe's schema to check. A table may override options of the preset that it
    names: `schedule = {name = "cosine_warmup", warmup = 3}`.
    """
    full = dict(table)
    for kind, field in FIELD.items():
        value = full.get(field)
        name = value if isinstance(value, str) else value.get("name") if isinstance(value, Mapping) else None
        if not isinstance(name, str):
            continue
        presets = paths(kind)
        if name not in presets:
            if field == "augmentation":
                raise BadInput(f"{origin}: augmentation: unknown augmentation {name!r}{nearest(name, presets)}")
            continue  # a catalog part; the recipe checks it
        meaning = part_table(kind, name)
        if isinstance(value, Mapping):
            changed = {key: item for key, item in value.items() if key != "name"}
            meaning = {**meaning, **changed} if isinstance(meaning, Mapping) else meaning
        full[field] = meaning
    return full


@dataclass(frozen=True, slots=True)
class Edits:
    """The changes that flags make to a preset, in the order in which they are applied."""

    model: str = ""
    augmentation: str = ""
    schedule: str = ""
    fields: Mapping[str, Any] | None = None
    """Paths to values: {"epochs": 10, "optimizer.lr": 0.1}."""
    sets: Sequence[str] = ()
    add_ops: Sequence[str] = ()
    drop_ops: Sequence[str] = ()


def edit(table: Mapping[str, Any], edits: Edits, catalog: Catalog, origin: str = "") -> Table:
    """Apply the edits to a table: parts, then single fields, then dropped and added ops, then `--set`.

    A part that is chosen by name, by a flag or by `--set`, is put in place before its options are set, whatever their
    order on the command line.

    Args:
        origin: where the table came from, for messages.

    Raises:
        BadInput: an unknown name, or an edit that does not fit the table; values are checked when it is resolved.
    """
    from engine.contract.recipe.overrides import add_op, apply_set, drop_op  # with the schemas, which lists do without
    from presets import swap

    changed = dict(table)
    if edits.augmentation:
        _named("augmentations", edits.augmentation)
        changed = expand({**changed, "augmentation": edits.augmentation}, origin)
    if edits.schedule and edits.schedule not in catalog.names("schedule"):
        _named("schedules", edits.schedule)
    picked = [f"{field}={name}" for field in ("model", "schedule") if (name := getattr(edits, field))]
    picked += [text for text in edits.sets if swap.names_a_part(text)]
    for text in picked:
        changed = _pick(changed, text, catalog)
    for path, value in (edits.fields or {}).items():
        changed = _put(changed, path, value)
    for text in edits.drop_ops:
        changed = drop_op(changed, text)
    for text in edits.add_ops:
        changed = add_op(changed, text, catalog)
    for text in edits.sets:
        if text not in picked:
            changed = expand(apply_set(changed, text), f"--set {text}")
    return changed


def _pick(table: Table, text: str, catalog: Catalog) -> Table:
    """The table with the named part in place: `optimizer=muon` or `optimizer.name=muon`.

    The first form also resets the options of a part that is there already; the second leaves them alone.
    """
    from engine.contract.recipe.overrides import apply_set, parse_value
    from presets import swap

    path, _, value = text.partition("=")
    field, name = path.strip().removesuffix(".name"), parse_value(value.strip())
    if not isinstance(name, str):  # a whole table, or a mistake that the schema reports
        return expand(apply_set(table, text), f"--set {text}")
    kind = next((kind for kind, other in FIELD.items() if other == field), None)
    meaning = part_table(kind, name) if kind and name in paths(kind) else name
    new = dict(meaning) if isinstance(meaning, Mapping) else {"name": meaning}
    return swap.swapped(table, field, new, always=path.strip() == field, catalog=catalog)


def _put(table: Table, path: str, value: Any) -> Table:
    head, _, rest = path.partition(".")
    if not rest:
        return {**table, head: value}
    inner = table.get(head, {})
    return {**table, head: _put({"name": inner} if isinstance(inner, str) else dict(inner), rest, value)}


def reset_by(base: Recipe, recipe: Recipe, edits: Edits, catalog: Catalog) -> list[str]:
    """One line for each part that the edits replaced, naming the options that were reset and not given."""
    from presets import swap

    return swap.reset(base, recipe, [*edits.sets, *(f"{path}=" for path in edits.fields or ())], catalog)
