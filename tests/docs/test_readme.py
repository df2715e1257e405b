"""What the README tells people to type and to write works."""

import re
import tomllib
from pathlib import Path

import pytest

from engine.contract.recipe.catalog import catalog
from presets.references import recipe_of

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_example_part_is_a_part_that_builds_a_model(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(blocks("python")[0])
    parts = catalog((path,))
    part = parts.get("model", "tiny")
    assert part.params[0].range == "1 <= x <= 512"
    model = parts.load(part)(num_classes=10, in_channels=3, width=4)
    assert sum(parameter.numel() for parameter in model.parameters()) == 4 * 28 + 10 * 5


def test_the_example_preset_of_the_guide_resolves(tmp_path):
    text = blocks("toml", (ROOT / "docs" / "extending.md").read_text())[0]
    path = tmp_path / "my_net.toml"
    path.write_text(text)
    assert recipe_of(str(path), catalog()).epochs == tomllib.loads(text)["epochs"]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"--preset ([a-z0-9_]+) ", README))))
def test_every_preset_that_the_readme_names_exists(name):
    assert recipe_of(name, catalog()).promise


def test_every_file_that_the_readme_links_to_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_ci_finds_the_test_command():
    script = README.partition("<!-- test command -->")[2]
    assert blocks("sh", script)[0].strip().endswith(".venv/bin/python -m pytest -n auto --dist worksteal")
