"""One entry of the catalog, and its form as JSON data in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.contract.recipe.params import Param

if TYPE_CHECKING:
    from pydantic import BaseModel

KINDS: Final = ("dataset", "model", "op", "optimizer", "schedule", "loss", "averaging")
STORED: Final = ("kind", "name", "title", "aliases", "doc", "meta", "positional", "line", "qualname")
"""What the cache keeps of a part as it is."""


@dataclass(frozen=True)
class Part:
    """One entry of the catalog, read from source and not yet imported."""

    kind: str
    name: str
    title: str
    aliases: tuple[str, ...]
    doc: str
    meta: dict[str, Any] = field(hash=False)
    params: tuple[Param, ...]
    positional: tuple[str, ...]
    path: Path
    line: int
    qualname: str
    module: str

    @property
    def summary(self) -> str:
        """The first line of the docstring, which the workbench shows."""
        return self.doc.strip().partition("\n")[0]

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The default of every option that has one."""
        return {param.name: param.default for param in self.params if not param.required}

    def schema(self, common: tuple[Param, ...] = ()) -> type[BaseModel]:
        """A closed pydantic model of the part's options, followed by the `common` options of its kind."""
        from engine.contract.recipe.option_types import schema_of  # pydantic, which a listing does not need

        return schema_of(self.name, self.params + common)


def row_of(part: Part, root: Path) -> dict[str, Any]:
    """A part as JSON data, with the path of its file relative to `root`."""
    own = {name: getattr(part, name) for name in STORED}
    return own | {"params": tuple(map(astuple, part.params)), "path": str(part.path.relative_to(root))}


def part_of(row: Mapping[str, Any], root: Path, modules: Mapping[str, str]) -> Part:
    """The part of a row.

    Args:
        modules: dotted names by the paths of files, as the row does not decide which module is imported.
    """
    params = tuple([Param(*param) for param in row["params"]])
    return Part(**{**row, "params": params, "path": root / row["path"]}, module=modules[row["path"]])
