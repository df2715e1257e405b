"""The net of a speed record, read from a checkout of KellerJordan/cifar10-airbench without running its training."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line looks for the file without loading torch
    from torch import nn

PLACES = ("airbench94.py", "legacy/airbench94.py")
"""Where the file has been in the course of the repository's history."""
PLACED = ("half", "cuda")
"""Methods by which the record's code puts its net on a GPU in half precision."""


class NoRecord(ValueError):
    """A checkout that does not hold what is expected of it."""


def record_file(checkout: Path) -> Path:
    """`airbench94.py` in a checkout. Raises NoRecord."""
    file = next((checkout / place for place in PLACES if (checkout / place).is_file()), None)
    if file is None:
        raise NoRecord(f"{checkout} has none of {', '.join(PLACES)}")
    return file


def record_net(checkout: Path) -> nn.Module:
    """The net of `airbench94.py`, float32 and on the host.

    The definitions of that file are executed: imports, functions, classes, and assignments to plain names. Statements
    that do anything else, its training above all, are not. Calls of `.half()` and `.cuda()` in `make_net` are left out,
    so that the caller chooses precision and device.

    Raises:
        NoRecord: the checkout lacks the file, or the file lacks `make_net`.
    """
    from torch import nn

    file = record_file(checkout)
    tree = ast.parse(file.read_text(), str(file))
    kept = [statement for statement in tree.body if defines(statement)]
    makers = [node for node in kept if isinstance(node, ast.FunctionDef) and node.name == "make_net"]
    if not makers:
        raise NoRecord(f"{file} defines no make_net")
    for node in makers:
        Unplaced().visit(node)
    module = ModuleType("airbench94")
    exec(compile(ast.Module(kept, type_ignores=[]), str(file), "exec"), module.__dict__)
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
