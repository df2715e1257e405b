"""docs/zoo.md says what the catalog says."""

import runpy
from pathlib import Path

from engine.contract.recipe.catalog import catalog

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_table_of_models_is_as_the_marks_have_it():
    written = (DOCS / "zoo.md").read_text(encoding="utf-8")
    assert written == runpy.run_path(str(DOCS / "zoo.py"))["page"](), "run: python docs/zoo.py"


def test_every_model_and_alias_is_in_the_table():
    written = (DOCS / "zoo.md").read_text(encoding="utf-8")
    names = [name for part in catalog().parts("model") for name in (part.name, *part.aliases)]
    assert [name for name in names if f"`{name}`" not in written] == [], "run: python docs/zoo.py"


def test_papers_are_links():
    link = runpy.run_path(str(DOCS / "zoo.py"))["link"]
    assert link("1512.03385") == "[1512.03385](https://arxiv.org/abs/1512.03385)"
    assert link("10.1109/5.726791") == "[10.1109/5.726791](https://doi.org/10.1109/5.726791)"
    assert link("davidcpage/cifar10-fast").endswith("(https://github.com/davidcpage/cifar10-fast)")
    assert link("unpublished") == "unpublished"
