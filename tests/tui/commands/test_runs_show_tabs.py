"""`runs show --tab` prints the tabs of Inspect, and `runs show --json` has every figure in them."""

import json
import re
import time

import pytest
from PIL import Image

from engine.contract.run.store import summarize
from tests.tui.dashboard.reading import view_of
from tests.tui.dashboard.stage import texts_of
from tests.tui.in_json import figures_without_source
from tests.tui.inspecting import facts_of, inspected_runs, make_inspected
from tests.tui.reading import text_of
from tui.dashboard import exported
from tui.dashboard.accuracy_series import CurveStyle
from tui.dashboard.seeds import seeds_of
from tui.drawing.export_charts import chart_data, table_data
from tui.drawing.overview_panes import classes_pane, files_pane, made_pane, note_pane, result_pane
from tui.inspection.tab import Canvas
from tui.inspection.tabs import all_tabs

TITLES = [tab.title for tab in all_tabs()]
WITH_FIGURES = [title for title in TITLES if title not in ("Overview", "Recipe", "Log")]


@pytest.fixture(scope="session")
def made(made_once):
    home = made_once("inspected", make_inspected)
    return home, inspected_runs(home)


@pytest.fixture(scope="session")
def printed():
    """What has been printed of the runs, by their place and the arguments."""
    return {}


@pytest.fixture
def shown(made, printed, monkeypatch, cli):
    """The JSON of a run, by its place."""
    home, runs = made
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))

    def show(place, *arguments):
        key = (place, *arguments)
        if key not in printed:
            answer = cli("runs", "show", runs[place].id, "--json", "--runs-dir", home / "runs", *arguments)
            printed[key] = json.loads(answer.out)
        return printed[key]

    return show


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("width", [60, 100])
def test_every_figure_of_the_overview_is_in_json(made, shown, place, width):
    one = facts_of(made[1][place], made[1]).overview
    result = result_pane(one, "run-0", "●○", width)
    panes = [result[1:2], result[4:], made_pane(one, width), classes_pane(one.classes, width, 11)]
    panes += [files_pane(one.files, width, 9), note_pane(one, True, width)]
    text = "\n".join(map(text_of, panes))
    assert "like for like" in text and "recall" in text
    assert figures_without_source(text.replace("95 % of one run", ""), shown(place)) == []


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_every_figure_of_the_dashboard_is_in_json(made, shown, monkeypatch, size):
    first, base = made[1][0], made[1][3]
    views = view_of(first), view_of(base)
    seeds = seeds_of(views[1], map(summarize, made[1]))
    scene = exported.scene_of(views[0], views[0].status(), views[1], seeds)
    texts = await texts_of(scene, size, monkeypatch, time.time())
    texts["status"] = re.sub(r"· .* ago", "", texts["status"])  # it grows while the test runs
    known = shown(0, "--baseline", base.id)
    sources = known["charts"], known["tables"]
    assert len(texts) >= 7
    assert ("to baseline" in "".join(texts.values())) == (size[0] > 80), "80 columns have no room for it"
    missing = {name: figures_without_source(text, *sources) for name, text in texts.items() if name != "here"}
    assert not any(missing.values()), (missing, texts)


@pytest.mark.parametrize("width", [79, 119, 199])
@pytest.mark.parametrize("title", WITH_FIGURES)
def test_every_figure_of_a_tab_is_in_json(made, shown, title, width):
    runs = made[1]
    tab = next(one for one in all_tabs() if one.title == title)
    others = [summarize(run) for run in (runs[1], runs[3])]
    facts = facts_of(runs[0], runs, others=others, looks=[CurveStyle.of(slot) for slot in range(3)])
    text = text_of(tab.draw(facts, Canvas(width, 47, color=False)))
    assert len(text) > 500
    without_paths = re.sub(r"\S*/\S*", "", text)
    known = shown(0, "--with", runs[1].id, "--with", runs[3].id)
    ids = [f"{run.id[-4:]}" for run in runs]
    rounded = [f"{known['disagree'][0][name]:.2g}" for name in ("exact_p", "mid_p")]
    assert figures_without_source(without_paths, known, ids, rounded) == []


@pytest.fixture
def facts(made, shown):
    """The first run beside two others and with a baseline, and all of its JSON as the command prints it."""
    runs = made[1]
    others, baseline = [summarize(run) for run in (runs[1], runs[3])], summarize(runs[1])
    read = facts_of(runs[0], runs, others=others, looks=[CurveStyle.of(slot) for slot in range(3)], baseline=baseline)
    return read, shown(0, "--with", runs[1].id, "--with", runs[3].id, "--baseline", runs[1].id)


def cells_of(*tabs, facts):
    """Every text in the tables of tabs and beside their curves, as the tabs stand now."""
    tables = [table_data(table) for tab in tabs for table in tab.tables(facts)]
    return {"tables": tables, "charts": [chart_data(chart) for tab in tabs for chart in tab.charts(facts)]}


@pytest.mark.parametrize("title", TITLES)
def test_every_figure_of_the_tables_is_in_json(facts, title):
    read, known = facts
    (tab,) = [one for one in all_tabs() if one.title == title]
    words = json.dumps([table for table in cells_of(tab, facts=read)["tables"] if table["title"] != "log"])
    ids = [read.id, *(one.run[-4:] for one in read.others), "95 %"]
    rounded = [f"{known['disagree'][0][name]:.2g}" for name in ("exact_p", "mid_p")]
    alike = [f"{100 * one['wrong_alike'] / one['images']:.2f}" for one in known["disagree"]]
    assert figures_without_source(words.replace("\\u00b1", "").replace("\\u2192", ""), known, ids, rounded, alike) == []


