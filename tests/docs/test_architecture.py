"""The page on architecture names files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:engine|presets|tui|tests)/[\w/.]*)`", PAGE)))


@pytest.mark.parametrize("name", NAMED)
def test_every_file_and_folder_on_the_page_exists(name):
    assert (ROOT / name).exists()


@pytest.mark.parametrize("tree", ["engine", "tui"])
def test_every_package_is_drawn(tree):
    packages = {path.parent.name for path in (ROOT / tree).glob("*/__init__.py")}
    picture = PAGE.partition("```\n")[2].partition("```")[0]
    assert {name for name in packages if f"{name}/" not in picture} == set()
