"""`cifar-tui suites`: what is shown, queued once, resumed, and reported against what was published."""

import csv
import io
import json
from functools import partial

import pytest

from engine.contract.run.index import Index
from engine.contract.run.store import RunFolder, runs_root
from engine.launch import control
from engine.launch.slurm import submit
from presets import loader, suites
from presets.references import row_recipe
from tui.commands import batch as commands
from tui.plans import batch

SUITE = """
title = "Tiny"
description = "For tests."
source = "nobody, 2020"
selection = "best_on_test"

[base]
recipe = "quickstart"
model = "lenet"
set = ["epochs=2", "schedule.warmup=0", "compute.precision=fp32"]

[[rows]]
id = "plain"
reported = {test_accuracy = 0.5}

[[rows]]
id = "jitter"
add_op = ["color_jitter"]
reported = {test_accuracy = 0.6, selection = "last"}

[[rows]]
id = "twin"
note = "the same network as plain"
"""


@pytest.fixture
def tiny():
    path = loader.user_folder() / "suites" / "tiny.toml"
    path.parent.mkdir(parents=True)
    path.write_text(SUITE)
    return suites.load("tiny")


@pytest.fixture
def started(monkeypatch):
    """Runs are made but no process is started; the list says what would have been."""
    told = []
    begin = partial(
        batch.carry_out,
        start=lambda folder, **options: told.append(("start", folder.id)),
        resume=lambda folder, changed, say: told.append(("resume", folder.id, changed)),
    )
    monkeypatch.setattr(commands, "carry_out", begin)
    return told


def queue(cli, *arguments):
    answer = cli("suites", "run", "tiny", "--device", "cpu", "--json", *arguments)
    return [(one["row"], one["seed"], one["action"]) for one in json.loads(answer.out)["runs"]]


def test_suites_are_listed_alone_with_the_word_and_in_the_singular(cli, tiny):
    assert cli("suites").out == cli("suites", "list").out == cli("suite", "list").out
    rows = {row["name"]: row for row in json.loads(cli("suites", "--json").out)}
    assert (rows["tiny"]["rows"], rows["tiny"]["origin"], rows["tiny"]["source"]) == (3, "yours", "nobody, 2020")
    assert rows["resnet_baselines"]["rows"] == 5


def test_an_unusable_suite_is_listed_as_such(cli):
    path = loader.user_folder() / "suites" / "broken.toml"
    path.parent.mkdir(parents=True)
    path.write_text('title = "x"\n')
    row = next(row for row in json.loads(cli("suites", "--json").out) if row["name"] == "broken")
    assert row["title"].startswith("unusable:")


def test_a_suite_is_shown_as_the_contract_promises(cli):
    shown = json.loads(cli("suites", "show", "resnet_stages", "--json").out)
    assert {"name", "title", "rows"} <= set(shown)
    for row in shown["rows"]:
        assert {"id", "recipe", "changes", "reported", "source", "note"} <= set(row)
        assert row["reported"]["selection"] in ("best_on_test", "last", "unknown")
    first = shown["rows"][0]
    assert first["reported"]["test_accuracy"] == 0.8514 and first["reported"]["gpu_memory_mib"] is None
    assert first["reported"]["device"] == "GTX 1080 Ti"


