"""Options of parts: types, ranges and help, read from source by `ast`. `option_types` validates their values."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.files import read_file

SCALARS: Final[dict[str, type]] = {"int": int, "float": float, "bool": bool, "str": str}
LIMITS: Final = ("ge", "gt", "le", "lt")
OPS: Final = "list[Op]"
RULES: Final = "list[Rule]"
"""Of `optimizer.groups`; parts cannot have such an option."""
OPTIONS_MODULES: Final = ("engine.models.options", "engine.augment.options", "engine.optim.options")


@dataclass(frozen=True, slots=True)
class Param:
    """One option of a part. `type` is int, float, bool, str, choice, list[float], list[int], list[str],
    list[Op] or list[Rule]."""

    name: str
    type: str
    default: Any = None
    help: str = ""
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    choices: tuple[Any, ...] = ()
    required: bool = False
    needs: str = ""
    """Another option without which this one has no effect: `sharpness`, `normalize=given`, `launcher=slurm|command`."""

    @property
    def range(self) -> str:
        """The allowed range as text: `0 < x <= 1`, or the choices; "" if all values of the type are allowed."""
        if self.choices:
            return " | ".join(map(str, self.choices))
        low = f"{self.gt:.12g} < " if self.gt is not None else f"{self.ge:.12g} <= " if self.ge is not None else ""
        high = f" < {self.lt:.12g}" if self.lt is not None else f" <= {self.le:.12g}" if self.le is not None else ""
        if max(self.lt or 0, self.le or 0) >= 2**53:  # the limit of a 64-bit number is not worth showing
            high = ""
        return f"{low}x{high}" if low or high else ""


def shared_options(tree: ast.Module, engine: Path) -> Mapping[str, ast.expr]:
    """Options that several parts share, by the name under which a file knows them.

    Either the file names them itself, `Dropout = Annotated[float, Spec(...)]` at module level, or it imports them from
    one of `OPTIONS_MODULES`: `from engine.models.options import InitOption`. No other import is followed, and none that
    such a module makes itself.

    Args:
        engine: the folder of the package `engine`.
    """
    known: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in OPTIONS_MODULES and not node.level:
            imported = _options_module(engine.parent.joinpath(*node.module.split(".")).with_suffix(".py"))
            known |= {item.asname or item.name: imported[item.name] for item in node.names if item.name in imported}
    return known | _named_options(tree)


@lru_cache(maxsize=8)
def _options_module(path: Path) -> Mapping[str, ast.expr]:
    return _named_options(ast.parse(read_file(path, follow=True), str(path)))


def _named_options(tree: ast.Module) -> dict[str, ast.expr]:
    named: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            for target in node.targets:
                if isinstance(target, ast.Name) and ast.unparse(node.value.value) == "Annotated":
                    named[target.id] = node.value
    return named


def read_params(arguments: ast.arguments, where: str, shared: Mapping[str, ast.expr]) -> tuple[Param, ...]:
    """The keyword-only parameters of a signature. Raises BadInput where one lacks type, help or literal default.

    Args:
        shared: what `shared_options` found, by name.
    """
    found = []
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        try:
            found.append(_read_param(argument, default, shared))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            hint = 'write `name: Annotated[float, Spec("help", ge=0.0)] = 0.1`'
            raise BadInput(f"{where}: option {argument.arg!r}: {hint} ({error})") from None
    return tuple(found)


def _read_param(argument: ast.arg, default: ast.expr | None, shared: Mapping[str, ast.expr]) -> Param:
    annotated = argument.annotation
    if isinstance(annotated, ast.Name):
        annotated = shared.get(annotated.id)
    if not (isinstance(annotated, ast.Subscript) and ast.unparse(annotated.value) == "Annotated"):
        raise ValueError("not Annotated")
    if not (isinstance(annotated.slice, ast.Tuple) and len(annotated.slice.elts) == 2):
        raise ValueError("Annotated takes a type and one Spec")
    kind, spec = annotated.slice.elts
    if not (isinstance(spec, ast.Call) and ast.unparse(spec.func) == "Spec"):
        raise ValueError("no Spec(...)")
    facts: dict[str, Any] = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in spec.keywords}
    if spec.args:
        facts["help"] = ast.literal_eval(spec.args[0])
    type_name, choices = _read_type(kind)
    if default is None and type_name != OPS:
        raise ValueError("no default")
    value = ast.literal_eval(default) if default is not None else None
    return Param(argument.arg, type_name, value, choices=choices, required=default is None, **facts)


def _read_type(node: ast.expr) -> tuple[str, tuple[Any, ...]]:
    if isinstance(node, ast.Name) and node.id in SCALARS:
        return node.id, ()
    text = ast.unparse(node)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
        literal = ast.literal_eval(node.slice)
        return "choice", literal if isinstance(literal, tuple) else (literal,)
    known = {
        "tuple[float, ...]": "list[float]",
        "tuple[int, ...]": "list[int]",
        "tuple[str, ...]": "list[str]",
        OPS: OPS,
    }
    return known[text], ()
