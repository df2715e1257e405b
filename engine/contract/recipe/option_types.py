"""Validation of the options of parts by pydantic, whose import takes longer than everything else in a listing."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from operator import getitem
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from engine.contract.recipe.params import LIMITS, OPS, RULES, Param


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
        RULES: tuple[Rule, ...],
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


class Rule(BaseModel):
    """One rule of `optimizer.groups`: how the parameters whose names match a pattern are trained.

    A model's mark writes it as a tuple, (match, lr, decay, until).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, defer_build=True)

    match: Annotated[str, Field(min_length=1)]
    """Pattern of parameter names, as in a shell: `*` stands for any text, dots included, `?` for one character."""
    lr: Annotated[Float, Field(gt=0)] = 1.0
    """Factor on the learning rate."""
    decay: Annotated[Float, Field(ge=0)] = 1.0
    """Factor on the weight decay."""
    until: Annotated[Float, Field(gt=0, le=1)] = 1.0
    """Fraction of the training after which these parameters are frozen; 1 trains them to the end."""

    def inline(self) -> str:
        """The rule as an inline TOML table without the values that change nothing: `{match = "*.bias", lr = 64}`."""
        factors = {name: getattr(self, name) for name in ("lr", "decay", "until")}
        pairs = [f"match = {json.dumps(self.match, ensure_ascii=False)}"]
        pairs += [f"{name} = {value!r}" for name, value in factors.items() if value != 1]
        return f"{{{', '.join(pairs)}}}"