@pytest.mark.parametrize("name", ["resnet_baselines", "resnet_stages", "tricks_1_0"])
@pytest.mark.parametrize("columns", [80, 120])
def test_a_suite_is_shown_within_the_terminal(cli, monkeypatch, name, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    answer = cli("suites", "show", name)
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= columns
    for row in suites.load(name).rows:
        assert row.id in answer.out and row.recipe in answer.out


def test_a_dry_run_says_what_would_run_and_writes_nothing(cli, tiny):
    answer = cli("suites", "run", "tiny", "--seeds", "2", "--epochs", "1", "--device", "cpu", "--dry-run")
    assert answer.code == 0 and not runs_root().exists()
    assert "6 runs: 4 to start, 2 duplicate" in answer.out and "shrunk to 1 epoch" in answer.out
    assert "time unknown" in answer.out and "twin has the same recipe as plain" in answer.out


def test_rows_and_seeds_are_queued_with_tags_and_a_command_that_repeats_them(cli, tiny, started):
    assert queue(cli, "--seeds", "0-1", "--rows", "plain,jitter", "--tag", "mine") == [
        ("plain", 0, "start"), ("plain", 1, "start"), ("jitter", 0, "start"), ("jitter", 1, "start"),
    ]  # fmt: skip
    rows = sorted(Index().rows([runs_root()]), key=lambda row: row.created)
    assert [word for word, _ in started] == ["start"] * 4 and [one for _, one in started] == [row.id for row in rows]
    last = RunFolder(runs_root() / started[-1][1])
    assert set(last.labels().tags) == {"suite:tiny", "row:jitter", "mine"}
    assert last.info().recipe_id == row_recipe(tiny.row("jitter"), suites_catalog()).recipe_id
    command = last.info().command.split()[1:]
    again = cli(*[word for word in command if word != "--headless"], "--dry-run", "--json")
    assert json.loads(again.out)["recipe_id"] == last.info().recipe_id


def suites_catalog():
    from engine.contract.recipe.catalog import catalog

    return catalog()


def test_the_same_command_goes_on_where_it_stopped(cli, tiny, started, ended_run):
    recipe = row_recipe(tiny.row("plain"), suites_catalog())
    ended_run(recipe, 0, (0.4, 0.5))
    stopped = ended_run(recipe, 1, (0.4,), state="stopped")
    failed = ended_run(recipe, 2, (0.4,), state="failed")
    found = queue(cli, "--seeds", "0-3", "--rows", "plain")
    assert found == [("plain", 0, "finished"), ("plain", 1, "resume"), ("plain", 2, "failed"), ("plain", 3, "start")]
    assert started[0] == ("resume", stopped.id, {"device": "cpu"}) and len(started) == 2
    started.clear()
    assert queue(cli, "--seeds", "2-3", "--rows", "plain", "--retry") == [("plain", 2, "resume"), ("plain", 3, "live")]
    assert started == [("resume", failed.id, {"device": "cpu"})]


def test_one_bad_row_and_nothing_starts(cli, tiny, started):
    answer = cli("suites", "run", "tiny", "--set", "data.fraction=7")
    assert answer.code == 2 and started == [] and not runs_root().exists()
    assert answer.err.count("\n") == 1 and "plain, jitter, twin" in answer.err and "fraction" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "tny"), "did you mean tiny?"),
        (("show", "tny"), "did you mean tiny?"),
        (("run", "tiny", "--rows", "plan"), "did you mean plain?"),
        (("run", "tiny", "--launcher", "slrum"), "launcher: got 'slrum'"),
        (("run", "tiny", "--fraction", "2"), "--fraction: got 2"),
        (("run", "tiny", "--epochs", "0"), "--epochs"),
        (("run", "tiny", "--seeds", "x"), "seeds: got 'x'"),
        (("report", "tiny", "--format", "latx"), "did you mean latex?"),
        (("report", "tiny", "--rows", "none"), "unknown row"),
        (("report", "tiny", "--out", "/no/such/folder/x"), "--out"),
    ],
)
def test_a_mistake_is_one_line(cli, tiny, arguments, said):
    answer = cli("suites", *arguments)
    assert answer.code == 2 and said in answer.err and answer.err.count("\n") == 1


@pytest.fixture
def measured(tiny, ended_run):
    recipe = row_recipe(tiny.row("plain"), suites_catalog())
    for seed, curve in enumerate([(0.55, 0.50), (0.50, 0.45)]):
        ended_run(recipe, seed, curve, device_name="a card")


def test_a_report_sets_reported_and_measured_side_by_side(cli, measured):
    found = json.loads(cli("suites", "report", "tiny", "--json").out)
    rows = {row["id"]: row for row in found["rows"]}
    plain = rows["plain"]
    assert found["departure"] is None
    assert plain["measured"]["test_accuracy"] == pytest.approx(0.525), "best on test, as the source"
    assert plain["last"]["test_accuracy"] == pytest.approx(0.475)
    assert plain["difference"] == pytest.approx(0.025)
    assert plain["measured"]["spread"] == pytest.approx(0.05 / 2**0.5)
    assert rows["jitter"]["measured"]["n"] == 0 and rows["jitter"]["measured"]["test_accuracy"] is None
    assert rows["twin"]["measured"] == plain["measured"], "the same recipe, the same runs"
    assert rows["twin"]["reported"]["test_accuracy"] is None


