"""`runs export --all`: one row a run, each changed field a column, in four formats that say the same."""

import csv
import io
import json

import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.run.summary import JSON_KEYS
from presets import loader, references


@pytest.fixture
def runs(ended_run):
    sets = ((), ("optimizer.lr=0.3",), ("augmentation=[]",))
    return [
        ended_run(references.recipe_of("quickstart", catalog(), loader.Edits(sets=[*some])), 0, [0.5, 0.9625])
        for some in sets
    ]


def test_csv_has_the_keys_of_the_list_and_a_column_for_each_changed_field(cli, runs):
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(cli("runs", "export", "--all").out))}
    assert list(rows) == [run.id for run in reversed(runs)], "newest first, as runs list has them"
    columns = list(next(iter(rows.values())))
    assert columns[: len(JSON_KEYS)] == list(JSON_KEYS) and "optimizer.lr" in columns and "epochs" in columns
    assert not any(column.startswith("optimizer.m") for column in columns), "what is equal is left out"
    assert float(rows[runs[1].id]["optimizer.lr"]) == 0.3 and float(rows[runs[0].id]["last_accuracy"]) == 0.9625


def test_json_has_the_same_figures(cli, runs):
    table = json.loads(cli("runs", "export", "--all", "--format", "json").out)
    assert table == json.loads(cli("runs", "export", "--all", "--json").out)
    lists = {row["id"]: row for row in json.loads(cli("runs", "list", "--json").out)}
    for row in table:
        assert {key: row[key] for key in JSON_KEYS} == lists[row["id"]]
    rates = {row["id"]: row["optimizer.lr"] for row in table}
    assert rates[runs[1].id] == 0.3 and rates[runs[0].id] == rates[runs[2].id]


def test_markdown_and_latex_have_percent(cli, runs, tmp_path):
    markdown = cli("runs", "export", "--all", "--format", "md").out
    assert "96.25" in markdown and "| optimizer.lr |" in markdown and "| 0.3 |" in markdown
    assert cli("runs", "export", "--all", "--format", "latex", "--out", tmp_path / "t.tex").out == ""
    assert r"\begin{tabular}" in (tmp_path / "t.tex").read_text() and "96.25" in (tmp_path / "t.tex").read_text()


def test_the_filter_chooses_runs(cli, runs):
    (row,) = json.loads(cli("runs", "export", "--all", "--json", "--filter", f"id:{runs[1].id}").out)
    assert row["id"] == runs[1].id


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "name a run, or give --all"),
        (("--all", "@last"), "name no run"),
        (("--all", "--format", "yaml"), "not one of csv, json, md, latex"),
        (("--all", "--out", "/nowhere/x.csv"), "No such file or directory"),
        (("@last", "--filter", "acc>0"), "with --all"),
        (("@last", "--format", "md"), "needs csv, json or tensorboard"),
        (("--all", "--weights", "best"), "leave out --all"),
        (("@last", "--check"), "go with --weights"),
    ],
)
def test_a_mistake_is_one_line(cli, runs, arguments, why):
    answer = cli("runs", "export", *arguments)
    assert answer.code == 2 and why in answer.err and answer.err.count("\n") == 1
