"""Presets: TOML files of this package and of the user's config folder, merged with flags into one resolved recipe.

Order of the layers: part < recipe < flags < `--set`. Another part keeps of the old one's options what all parts of the
kind share (`presets.swap`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import platformdirs

from engine.contract.errors import BadInput, nearest, user_path
from engine.contract.files import listed, read_file
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.overrides import add_op, apply_set, drop_op, parse_value
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from engine.contract.values import parse_toml
from presets import swap

Kind = Literal["recipes", "models", "augmentations", "schedules", "suites"]
Origin = Literal["built-in", "yours"]
Table = dict[str, Any]

HERE: Final = Path(__file__).resolve().parent
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
LARGEST: Final = 256 * 1024  # bytes; a preset is a few lines, anything larger is a mistake
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
    """One preset file, read and not yet checked."""

    name: str
    title: str
    description: str
    origin: Origin
    path: Path


def user_folder() -> Path:
    """Where a user's own presets live."""
    return Path(platformdirs.user_config_dir("cifar-tui")) / "presets"


def list_presets(kind: Kind = "recipes") -> list[PresetInfo]:
    """The presets of a kind, the user's own first; a user's one hides a built-in of the same name."""
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
    """The files of a kind by name, unread: a user's one hides a built-in of the same name."""
    folders = (HERE / kind, user_folder() / kind)
    return {path.stem: path for folder in folders for path in listed(folder, ".toml")}


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which resnet18 comes before resnet101."""
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in re.split(r"(\d+)", name)]


def read_table(path: Path) -> Table:
    """The TOML table of a file. Raises BadInput naming the file and the line."""
    try:
        return parse_toml(text_of(path))
    except ValueError as error:
        raise BadInput(f"{path}: not valid TOML: {error}") from None


def text_of(path: Path) -> str:
    """The text of a preset. Raises BadInput for what is no regular file, too large, or not UTF-8."""
    try:
        return read_file(path, LARGEST, follow=True).decode()
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
    """What a named model, augmentation or schedule stands for: a table, or a list of ops."""
    path = _named(kind, name)
    table = read_table(path)
    field = FIELD[kind]
    if field not in table:
        raise BadInput(f"{path}: no `{field}` in it")
    return table[field]


def expand(table: Mapping[str, Any], origin: str) -> Table:
    """Replace names of augmentations and schedules (and of model presets) by what they stand for.

    A table with a name may change options of the named preset: `schedule = {name = "cosine_warmup", warmup = 3}`.
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
        stands_for = part_table(kind, name)
        if isinstance(value, Mapping):
            changed = {key: item for key, item in value.items() if key != "name"}
            stands_for = {**stands_for, **changed} if isinstance(stands_for, Mapping) else stands_for
        full[field] = stands_for
    return full


@dataclass(frozen=True, slots=True)
class Edits:
    """What flags change in a preset, in the order in which they are applied."""

    model: str = ""
    augmentation: str = ""
    schedule: str = ""
    fields: Mapping[str, Any] | None = None
    """Paths to values: {"epochs": 10, "optimizer.lr": 0.1}."""
    sets: Sequence[str] = ()
    add_ops: Sequence[str] = ()
    drop_ops: Sequence[str] = ()


def edit(table: Mapping[str, Any], edits: Edits, catalog: Catalog, origin: str = "") -> Table:
    """The table with the flags applied: parts, then single fields, then dropped and added ops, then `--set`.

    A part that is picked by name, by a flag or by `--set`, comes before any of its options, whatever their order.
    """
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
    """The table with another part: `optimizer=muon` picks it anew, `optimizer.name=muon` only where it is another."""
    path, _, value = text.partition("=")
    field, name = path.strip().removesuffix(".name"), parse_value(value.strip())
    if not isinstance(name, str):  # a whole table, or a mistake that the recipe names
        return expand(apply_set(table, text), f"--set {text}")
    kind = next((kind for kind, other in FIELD.items() if other == field), None)
    stands_for = part_table(kind, name) if kind and name in paths(kind) else name
    new = dict(stands_for) if isinstance(stands_for, Mapping) else {"name": stands_for}
    return swap.swapped(table, field, new, anew=path.strip() == field, catalog=catalog)


def _put(table: Table, path: str, value: Any) -> Table:
    head, _, rest = path.partition(".")
    if not rest:
        return {**table, head: value}
    inner = table.get(head, {})
    return {**table, head: _put({"name": inner} if isinstance(inner, str) else dict(inner), rest, value)}


def reset_by(base: Recipe, recipe: Recipe, edits: Edits, catalog: Catalog) -> list[str]:
    """What the edits reset by picking other parts: one line a part; none where all of it was given."""
    return swap.reset(base, recipe, [*edits.sets, *(f"{path}=" for path in edits.fields or ())], catalog)


def save(name: str, recipe: Recipe, *, replace: bool = False) -> Path:
    """Write a recipe as the user's own preset and return its path.

    Raises:
        BadInput: a bad or taken name, a folder that cannot be written, or a recipe with parts of the user's own: a
            preset is one file, which cannot bring them along, so nobody could use it.
    """
    if not NAME.fullmatch(name):
        raise BadInput(f"preset name {name!r}: use lower-case letters, digits and _, at most 64")
    path = user_folder() / "recipes" / f"{name}.toml"
    if path.exists() and not replace:
        raise BadInput(f"preset {name!r} exists already at {path}")
    try:
        resolve(recipe.to_table(), catalog())
    except BadInput as error:
        why = "a part of your own stays with its run and cannot go into a preset; repeat the run with --preset run:RUN"
        raise BadInput([f"preset {name!r} is not saved: {problem}; {why}" for problem in error.problems]) from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(recipe.to_toml(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise BadInput(f"cannot save {path}: {error.strerror}") from None
    return path
