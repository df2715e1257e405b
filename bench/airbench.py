"""The code of the speed records, read from a checkout of KellerJordan/cifar10-airbench.

Definitions of a file are executed: imports, functions, classes, and assignments to plain names. Statements that do
anything else, such as the calls that start a training, are not.
"""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line looks for the files without loading torch
    from torch import nn

NET = "airbench94.py"
"""The net of the paper, made by `make_net`."""
MUON = "airbench94_muon.py"
"""The record for 94 %, whose `main` trains its `CifarNet` and returns the accuracy with test-time augmentation."""
FOLDERS = ("", "legacy")
"""Where files have been in the course of the repository's history."""
PLACED = ("half", "cuda")
"""Methods by which the record's code puts its net on a GPU in half precision."""


class NoRecord(ValueError):
    """A checkout that does not hold what is expected of it."""


def record_file(checkout: Path, name: str = NET) -> Path:
    """A file of the records in a checkout. Raises NoRecord."""
    places = [Path(folder, name) for folder in FOLDERS]
    file = next((checkout / place for place in places if (checkout / place).is_file()), None)
    if file is None:
        raise NoRecord(f"{checkout} has none of {', '.join(map(str, places))}")
    return file


def definitions(file: Path, rewriter: ast.NodeTransformer, **names: object) -> ModuleType:
    """The definitions of a file as a module.

    Args:
        rewriter: changes the code before it is executed.
        names: values that the code can use under these names.
    """
    tree = ast.parse(file.read_text(), str(file))
    kept = ast.Module([statement for statement in tree.body if defines(statement)], type_ignores=[])
    code = ast.fix_missing_locations(rewriter.visit(kept))
    module = ModuleType(file.stem)
    module.__dict__.update(names)
    exec(compile(code, str(file), "exec"), module.__dict__)
    return module


def record_net(checkout: Path) -> nn.Module:
    """The net of `airbench94.py`, float32 and on the host.

    Calls of `.half()` and `.cuda()` are left out, so that the caller chooses precision and device.

    Raises:
        NoRecord: the checkout lacks the file, or the file lacks `make_net`.
    """
    from torch import nn

    file = record_file(checkout)
    module = definitions(file, Unplaced())
    if not hasattr(module, "make_net"):
        raise NoRecord(f"{file} defines no make_net")
    net = module.make_net()
    if not isinstance(net, nn.Module):
        raise NoRecord(f"make_net of {file} returns no module")
    return net


def defines(statement: ast.stmt) -> bool:
    """Whether a statement of a module only defines names."""
    if isinstance(statement, ast.Assign):
        return all(isinstance(target, ast.Name) for target in statement.targets)
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


class Unplaced(ast.NodeTransformer):
    """Replaces `x.half()` and `x.cuda()` by `x`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in PLACED and not node.args:
            return node.func.value
        return node


class OnTheHost(ast.NodeTransformer):
    """Moves code written for a GPU in half precision to the CPU in bf16, which is the half precision of CPUs.

    `x.half()` becomes `x.bfloat16()`, `x.cuda()` becomes `x`, the device "cuda" becomes "cpu", `torch.cuda` becomes
    the name `host_clock`, and functions lose the decorator `torch.compile`. Nothing else changes.
    """

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and not node.args:
            if node.func.attr == "half":
                node.func.attr = "bfloat16"
            elif node.func.attr == "cuda":
                return node.func.value
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return ast.Name("host_clock", node.ctx) if ast.unparse(node) == "torch.cuda" else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("cpu") if node.value == "cuda" else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [name for name in node.decorator_list if ast.unparse(name) != "torch.compile"]
        return self.generic_visit(node)
