"""The catalog of parts: models, augmentation ops, optimizers, schedules, losses, averages, data sets.

A part is one decorated function or class. The catalog finds the decorators by parsing source with `ast`, so listing two
hundred parts imports none of them, and it keeps what it read in a cache. `Catalog.load` imports only the file of the
requested part.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput, nearest, nearest_or_all
from engine.contract.files import read_file
from engine.contract.recipe import catalog_cache, timm_names
from engine.contract.recipe.params import read_params, shared_options
from engine.contract.recipe.part import KINDS as KINDS
from engine.contract.recipe.part import Part as Part
from engine.contract.recipe.part import part_of, row_of

ENGINE: Final = Path(__file__).resolve().parents[2]
TIMM: Final = "timm:"
SOURCES: Final = ("models", "augment", "optim", "data", "curves.py", "losses.py", "averaging.py")


class Catalog:
    """All parts in a set of source files, by kind and by name or alias."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self._by_kind: dict[str, dict[str, Part]] = {kind: {} for kind in KINDS}
        self._alias: dict[str, dict[str, Part]] = {kind: {} for kind in KINDS}
        self._sorted: dict[str, list[Part]] = {}
        for part in parts:
            taken = self._alias[part.kind]
            for name in (part.name, *part.aliases):
                if name in taken:
                    both = f"{taken[name].path}:{taken[name].line} and {part.path}:{part.line}"
                    raise BadInput(f"{part.kind} {name!r} is registered twice: {both}")
                taken[name] = part
            self._by_kind[part.kind][part.name] = part

    def parts(self, kind: str) -> list[Part]:
        """All parts of a kind, sorted by family, then in source order."""
        if kind not in self._sorted:
            found = self._by_kind[kind].values()
            self._sorted[kind] = sorted(
                found, key=lambda part: (str(part.meta.get("family", part.path.stem)), part.line)
            )
        return list(self._sorted[kind])

    def every(self) -> list[Part]:
        """All parts, kind by kind."""
        return [part for parts in self._by_kind.values() for part in parts.values()]

    def names(self, kind: str) -> list[str]:
        return [part.name for part in self.parts(kind)]

    def get(self, kind: str, name: str) -> Part:
        """The part with this name or alias; any timm model as `timm:NAME`. Raises BadInput with the nearest name."""
        if kind == "model" and name.startswith(TIMM):
            return _timm_part(name)
        part = self._alias[kind].get(name)
        if part is None:
            raise BadInput(f"unknown {LABEL[kind]} {name!r}{nearest_or_all(name, self._alias[kind])}")
        return part

    def load(self, part: Part) -> Any:
        """Import the part's file and return the decorated object."""
        if part.name.startswith(TIMM):
            return partial(importlib.import_module(part.module).build_timm, part.name)
        if part.module:
            module = importlib.import_module(part.module)
        else:
            module = _import_file(part.path)
        return getattr(module, part.qualname)


LABEL: Final = {
    "dataset": "data set",
    "model": "model",
    "op": "augmentation op",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "loss": "loss",
    "averaging": "averaging",
}


@lru_cache(maxsize=8)
def catalog(extra: tuple[Path, ...] = ()) -> Catalog:
    """The catalog of the engine's parts and those in `extra` files (the user's `--parts`)."""
    if not extra:
        return Catalog(tuple(_built_in()))
    parts = catalog().every()
    for file in extra:
        own = list(scan(file, ""))
        if not own:
            raise BadInput(f"{file} contains no part; mark one with @register")
        parts += own
    return Catalog(tuple(parts))


def sources() -> list[Path]:
    """The files with the engine's parts, the options that they share among them, in the order of the catalog."""
    places = [ENGINE / source for source in SOURCES]
    return [file for place in places for file in (sorted(place.glob("*.py")) if place.is_dir() else [place])]