def test_every_format_has_every_row(cli, measured, tmp_path):
    for form in ("text", "markdown", "latex", "csv", "json"):
        out = cli("suites", "report", "tiny", "--format", form).out
        assert all(name in out for name in ("plain", "jitter", "twin")), form
        assert cli("suites", "report", "tiny", "--format", form, "--out", tmp_path / form).out == ""
        assert (tmp_path / form).read_text() == out
    rows = list(csv.DictReader(io.StringIO((tmp_path / "csv").read_text())))
    assert [row["id"] for row in rows] == ["plain", "jitter", "twin"]
    assert float(rows[0]["measured_test_accuracy"]) == pytest.approx(0.525)
    assert rows[1]["measured_test_accuracy"] == ""


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "csv", "json"])
def test_every_output_of_shrunk_runs_says_so(cli, tiny, form):
    flags = ("--epochs", "1", "--fraction", "0.5", "--set", "batch_size=64")
    out = cli("suites", "report", "tiny", "--format", form, *flags).out
    plain = out.replace("\\", "")
    assert "shrunk to 1 epoch and 50 % of the training images" in plain and "batch_size=64" in plain


def test_runs_of_another_size_are_pointed_at(cli, tiny, started):
    queue(cli, "--rows", "plain", "--epochs", "1")
    assert "1 runs of this suite with other settings (epochs: 1)" in cli("suites", "report", "tiny").err
    assert cli("suites", "report", "tiny", "--epochs", "1").err == ""


def test_presets_and_models_tell_the_rows_that_use_them(cli, tiny):
    shown = json.loads(cli("presets", "show", "quickstart", "--json").out)
    assert [(use["suite"], use["row"], use["reported"]) for use in shown["suites"]] == [
        ("tiny", "plain", "50.00*"), ("tiny", "jitter", "60.00"), ("tiny", "twin", "-"),
    ]  # fmt: skip
    model = json.loads(cli("models", "show", "lenet", "--no-summary", "--json").out)
    assert ("tiny", "jitter") in {(use["suite"], use["row"]) for use in model["suites"]}
    assert "resnet_stages" in cli("models", "show", "resnet34", "--no-summary").out


@pytest.mark.usefixtures("shapes_ready")
def test_a_suite_runs_and_reports_for_real_and_once_only(cli, tiny):
    flags = ("--epochs", "1", "--fraction", "0.05", "--threads", "1", "--device", "cpu")
    (begun,) = json.loads(cli("suites", "run", "tiny", "--rows", "plain", *flags, "--json").out)["runs"]
    run = RunFolder(runs_root() / begun["id"])
    try:
        assert control.wait(run, timeout=120).state == "finished"
    finally:
        if run.status().live:
            control.kill(run)
    again = cli("suites", "run", "tiny", "--rows", "plain,twin", *flags)
    assert "2 runs: 1 finished, 1 duplicate" in again.err and again.out == ""
    rows = json.loads(cli("suites", "report", "tiny", "--epochs", "1", "--fraction", "0.05", "--json").out)["rows"]
    assert [row["measured"]["runs"] for row in rows] == [[run.id], [], [run.id]]


def test_a_dry_run_for_slurm_shows_one_script_for_all_rows(cli, tiny, monkeypatch):
    monkeypatch.setattr(submit, "_refusal", lambda text: "")
    answer = cli("suites", "run", "tiny", "--launcher", "slurm", "--device", "cpu", "--dry-run")
    assert answer.code == 0 and answer.out.count("#!/bin/sh") == 1


def test_a_departure_that_swaps_a_part_says_what_it_resets(cli, tiny):
    """Not what the rows themselves pick: that is the source's."""
    dry = cli("suites", "run", "tiny", "--device", "cpu", "--set", "optimizer.name=muon", "--dry-run").out
    said = "plain, jitter, twin: optimizer: muon starts from its own options: lr 0.02 (was 0.2)"
    assert [line.partition(",")[0] for line in dry.splitlines() if "own options" in line] == ["plain"]
    assert said in dry
    assert "own options" not in cli("suites", "run", "tiny", "--device", "cpu", "--dry-run").out
