"""docs/parts.md says what the schema and the marks say."""

import runpy
from pathlib import Path

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_options_is_as_schema_and_marks_have_it():
    written = (DOCS / "parts.md").read_text(encoding="utf-8")
    assert written == runpy.run_path(str(DOCS / "parts.py"))["page"](), "run: python docs/parts.py"


def test_every_part_but_models_and_every_option_is_on_the_page():
    written = (DOCS / "parts.md").read_text(encoding="utf-8")
    for kind in ("op", "optimizer", "schedule", "loss", "averaging", "dataset"):
        for part in catalog().parts(kind):
            assert f"\n### {part.name}\n" in written
            assert all(f"| `{param.name}` |" in written for param in (*part.params, *COMMON.get(kind, ())))
