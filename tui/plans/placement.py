"""The placement of a run (device, folders, name and so on): its rows in the form, and typed text as a `Placement`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from engine.contract.errors import BadInput
from engine.contract.recipe.overrides import parse_value
from engine.contract.recipe.params import LIMITS, Param
from engine.contract.recipe.resolve import explain
from engine.contract.recipe.schema import Placement
from engine.launch import devices
from tui.plans.flags import with_target

ALL: Final = "all"
"""What stands for all GPUs of this machine. run.json holds their number."""
PLACE: Final = {flag.path: flag for flag in with_target("place")}
"""The placement fields that a user may set, and the flag of each."""
SEEDS: Final = Param("seeds", "str", "0", "One run per seed: 0, or 0-4 for five runs. A seed fixes every random draw.")


def place_params(devices: tuple[str, ...] = ()) -> dict[str, Param]:
    """The form's rows below the recipe: the seeds, then the placement.

    Args:
        devices: the devices of this machine, which become the choices of `device`; by default it is free text.
    """
    params = {"seeds": SEEDS}
    for name, flag in PLACE.items():
        params[name] = replace(param_of(name, Placement.model_fields[name]), help=flag.help)
    if devices:
        params["device"] = replace(params["device"], type="choice", choices=devices)
    return params


def param_of(name: str, info: FieldInfo) -> Param:
    """A pydantic field as a catalog `Param`, so that the form has a single kind of row."""
    annotation: Any = info.annotation
    if get_origin(annotation) is Literal:
        kind, choices = "choice", get_args(annotation)
    elif get_origin(annotation) is tuple:
        item = get_args(annotation)[0]  # a bare type, or one with its checks
        kind, choices = f"list[{getattr(item, '__origin__', item).__name__}]", ()
    else:
        kind, choices = annotation.__name__, ()
    limits = {key: getattr(mark, key) for mark in info.metadata for key in LIMITS if hasattr(mark, key)}
    default = None if info.is_required() else info.default
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    needs = str(extra.get("needs", ""))
    return Param(name, kind, default, doc_of(info), choices=choices, required=info.is_required(), needs=needs, **limits)


def doc_of(info: FieldInfo, otherwise: str = "") -> str:
    """The docstring of a field on one line; `otherwise` where it has none."""
    return " ".join((info.description or otherwise).split())


def checked(texts: Mapping[str, str]) -> Placement:
    """The placement that texts stand for, by field name; fields that are missing keep their defaults.

    Raises:
        BadInput: with every problem found.
    """
    table: dict[str, Any] = {}
    for name in PLACE:
        if name not in texts:
            continue
        kind = param_of(name, Placement.model_fields[name]).type
        text = texts[name]
        if kind == "list[str]":
            table[name] = words_of(text)
        elif name == "gpus" and text.strip() == ALL:
            if texts.get("launcher", "local") != "local":
                raise BadInput(f"gpus: {ALL} counts the GPUs of this machine; give the number that a job is to have")
            table[name] = _all_gpus(texts.get("device", "auto"))
        else:
            table[name] = text if kind in ("str", "choice") else parse_value(text)
    try:
        return Placement.model_validate(table)
    except ValidationError as error:
        raise BadInput(explain(error, Placement)) from None


def _all_gpus(device: str) -> int:
    """How many GPUs of this machine a run may use; 1 for a device that is not a GPU or a single one."""
    usable = [gpu for gpu in devices.visible(devices.gpus()) if not gpu.problem]
    return max(len(usable), 1) if device in ("auto", "cuda") else 1


def words_of(text: str) -> tuple[str, ...]:
    """A list typed as text, split at commas and white space: `a, b c` is three words."""
    return tuple(text.replace(",", " ").split())
