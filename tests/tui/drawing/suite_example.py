"""A suite of four rows and what was measured of them."""

from engine.analysis.report import reproduce
from engine.contract.recipe.catalog import catalog
from presets.loader import Edits
from presets.references import recipe_of
from presets.suites import Reported, Row, Suite

RECIPE = recipe_of("quickstart", catalog(), Edits(fields={"epochs": 3}, sets=["schedule.warmup=0"]))
SUITE = Suite(
    name="s",
    title="A table",
    description="What it is.",
    source="somebody, 2021",
    rows=(
        Row(id="a", recipe="quickstart", source="somebody, 2021", note="odd",
            reported=Reported(test_accuracy=0.9619, test_loss=0.158, selection="best_on_test")),
        Row(id="b", recipe="quickstart", source="elsewhere", note="odd", title="in its words",
            reported=Reported(test_accuracy=0.95, selection="last", n=3, spread=0.0012)),
        Row(id="c", recipe="quickstart", source="somebody, 2021", reported=Reported(test_accuracy=0.5)),
        Row(id="d", recipe="quickstart", source="somebody, 2021", note="out of memory in the source"),
    ),
)  # fmt: skip


def lines(runs):
    return [
        reproduce(row.id, RECIPE.recipe_id, row.reported.selection, row.reported.test_accuracy, runs)
        for row in SUITE.rows
    ]
