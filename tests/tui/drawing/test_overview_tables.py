"""What is known of a run as tables; what is not known has no row."""

import pytest

from engine.analysis.overview import Stored
from tests.tui.demo import Demo, write_run
from tests.tui.inspecting import facts_of
from tui.drawing import overview_tables as tables
from tui.drawing.typeset import by_label


@pytest.fixture
def one(root):
    run = write_run(root, Demo(epochs_done=2, state="finished"))
    return facts_of(run, [run]).overview


def test_the_result_has_its_figures_by_their_labels(one):
    found = by_label(tables.result_table(one))
    assert found[tables.LAST] == f"{100 * one.run.last_accuracy:.2f}"
    assert found[tables.HALF] == f"{100 * one.interval.half:.2f}" and found[tables.STATUS] == "finished"
    assert found[tables.REPORTED] == "reported 96.26" and tables.EXCLUDED not in found


def test_a_run_without_a_test_has_no_accuracy(root):
    run = write_run(root, Demo(epochs_done=0))
    found = by_label(tables.result_table(facts_of(run, [run]).overview))
    assert tables.STATUS in found and tables.LAST not in found and tables.BEST_EPOCH not in found


def test_files_have_their_size_in_all():
    table = tables.files_table([Stored("a", 2000, "x"), Stored("b", 3_000_000, "y")])
    assert [row[1] for row in table.rows] == ["2 kB", "3 MB"] and table.legend == ("3 MB in all",)


def test_the_asterisks_are_explained_and_the_run_can_be_repeated(one):
    table = tables.note_table(one, mixed=True)
    assert table.rows == (("tags", "paper"),) and table.legend[-1] == "train* on mixed images."
    assert tables.commands_table(one).rows[0] == ("repeat", f"cifar-tui --preset run:{one.run.id[-4:]} --seed 0")
