"""The command that Inspect copies prints the tab as keys have arranged it: its order, its class, its cell, its image."""

import json
import shlex

import pytest

from engine.contract.run.store import summarize
from tests.tui.demo import Demo, write_run
from tests.tui.inspecting import facts_of, inspected_runs, make_inspected
from tui.dashboard.accuracy_series import CurveStyle
from tui.drawing.export_charts import table_data
from tui.inspection.tabs import all_tabs
from tui.screens.inspect_exports import command_of

PRESSED = {  # by the tab: what the keys call, and the options that say so
    "Mistakes": [
        (("order",), "--order least-confident"),
        (("order", "order", "order"), "--order index"),
        (("choose_class", "right", "right"), "--class * --image *"),
        (("order", "order", "choose_class", "choose_class"), "--order highest-loss --class *"),
        (("order", "order", "order", "order"), ""),
    ],
    "Disagree": [
        (("choose_class",), "--class airplane"),
        (("other", "choose_class", "choose_class"), "--class automobile"),
    ],
    "Confusion": [
        (("order",), "--order similarity"),
        (("numbers", "right"), "--percent --cell *"),
        (("order", "numbers", "right", "right"), "--order similarity --percent --cell *"),
        (("right", "left"), ""),
    ],
    "Overview": [((), "")],
}
CASES = [(title, keys, options) for title, cases in PRESSED.items() for keys, options in cases]


@pytest.fixture(scope="session")
def made(made_once):
    home = made_once("inspected", make_inspected)
    return home, inspected_runs(home)


@pytest.fixture
def facts(made, monkeypatch):
    home, runs = made
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    others = [summarize(run) for run in (runs[1], runs[3])]
    return facts_of(runs[0], runs, others=others, looks=[CurveStyle.of(slot) for slot in range(3)])


def tab_after(facts, title, keys):
    (tab,) = [one for one in all_tabs() if one.title == title]
    for key in keys:
        if key in ("right", "left"):
            assert tab.move(facts, 1 if key == "right" else -1, 0)
        else:
            getattr(tab, key)(facts)
    return tab


@pytest.mark.parametrize(("title", "keys", "options"), CASES)
def test_the_copied_command_prints_the_tables_on_the_screen(made, facts, cli, title, keys, options):
    tab = tab_after(facts, title, keys)
    words = shlex.split(command_of(tab, facts))
    given = tab.options(facts)
    assert len(given) == len(options.split())
    assert all(want in ("*", word) for word, want in zip(given, options.split(), strict=True))
    printed = json.loads(cli(*words[1:], "--runs-dir", made[0] / "runs", "--format", "json").out)
    assert printed["tables"] == json.loads(json.dumps([table_data(table) for table in tab.tables(facts)]))


def test_only_suspects_are_shown_where_there_are_any(made, facts, cli):
    tab = tab_after(facts, "Mistakes", ("suspects",))
    show = ("runs", "show", made[1][0].id, "--runs-dir", made[0] / "runs", "--tab", "mistakes", "--format", "json")
    beside = [word for run in (made[1][1], made[1][3]) for word in ("--with", run.id)]
    if facts.doubt.places:
        assert tab.options(facts) == ["--suspects"]
        tables = json.loads(cli(*show, *beside, "--suspects").out)["tables"]
        assert len(tables[-1]["rows"]) == len(facts.doubt.places)
    refused = cli(*show, "--suspects")
    assert refused.code == 2 and "--suspects: " in refused.err, "no other run is shown, so no label is suspect"


@pytest.mark.parametrize(
    ("tab", "options", "why"),
    [
        ("mistakes", ("--order", "lost"), "--order 'lost': unknown"),
        ("mistakes", ("--class", "bat"), "cat"),
        ("mistakes", ("--image", "10000"), "not the index of one of the"),
        ("mistakes", ("--percent",), "--percent means nothing in Mistakes"),
        ("confusion", ("--order", "similar"), "similarity"),
        ("confusion", ("--cell", "cat:dgo"), "cat:dog"),
        ("disagree", ("--order", "index"), "--order means nothing in Disagree"),
        ("overview", ("--class", "cat"), "--class means nothing in Overview"),
        ("log", ("--suspects",), "--suspects means nothing in Log"),
    ],
)
def test_an_option_that_means_nothing_is_refused(made, cli, tab, options, why):
    show = ("runs", "show", made[1][0].id, "--runs-dir", made[0] / "runs")
    refused = cli(*show, "--tab", tab, *options)
    assert refused.code == 2 and why in refused.err
    refused = cli(*show, *options)
    assert refused.code == 2 and "give them with --tab" in refused.err


def test_without_predictions_nothing_can_be_chosen_by_class(made, cli, root):

    run = write_run(root, Demo(epochs_done=3, state="finished"))
    show = ("runs", "show", run.id, "--runs-dir", root)
    for tab in ("mistakes", "disagree"):
        refused = cli(*show, "--tab", tab, "--class", "cat")
        assert refused.code == 2 and "image by image" in refused.err
    assert cli(*show, "--tab", "mistakes", "--order", "index").code == 0
