"""The documentation names tests and files of tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
NAMED = re.compile(r"(?<![\w./-])(tests/[\w./-]*\w)((?:::\w+)*)")
"""A path below tests, and what follows it of a pytest node id."""


def missing(text: str) -> list[str]:
    """The paths and node ids in `text` that do not exist."""
    return [path + name for path, name in NAMED.findall(text) if not exists(ROOT / path, name.split("::")[1:])]


def exists(path: Path, names: list[str]) -> bool:
    """Whether the file or folder is there and defines the class or function of a node id."""
    if not names:
        return path.exists()
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []
    for name in names:
        found = [node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name]
        if not found:
            return False
        body = found[0].body
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page):
    assert missing(page.read_text(encoding="utf-8")) == []


def test_a_wrong_path_or_name_is_found():
    here = "tests/docs/test_named_tests.py"
    assert missing(f"`{here}::test_a_wrong_path_or_name_is_found`, `{here}`, `pytest tests/docs -k named`") == []
    assert missing("see `tests/docs/test_gone.py`.") == ["tests/docs/test_gone.py"]
    assert missing(f"`{here}::test_gone`") == [f"{here}::test_gone"]
    assert missing("`tests/docs::test_gone`") == ["tests/docs::test_gone"]
