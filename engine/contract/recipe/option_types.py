"""Validation of the options of parts by pydantic, whose import takes longer than everything else in a listing."""

from __future__ import annotations

import math
from functools import lru_cache
from operator import getitem
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from engine.contract.recipe.params import LIMITS, OPS, Param


@lru_cache(maxsize=1024)
def schema_of(name: str, params: tuple[Param, ...]) -> type[BaseModel]:
    """A closed pydantic model with one field per option; `list[Op]` fields are not validated (the recipe does that)."""
    fields: dict[str, Any] = {}
    for param in params:
        limits = {limit: value for limit in LIMITS if (value := getattr(param, limit)) is not None}
        inner = python_type(param)
        if param.type in ITEMS and limits:  # the limits apply to each item, not to the list
            item: Any = getitem(Annotated, (ITEMS[param.type], Field(**limits)))
            inner, limits = tuple[item, ...], {}
        default = ... if param.required else param.default
        fields[param.name] = (inner, Field(default, description=param.help, **limits))
    config = ConfigDict(extra="forbid", frozen=True, validate_default=False)
    return create_model(name, __config__=config, **fields)


def python_type(param: Param) -> Any:
    """The validated Python type of an option: no bool for an int, no text for a number, no infinity or NaN."""
    if param.type == "choice":
        return Literal[param.choices]
    simple: dict[str, Any] = {
        "int": Int,
        "float": Float,
        "bool": Bool,
        "str": str,
        "list[int]": tuple[Int, ...],
        "list[float]": tuple[Float, ...],
        "list[str]": tuple[str, ...],
        OPS: tuple[Any, ...],
    }
    return simple[param.type]


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")
    if isinstance(value, str):
        raise ValueError("a number, not text")
    return value


def _only_bool(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a finite number")
    return value


Int = Annotated[int, BeforeValidator(_no_bool)]
Float = Annotated[float, BeforeValidator(_no_bool), AfterValidator(_finite)]
Bool = Annotated[bool, BeforeValidator(_only_bool)]
ITEMS: Final[dict[str, Any]] = {"list[int]": Int, "list[float]": Float}