def source_digest() -> str:
    """Changes with any file that the catalog is read from, and with the code that reads them; "" if one is unreadable.

    A changed version of the program has changed files, so it needs no mention.
    """
    readers = ("catalog.py", "catalog_cache.py", "params.py", "part.py")
    try:
        return catalog_cache.digest([*(Path(__file__).with_name(name) for name in readers), *sources()])
    except OSError:
        return ""


def _built_in() -> list[Part]:
    """The engine's own parts, from the cache if no source file has changed."""
    modules = {str(file.relative_to(ENGINE)): _dotted(file) for file in sources()}
    key = source_digest()
    rows = catalog_cache.load("parts", key)
    if rows is not None:
        with suppress(KeyError, TypeError):  # rows that this program did not write
            return [part_of(row, ENGINE, modules) for row in rows]
    parts = [part for file, dotted in modules.items() for part in scan(ENGINE / file, dotted)]
    if key and source_digest() == key:  # else a file was changed while it was read
        catalog_cache.save("parts", key, tuple(row_of(part, ENGINE) for part in parts))
    return parts


def _dotted(file: Path) -> str:
    return ".".join(file.relative_to(ENGINE.parent).with_suffix("").parts)


def scan(path: Path, module: str) -> Iterator[Part]:
    """The parts in one file, in source order. Raises BadInput if a decorator has arguments other than literals."""
    try:
        text = read_file(path, follow=True).decode()
        if "register(" not in text:
            return
        tree = ast.parse(text, str(path))
    except OSError as error:
        raise BadInput(f"cannot read parts from {path}: {error.strerror}") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two if nested too deeply
        raise BadInput(f"cannot read parts from {path}: {error}") from None
    shared = shared_options(tree, ENGINE)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "register":
                    yield _part(node, mark, path, module, shared)


def _part(
    node: ast.FunctionDef | ast.ClassDef, mark: ast.Call, path: Path, module: str, shared: Mapping[str, ast.expr]
) -> Part:
    where = f"{path}:{node.lineno}"
    try:
        (kind,) = (ast.literal_eval(argument) for argument in mark.args)
        facts = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in mark.keywords}
    except ValueError:
        raise BadInput(f"{where}: @register takes a kind and literals only") from None
    if kind not in KINDS:
        raise BadInput(f"{where}: unknown kind {kind!r}{nearest(str(kind), KINDS)}")
    builder = node if isinstance(node, ast.FunctionDef) else _constructor(node)
    arguments = builder.args if builder else None
    positional = tuple(a.arg for a in arguments.args if a.arg != "self") if arguments else ()
    default_name = node.name if isinstance(node, ast.FunctionDef) else _snake(node.name)
    return Part(
        kind=kind,
        name=facts.pop("name", "") or default_name,
        title=facts.pop("title", default_name),
        aliases=tuple(facts.pop("aliases", ())),
        doc=ast.get_docstring(node) or "",
        meta=facts,
        params=read_params(arguments, where, shared) if arguments else (),
        positional=positional,
        path=path,
        line=node.lineno,
        qualname=node.name,
        module=module,
    )


def _timm_part(name: str) -> Part:
    """A timm model as a part. Raises BadInput if timm is missing or does not have it."""
    timm_names.require(name.removeprefix(TIMM))
    return Part(
        kind="model",
        name=name,
        title=f"{name.removeprefix(TIMM)} (timm)",
        aliases=(),
        doc="A model from timm (pytorch-image-models), adapted to small images.",
        meta={"family": "timm"},
        params=(),
        positional=("num_classes", "in_channels", "image_size"),
        path=ENGINE / "models" / "timm_models.py",
        line=1,
        qualname="build_timm",
        module="engine.models.timm_models",
    )


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return item
    return None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _import_file(path: Path) -> Any:
    """Import a user's own file under a module name derived from its path, so that equal file names do not clash.

    The source itself is compiled, because a `__pycache__` beside a run's parts could hold other code than the file that
    was checked.
    """
    name = f"cifar_tui_parts_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None:
            raise BadInput(f"cannot import parts from {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        exec(compile(read_file(path, follow=True), str(path), "exec"), module.__dict__)
    return sys.modules[name]
