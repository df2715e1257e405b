"""`cifar-tui compare`: save, list, show and remove comparisons; NAME alone prints and opens one."""

import json

import pytest

from engine.contract.recipe.catalog import catalog
from presets import loader, references
from tui import cli as command_line


@pytest.fixture
def runs(ended_run):
    def recipe(*sets):
        return references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", *sets]))

    return [
        ended_run(one, seed, (0.1, 0.5, accuracy))
        for one, seed, accuracy in (
            (recipe(), 0, 0.90), (recipe(), 1, 0.91), (recipe("optimizer.lr=0.1"), 0, 0.94),
        )
    ]  # fmt: skip


def test_a_saved_comparison_prints_what_runs_compare_prints(cli, runs):
    ids = [run.id for run in runs]
    file = cli("compare", "save", "paper", *ids, "--baseline", ids[1], "--by", "recipe", "--x", "step")
    assert file.code == 0 and file.out.strip().endswith("paper.json")
    shown = cli("compare", "paper")
    assert shown.code == 0
    assert shown.out == cli("runs", "compare", ids[1], ids[0], ids[2], "--by", "recipe").out
    assert shown.out == cli("compare", "show", "paper").out
    assert json.loads(cli("compare", "paper", "--json").out)["baseline"] == ids[1]


def test_comparisons_are_listed_and_removed(cli, runs):
    assert cli("compare", "save", "paper", runs[0].id, runs[2].id).code == 0
    assert "2 runs against" in cli("compare").out and "paper" in cli("compare", "list").out
    (one,) = json.loads(cli("compare", "list", "--json").out)
    assert (one["name"], one["runs"], one["by_recipe"]) == ("paper", [runs[0].id, runs[2].id], False)
    assert cli("compare", "rm", "paper").code == 0
    assert cli("compare", "paper").code == 2


def test_wrong_names_and_values_are_named(cli, runs):
    assert "none is saved" in cli("compare", "nothing").err
    assert "--x" in cli("compare", "save", "a", runs[0].id, runs[1].id, "--x", "weeks").err
    assert "at least two runs" in cli("compare", "save", "a", runs[0].id).err
    assert cli("compare", "save", "a", runs[0].id, runs[1].id).code == 0
    assert "already exists" in cli("compare", "save", "a", runs[0].id, runs[1].id).err
    assert cli("compare", "save", "a", runs[0].id, runs[1].id, "--replace").code == 0


def test_in_a_terminal_the_comparison_is_printed_and_opened(cli, runs, monkeypatch):
    cli("compare", "save", "paper", runs[0].id, runs[2].id)
    opened = []
    monkeypatch.setattr(command_line, "_workbench", lambda *place, **start: opened.append(start))
    monkeypatch.setattr("tui.commands.comparisons.is_terminal", lambda: True)
    shown = cli("compare", "paper")
    assert opened == [{"comparison": "paper"}] and runs[2].id in shown.out
    assert cli("compare", "paper", "--json").code == 0 and len(opened) == 1


@pytest.mark.parametrize("form", ["text", "md", "latex", "tsv"])
def test_the_figures_of_a_comparison_in_a_format(cli, runs, form):
    out = cli("runs", "compare", runs[0].id, runs[2].id, "--format", form).out
    assert "(n = 2)" in out and runs[2].id in out
    assert "--format" in cli("runs", "compare", runs[0].id, runs[2].id, "--format", "docx").err
