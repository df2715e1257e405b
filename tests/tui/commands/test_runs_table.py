"""`runs table`: recipes with mean, spread and n, in five formats that say the same."""

import csv
import io
import json

import pytest

from engine.contract.recipe.catalog import catalog
from presets import loader, references


def recipe(*sets):
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", "schedule.warmup=0", *sets]))


@pytest.fixture
def seeds(ended_run):
    """Three seeds of a recipe, one of another, and one unfinished."""
    for seed, last in enumerate((0.961, 0.962, 0.963)):
        ended_run(recipe(), seed, (0.5, 0.97, last))
    ended_run(recipe("optimizer.lr=0.1"), 0, (0.5, 0.6, 0.7))
    ended_run(recipe("optimizer.lr=0.1"), 1, (0.5, 0.6), state="stopped")


def test_text_has_mean_spread_and_n(cli, seeds):
    out = cli("runs", "table").out
    assert "96.20 ± .10 sd (n = 3)" in out and "95.95 .. 96.45" in out and "97.00*" in out
    assert "70.00 (n = 1)" in out and "not counted: 1 unfinished" in out
    assert "picked on test" in out
    assert out == cli("runs", "table", "--by", "recipe", "--format", "text").out


def test_markdown_and_latex_say_the_same(cli, seeds):
    markdown, latex = (cli("runs", "table", "--format", form).out for form in ("md", "latex"))
    assert "| 96.20 ± .10 sd (n = 3) |" in markdown
    assert r"96.20 $\pm$ .10 sd (n = 3) &" in latex and r"\label{tab:recipes}" in latex


def test_csv_and_json_have_the_raw_figures(cli, seeds):
    rows = {row["n"]: row for row in json.loads(cli("runs", "table", "--format", "json").out)}
    assert json.loads(cli("runs", "table", "--json").out) == list(rows.values())
    assert rows[3]["last_mean"] == pytest.approx(0.962) and rows[3]["last_sd"] == pytest.approx(0.001)
    assert (rows[3]["seeds"], rows[3]["best_on"], len(rows[3]["runs"])) == ([0, 1, 2], "test", 3)
    assert (rows[1]["last_sd"], rows[1]["last_low"], rows[1]["unfinished"]) == (None, None, 1)
    table = list(csv.DictReader(io.StringIO(cli("runs", "table", "--format", "csv").out)))
    assert {row["n"]: row["seeds"] for row in table} == {"3": "0 1 2", "1": "0"}
    assert float(next(row for row in table if row["n"] == "3")["last_mean"]) == pytest.approx(0.962)


def test_a_row_may_be_a_run_and_the_filter_is_that_of_the_list(cli, seeds):
    assert len(json.loads(cli("runs", "table", "--by", "run", "--json").out)) == 5
    out = cli("runs", "table", "--by", "run", "--filter", "acc>0.9").out
    assert out.count("finished") == 3 and "96.30" in out
    (row,) = json.loads(cli("runs", "table", "--json", "--filter", "acc>0.9").out)
    assert row["n"] == 3


def test_it_may_be_written_to_a_file(cli, seeds, tmp_path):
    assert cli("runs", "table", "--format", "md", "--out", str(tmp_path / "table.md")).out == ""
    assert (tmp_path / "table.md").read_text() == cli("runs", "table", "--format", "md").out
    assert cli("runs", "table", "--out", str(tmp_path / "none" / "x")).code == 2


def test_wrong_choices_name_the_right_ones(cli):
    answer = cli("runs", "table", "--format", "latx")
    assert answer.code == 2 and "did you mean latex?" in answer.err
    assert "recipe, run" in cli("runs", "table", "--by", "seed").err


def test_without_runs_it_is_empty_and_no_error(cli):
    for form in ("text", "md", "latex", "csv"):
        assert cli("runs", "table", "--format", form).code == 0
    assert json.loads(cli("runs", "table", "--json").out) == []