@pytest.mark.parametrize("width", [79, 119, 199])
@pytest.mark.parametrize("title", TITLES)
def test_every_figure_that_a_tab_prints_is_in_its_tables(facts, title, width):
    read, _ = facts
    (tab,) = [one for one in all_tabs() if one.title == title]
    curves = re.compile(r"[┤┈└⠀-⣿].*")  # the axes and labels of curves are those of the `Chart` value
    text = text_of(
        [line for line in tab.draw(read, Canvas(width, 47, color=False)) if not curves.search(text_of([line]))]
    )
    tabs = [one for one in all_tabs() if title == "Overview" and one.title in ("Recipe", "Log")]
    known = cells_of(tab, *tabs, facts=read)
    ids = [read.id, *(one.run[-4:] for one in read.others), "95 % intervals, place 1 of the list"]
    assert figures_without_source(re.sub(r"\S*/\S*|UTF-8", "", text), known, ids) == [], text


@pytest.mark.parametrize("title", TITLES)
def test_a_tab_is_written_as_tables_in_every_format(made, monkeypatch, cli, tmp_path, title):
    home, runs = made
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    show = ("runs", "show", runs[0].id, "--runs-dir", home / "runs", "--with", runs[3].id, "--tab", title.lower())
    found = json.loads(cli(*show, "--json").out)
    assert found == json.loads(cli(*show, "--format", "json").out) and set(found) == {"charts", "tables"}
    assert bool(found["charts"]) == (title == "Overview")
    table = max(found["tables"], key=lambda one: len(one["rows"]))
    words = {"md": "| --- |", "latex": "\\begin{tabular}", "csv": ",", "text": "  "}
    for form, word in words.items():
        text = cli(*show, "--format", form).out
        assert word in text and table["rows"][0][-1].split()[0].replace("%", "\\%" if form == "latex" else "%") in text
        file = tmp_path / form
        assert cli(*show, "--format", form, "--out", file).out == "" and file.read_text() == text


def test_formats_without_a_tab_are_those_of_the_dashboard_and_unknown_ones_are_refused(made, cli):
    show = ("runs", "show", made[1][0].id, "--runs-dir", made[0] / "runs")
    assert "### per class" in cli(*show, "--format", "md").out
    refused = cli(*show, "--format", "markdwn")
    assert refused.code == 2 and "not one of text, md, latex, csv, json" in refused.err


@pytest.mark.parametrize("title", TITLES)
def test_a_tab_is_printed_as_plain_text(made, monkeypatch, cli, title):
    home, runs = made
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    answer = cli("runs", "show", runs[0].id, "--tab", title.lower(), "--with", runs[3].id, "--runs-dir", home / "runs")
    assert answer.code == 0 and len(answer.out.splitlines()) > 10 and "\x1b" not in answer.out


def test_an_unknown_tab_is_refused_with_the_nearest_name(made, cli):
    answer = cli("runs", "show", made[1][0].id, "--tab", "confusing", "--runs-dir", made[0] / "runs")
    assert answer.code == 2 and "confusion" in answer.err


def test_the_images_of_a_tab_are_written_as_a_contact_sheet(made, monkeypatch, cli, tmp_path):
    home, runs = made
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    show = ("runs", "show", runs[0].id, "--runs-dir", home / "runs", "--with", runs[3].id)
    sizes = {}
    for tab in ("mistakes", "disagree", "confusion"):
        out = tmp_path / f"{tab}.png"
        told = cli(*show, "--tab", tab, "--out", out)
        assert told.code == 0 and told.out == "" and f"of {runs[0].id[-4:]}: " in told.err, told
        with Image.open(out) as image:
            assert image.format == "PNG"
            sizes[tab] = image.size
    assert sizes["mistakes"] == sizes["disagree"], "64 images, eight in a row"
    assert sizes["mistakes"][0] == 2 * 16 + 8 * (4 * 32 + 8) - 8 == sizes["confusion"][0]
    for more, why in ((("--tab", "log"), "Log shows no images"), ((), "give --tab confusion, mistakes or disagree")):
        refused = cli(*show, *more, "--out", tmp_path / "no.png")
        assert refused.code == 2 and why in refused.err
    assert not (tmp_path / "no.png").exists()


def test_the_overview_and_the_plot_compare_with_a_baseline(made, monkeypatch, cli):
    home, runs = made
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    show = ("runs", "show", runs[3].id, "--runs-dir", home / "runs")
    base = ("--baseline", runs[0].id)
    name = runs[0].id[-4:]
    found = json.loads(cli(*show, "--json", *base).out)["overview"]["baseline"]
    low, high = found["interval"]
    assert found["id"] == runs[0].id and low < found["paired_difference"] < high and found["images"] == 10_000
    text = cli(*show, "--tab", "overview", *base).out
    shown = f"b {name}: {100 * found['difference']:+.2f} points   95 % {100 * low:+.2f} .. {100 * high:+.2f}"
    assert shown in text and "on the same" not in text, "too long for this width"
    monkeypatch.setenv("COLUMNS", "80")
    assert f"{shown} on the same 10,000 images" in cli(*show, "--tab", "overview", *base).out
    assert f"b {name}: " not in cli(*show, "--tab", "overview").out
    assert name in cli(*show, "--plot", *base).out and name not in cli(*show, "--plot").out
    alone = json.loads(cli("runs", "show", runs[0].id, "--runs-dir", home / "runs", "--json", *base).out)
    assert alone["overview"]["baseline"] is None
