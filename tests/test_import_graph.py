"""The import graph has no circle: read from the source, with lazy imports and those for type checkers."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "presets", "tui")

Graph = Mapping[str, set[str]]
"""Modules, and which modules of ours each of them imports."""


def modules_of(root: Path, packages: Iterable[str] = PACKAGES) -> dict[str, Path]:
    """Every module below the root by its dotted name; a package stands for its `__init__`."""
    found = {}
    for package in packages:
        for path in (root / package).rglob("*.py"):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports_of(name: str, path: Path, known: Iterable[str]) -> set[str]:
    """The modules that one module imports, wherever in the file: at its top, in a function, for type checkers only."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(filter(None, (above, node.module)))
            inner = {f"{source}.{alias.name}" for alias in node.names}
            found |= (inner & set(known)) or {source}  # of `from package import module`, the module
            found |= {source} if inner - set(known) else set()
    return (found & set(known)) - {name}


def graph_of(root: Path, packages: Iterable[str] = PACKAGES) -> dict[str, set[str]]:
    modules = modules_of(root, packages)
    return {name: imports_of(name, path, modules) for name, path in modules.items()}


def circles(graph: Graph) -> list[list[str]]:
    """The circles that a depth-first walk meets, each ending where it began; none only where the graph has none."""
    found, settled = [], set[str]()
    for start in sorted(graph):
        if start in settled:
            continue
        trail = [start]
        walks = [iter(sorted(graph[start]))]
        while walks:
            step = next(walks[-1], None)
            if step is None:
                walks.pop()
                settled.add(trail.pop())
            elif step in trail:
                found.append([*trail[trail.index(step) :], step])
            elif step not in settled:
                trail.append(step)
                walks.append(iter(sorted(graph[step])))
    return found


def shown(found: list[list[str]]) -> str:
    return "\n".join(" -> ".join(circle) for circle in found)


def test_no_module_imports_itself_through_others():
    found = circles(graph_of(ROOT))
    assert not found, f"import circles:\n{shown(found)}"


@pytest.fixture
def made_up(tmp_path):
    """Writes a package `tui` from a text for each module."""

    def write(**modules: str) -> Path:
        (tmp_path / "tui").mkdir()
        for name, text in {"__init__": "", **modules}.items():
            (tmp_path / "tui" / f"{name}.py").write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize(
    "back",
    [
        "import tui.a\n",
        "from tui import a\n",
        "from tui.a import thing\n",
        "from . import a\n",
        "from .a import thing\n",
        "def late():\n    from tui.a import thing\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tui.a import Thing\n",
    ],
    ids=["import", "from package", "from module", "relative", "relative module", "lazy", "for type checkers"],
)
def test_a_circle_is_found_however_the_import_is_written(made_up, back):
    root = made_up(a="from tui import b\n", b="from tui.c import x\n", c=back, d="from tui import a, b, c\n")
    found = circles(graph_of(root, ["tui"]))
    assert shown(found) == "tui.a -> tui.b -> tui.c -> tui.a"


def test_a_graph_without_a_circle_has_none(made_up):
    root = made_up(
        a="from tui import b, c\n", b="from tui.c import x\n", c="import os, typing\n", d="from tui.a import y\n"
    )
    graph = graph_of(root, ["tui"])
    assert graph["tui.a"] == {"tui.b", "tui.c"} and circles(graph) == []
