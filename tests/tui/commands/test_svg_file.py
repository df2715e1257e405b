"""The commands that draw into an SVG file: runs show, runs compare and suites report."""

import xml.etree.ElementTree as ET

import pytest

SVG = "{http://www.w3.org/2000/svg}"


def texts(file):
    return [element.text or "" for element in ET.parse(file).getroot().iter(f"{SVG}text")]


def test_show_draws_the_charts_and_tables_of_the_dashboard(cli, finished_run, tmp_path):
    run, file = finished_run(), tmp_path / "run.svg"
    answer = cli("runs", "show", run.id, "--svg", file)
    assert (answer.code, answer.out, answer.err) == (0, "", f"wrote {file}\n")
    shown = texts(file)
    for title in ("accuracy %", "loss", "progress", "per class", "devices", "health"):
        assert any(words.startswith(title) for words in shown), title
    assert len(list(ET.parse(file).getroot().iter(f"{SVG}polyline"))) >= 3


@pytest.mark.parametrize(
    ("tab", "words"), [("overview", ("accuracy %", "how it was made")), ("recipe", ("optimizer.lr",))]
)
def test_show_draws_the_curves_and_tables_of_a_tab(cli, finished_run, tmp_path, tab, words):
    run, file = finished_run(), tmp_path / "tab.svg"
    assert cli("runs", "show", run.id, "--tab", tab, "--svg", file).code == 0
    assert all(any(shown.startswith(word) for shown in texts(file)) for word in words)
    assert bool(list(ET.parse(file).getroot().iter(f"{SVG}polyline"))) == (tab == "overview")


@pytest.mark.parametrize("tab", ["confusion", "mistakes"])
def test_show_draws_a_tab_with_pictures_as_the_terminal_shows_it(cli, finished_run, tmp_path, tab):
    run, file = finished_run(), tmp_path / "tab.svg"
    assert cli("runs", "show", run.id, "--tab", tab, "--svg", file).code == 0
    printed = cli("runs", "show", run.id, "--tab", tab).out
    drawn = "".join(texts(file)).replace(" ", "")
    words = [word for word in printed.split() if word.isalpha() and len(word) > 4][:8]
    assert words and all(word in drawn for word in words)


def test_compare_draws_curves_and_tables(cli, finished_run, tmp_path):
    one, other, file = finished_run(), finished_run(), tmp_path / "compare.svg"
    assert cli("runs", "compare", one.id, other.id, "--svg", file).code == 0
    shown = texts(file)
    assert {"test accuracy %", "test loss", "Runs"} <= set(shown)
    assert any(one.id[-4:] in words for words in shown) and any(other.id[-4:] in words for words in shown)


def test_a_suite_draws_reported_against_measured_beside_its_report(cli, tmp_path):
    file = tmp_path / "suite.svg"
    answer = cli("suites", "report", "resnet_stages", "--figure", file, "--format", "csv")
    assert answer.code == 0 and answer.out.startswith("suite,") and f"wrote {file}" in answer.err
    assert "reported / measured" in texts(file)


@pytest.mark.parametrize("name", ["picture.png", "missing/picture.svg"])
def test_a_mistake_is_one_line(cli, finished_run, tmp_path, name):
    answer = cli("runs", "show", finished_run().id, "--svg", tmp_path / name)
    assert answer.code == 2 and answer.err.count("\n") == 1 and name in answer.err
    assert list(tmp_path.iterdir()) == []
