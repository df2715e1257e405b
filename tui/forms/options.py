"""The options of a field whose value is picked from a list, each with facts that help to choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.contract.recipe.catalog import Catalog, Part
from engine.contract.recipe.params import OPS
from engine.contract.run import teacher
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from presets.loader import PresetInfo, list_presets
from tui.drawing.format import si
from tui.drawing.run_columns import accuracy
from tui.forms.editor import FormEditor
from tui.forms.fields import KINDS, Field


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a list: the value it stands for, its label, and what it means."""

    value: str
    label: str
    detail: str = ""


def options_of(field: Field, editor: FormEditor, catalog: Catalog, runs: Sequence[Summary] = ()) -> list[Option]:
    """The options of a field, in a sensible order.

    Args:
        runs: the runs that may be used as a teacher, newest first.
    """
    match field.path:
        case teacher.FIELD:
            data = editor.recipe.data.name
            return [_teacher(row) for row in runs if row.status == "finished" and row.data == data]
        case "augmentation.ops":
            present = editor.op_names()
            parts = [part for part in catalog.parts("op") if part.name in present or not _combines(part)]
            return [_op(part, part.name in present) for part in parts]
        case "augmentation":
            return [_preset(info) for info in list_presets("augmentations")]
        case "schedule":
            named = list_presets("schedules")
            taken = {info.name for info in named}
            curves = [_part(part) for part in catalog.parts("schedule") if part.name not in taken]
            return [*(_preset(info) for info in named), *curves]
        case "data.name":
            return [_part(part) for part in catalog.parts("dataset")]
        case "model":
            return [*(_model(part) for part in catalog.parts("model")), *(_preset(i) for i in list_presets("models"))]
    if field.path in KINDS:
        return [_part(part) for part in catalog.parts(KINDS[field.path])]
    return [Option(choice, choice) for choice in field.choices]


def _combines(part: Part) -> bool:
    """Whether the operation is made of others. A list cannot express that; presets and TOML files can."""
    return any(param.type == OPS for param in part.params)


def _preset(info: PresetInfo) -> Option:
    mine = "yours · " if info.origin == "yours" else ""
    return Option(info.name, info.name, mine + one_line(info.title, 100))


def _part(part: Part) -> Option:
    return Option(part.name, part.name, one_line(part.summary or part.title, 100))


def _op(part: Part, present: bool) -> Option:
    return Option(part.name, f"{'✓' if present else ' '} {part.name}", one_line(part.title, 100))


def _teacher(row: Summary) -> Option:
    name = f"{one_line(row.name, 40)} · " if row.name else ""
    return Option(row.id, row.id, f"{accuracy(row.last_accuracy)} % · {name}{row.model} · {row.epochs} epochs")


def _model(part: Part) -> Option:
    size = f"{si(part.meta['params'])} · " if "params" in part.meta else ""
    year = f"{part.meta['year']} · " if "year" in part.meta else ""
    return Option(part.name, part.name, f"{year}{size}{one_line(part.title, 80)}")
