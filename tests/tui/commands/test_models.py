"""`cifar-tui models`: what is listed in which order, and what is shown of one model."""

import json
import sys

import pytest
import torch

from engine.contract.recipe.catalog import catalog
from engine.models.resnet import resnet20
from engine.models.summary import summarize
from presets import references
from tui.commands import models

KEYS = ["name", "aliases", "title", "family", "params", "gmacs", "year", "paper"]


@pytest.fixture
def listed(cli):
    return lambda *arguments: json.loads(cli("models", "list", *arguments, "--json").out)


def test_models_are_listed_by_family_with_their_variants(listed):
    rows = listed()
    assert all(list(row) == KEYS for row in rows)
    families = [row["family"] for row in rows]
    assert families == sorted(families)
    assert {row["name"] for row in rows} == {*catalog().names("model"), "resnet34_zero_init"}


def test_families_can_be_picked(listed):
    assert {row["family"] for row in listed("--family", "lenet", "--family", "vgg")} == {"lenet", "vgg"}


@pytest.mark.parametrize(("text", "limit"), [("5M", 5e6), ("300k", 300e3), ("272_474", 272_474), ("0.3m", 300e3)])
def test_models_above_a_size_can_be_left_out(listed, text, limit):
    names = {row["name"] for row in listed("--max-params", text)}
    every = {row["name"]: row["params"] for row in listed()}
    assert names == {name for name, params in every.items() if params <= limit}
    assert "resnet20" in names


@pytest.mark.parametrize("key", ["params", "gmacs", "year", "name"])
def test_models_can_be_sorted(listed, key):
    values = [row[key] for row in listed("--sort", key)]
    assert values == sorted(values) and len(values) == len(listed())


def test_the_noun_alone_takes_the_same_filters(cli):
    assert (
        cli("models", "--family", "vgg", "--sort", "name").out
        == cli("model", "list", "--family", "vgg", "--sort", "name").out
    )


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--sort", "parms"), "did you mean params?"),
        (("--family", "resnets"), "did you mean resnet?"),
        (("--max-params", "many"), "not a number such as 5M"),
        (("show", "resnet43", "--no-summary"), "did you mean resnet"),
        (("show", "lenet", "--size", "8"), "--size"),
    ],
)
def test_a_mistake_ends_with_one_line(cli, arguments, hint):
    answer = cli("models", *arguments)
    assert answer.code == 2 and answer.out == "" and hint in answer.err and answer.err.count("\n") == 1


def test_a_model_is_shown_with_its_stages_and_its_memory(cli):
    shown = json.loads(cli("models", "show", "lenet", "--batch-size", "4", "--classes", "7", "--json").out)
    counts = shown["counts"]
    assert (counts["batch"], counts["classes"], counts["size"]) == (4, 7, 32)
    assert sum(stage["params"] for stage in counts["stages"]) == counts["params"] == 62_006 - 3 * 85
    assert counts["stages"][0]["shape"] == [6, 28, 28]
    for memory in counts["memory"].values():
        assert memory["total"] == sum(memory[key] for key in ("activations", "weights", "gradients", "optimizer"))


def test_the_summary_is_printed_in_columns(cli, monkeypatch):
    with torch.device("meta"):
        counted = summarize(resnet20(), batch=16).table()
    monkeypatch.setattr(models, "count_model", lambda *_, **facts: {"classes": facts["classes"], **counted})
    out = cli("models", "show", "resnet20", "--batch-size", "16").out
    assert "272,474" in out and "64x8x8" in out and "3 BasicBlock" in out
    assert "one training step with 16 images" in out and "bf16" in out


def test_an_alias_shows_its_model_and_the_presets_that_use_it(cli):
    shown = json.loads(cli("models", "show", "ResNet34", "--no-summary", "--json").out)
    assert shown["name"] == "resnet34" and "counts" not in shown
    uses = {use["name"]: use for use in shown["presets"]}
    promise = references.recipe_of("resnet34_cutmix", catalog()).promise
    assert uses["resnet34_cutmix"]["promise"]["accuracy"] == promise.accuracy
    assert "resnet18_adam" not in uses
    assert promise.source in cli("models", "show", "resnet34", "--no-summary").out


def test_a_variant_is_shown_with_what_it_changes_and_with_its_own_presets(cli):
    shown = json.loads(cli("models", "show", "resnet34_zero_init", "--no-summary", "--json").out)
    assert (shown["name"], shown["changed"], shown["params"]) == (
        "resnet34_zero_init",
        {"zero_init_residual": True},
        21_282_122,
    )
    assert "resnet34_cutmix" not in {use["name"] for use in shown["presets"]}


def test_without_torch_the_facts_are_shown_and_the_rest_is_one_clear_line(cli, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answer = cli("models", "show", "lenet")
    assert answer.code == 1 and "62,006" in answer.out
    assert (
        answer.err
        == "error: cannot count the summary of lenet: torch is not installed; use --no-summary to show the rest\n"
    )


def test_a_model_of_timm_is_shown_without_facts_that_nobody_gave(cli):
    pytest.importorskip("timm")
    out = cli("models", "show", "timm:resnet18", "--no-summary").out
    assert "family   timm" in out and "ghost_batch" in out and "year" not in out and "params" not in out
    shown = json.loads(cli("models", "show", "timm:resnet18", "--no-summary", "--json").out)
    assert (shown["params"], shown["gmacs"], shown["year"]) == (None, None, None)


def test_what_the_paper_reports_stands_beside_the_facts(cli):
    assert "CIFAR-10 93.57 %, best of 5 runs (in the paper)" in cli("models", "show", "resnet110", "--no-summary").out
    assert "in the paper" not in cli("models", "show", "resnet18", "--no-summary").out
    assert json.loads(cli("models", "show", "resnet110", "--no-summary", "--json").out)["paper_result"].startswith("93")


@pytest.mark.parametrize("command", [("models", "show", "timm:resnet18x"), ("--model", "timm:resnet18x", "--dry-run")])
def test_a_name_that_timm_does_not_know_is_one_line(cli, command):
    pytest.importorskip("timm")
    preset = () if command[0] == "models" else ("--preset", "resnet18_adam", "--headless")
    answer = cli(*preset, *command)
    assert answer.code == 2 and answer.out == ""
    assert "has no model 'resnet18x'; did you mean resnet18" in answer.err and answer.err.count("\n") == 1


@pytest.mark.parametrize("command", [("models", "show", "timm:resnet18"), ("--model", "timm:resnet18", "--dry-run")])
def test_without_timm_the_line_says_how_to_get_it(cli, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "timm", None)
    preset = () if command[0] == "models" else ("--preset", "resnet18_adam", "--headless")
    answer = cli(*preset, *command)
    assert answer.code == 2 and "needs timm, which is not installed: pip install 'cifar-tui[timm]'" in answer.err
