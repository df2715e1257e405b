"""What Compare exports, in each format."""

import csv
import io

import pytest

from engine.analysis.judged import recipe_labels
from tests.tui.drawing.comparing import judged, runs  # noqa: F401
from tui.drawing.compare_export import FORMATS, means, sheets, written


@pytest.mark.parametrize("by_recipe", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_the_means_the_runs_and_the_sentences(judged, form, by_recipe):  # noqa: F811
    labels = recipe_labels(judged.marked, judged.baseline)
    text = written(sheets(judged, labels, by_recipe=by_recipe), form)
    tidy = text.replace("$\\pm$", "±").replace("\\_", "_").replace("\\", "")
    assert all(one.run.id in tidy for one in judged.marked)
    assert "sd (n = 2)" in tidy and ("no test" if by_recipe else "fewer mistakes than") in " ".join(tidy.split())


def test_the_mean_of_a_recipe_is_written_as_in_a_paper(judged):  # noqa: F811
    labels = recipe_labels(judged.marked, judged.baseline)
    first, second = means(judged, labels)
    assert first.startswith("resnet34_cutmix: 96.") and " ± ." in first and first.endswith("sd (n = 2)")
    assert second.startswith("averaging=ema: 9") and second.endswith("(n = 1)")


def test_tabs_separate_the_cells(judged):  # noqa: F811
    labels = recipe_labels(judged.marked, judged.baseline)
    text = written(sheets(judged, labels, by_recipe=False)[:1], "tsv")
    rows = [row for row in csv.reader(io.StringIO(text), delimiter="\t") if len(row) > 3]
    assert rows[0][:3] == ["id", "recipe", "changes"] and len(rows) == 4
