"""What the command line prints, for people and as JSON."""

import io
import json
import os
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import torch

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement
from engine.contract.run.store import JSON_KEYS, RunFolder, create, runs_root
from engine.models.resnet import resnet18
from engine.models.summary import summarize
from presets import loader, references
from tui.commands import models


@pytest.fixture
def run() -> RunFolder:
    recipe = references.recipe_of("quickstart", catalog())
    return create(runs_root(), recipe, seed=3, placement=Placement(name="first", tags=("paper",)), preset="quickstart")


def test_version_and_help_answer(cli):
    assert cli("--version").out.startswith("cifar-tui 0.")
    answer = cli("--help")
    assert answer.code == 0 and "--preset" in answer.out and "runs" in answer.out


@pytest.mark.parametrize(
    "noun",
    ["presets", "models", "augmentations", "schedules", "optimizers", "losses", "averages", "runs", "queue", "data"],
)
def test_every_noun_lists_by_itself_and_with_list_and_as_json(cli, noun):
    word = "where" if noun == "data" else "list"
    assert cli(noun).out == cli(noun, word).out != ""
    assert json.loads(cli(noun, word, "--json").out) == json.loads(cli(noun, "--json").out)


def test_a_noun_answers_to_its_singular(cli):
    assert cli("preset", "list").out == cli("presets", "list").out
    assert cli("loss", "show", "distillation").out == cli("losses", "show", "distillation").out


def test_a_part_is_shown_within_the_terminal_with_default_meaning_and_range_of_its_options(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for answer in (cli("optimizers", "show", "muon"), cli("augmentations", "show", "cutout")):
        assert answer.code == 0
        assert max(map(len, answer.out.splitlines())) <= 80
    assert "clip_norm = 0" in cli("optimizers", "show", "muon").out
    assert "length = 16" in answer.out and "side of a hole (1 <= x <= 64)" in answer.out


LISTS = ("models", "presets", "suites", "augmentations", "schedules", "optimizers", "runs", "models show resnet18")


@cache
def counts() -> dict[str, object]:
    with torch.device("meta"):
        return {"name": "resnet18", "classes": 10, **summarize(resnet18(num_classes=10)).table()}


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("words", LISTS)
def test_a_table_stays_within_the_terminal_and_is_whole_in_a_pipe(cli, run, monkeypatch, words, columns):
    monkeypatch.setattr(models, "count_model", lambda *_, **__: counts())  # its process is tried in test_models.py
    monkeypatch.setenv("COLUMNS", str(columns))
    piped = cli(*words.split()).out.splitlines()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    shown = cli(*words.split()).out.splitlines()
    assert max(map(len, shown)) <= columns
    assert len(shown) == len(piped) and not any("…" in line for line in piped)
    assert [line.split()[:1] for line in shown] == [line.split()[:1] for line in piped]  # names are never cut


def test_models_are_listed_with_the_promised_keys(cli):
    rows = {row["name"]: row for row in json.loads(cli("models", "--json").out)}
    assert set(rows["resnet34"]) == {"name", "aliases", "family", "title", "params", "gmacs", "year", "paper"}
    assert rows["resnet34"]["params"] == 21_282_122 and "ResNet34" in rows["resnet34"]["aliases"]
    assert rows["resnet34_zero_init"]["params"] == 21_282_122


@pytest.mark.parametrize("columns", [80, 120])
def test_presets_are_listed_within_the_terminal_with_what_their_figures_are(cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    broken = loader.user_folder() / "recipes" / "broken.toml"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("epochs = 0\n")
    lines = cli("presets", "list").out.splitlines()
    assert max(map(len, lines)) <= columns
    starts = {line.split()[0]: line for line in lines if line and not line.startswith(" ")}
    assert {info.name for info in loader.list_presets()} <= set(starts)
    for name, figure in (
        ("resnet34_cutmix", "96.26 reported"), ("wrn28_10_ricap", "97.19* reported"), ("vit_small_recipe", "93.0 target"), ("resnet18_96", "95.82 (n=1)"),
        ("quickstart", "(n=3)"), ("broken", "- unusable:"),
    ):  # fmt: skip
        assert figure in " ".join(starts[name].split())
    assert ("epochs" in lines[0]) == (columns == 120)


def test_a_preset_is_shown_as_toml_that_is_a_preset_again(cli, tmp_path):
    text = cli("presets", "show", "resnet34_cutmix").out
    path = tmp_path / "again.toml"
    path.write_text(text)
    dry = cli("--preset", path, "--dry-run")
    assert dry.code == 0 and tomllib.loads(dry.out) == tomllib.loads(text)


def test_a_dry_run_applies_the_flags_and_writes_nothing(cli):
    answer = cli("--preset", "resnet34_cutmix", "--lr", "0.01", "--set", "augmentation.random_crop.padding=2",
                 "--drop-op", "choice", "--epochs", "3", "--dry-run")  # fmt: skip
    table = tomllib.loads(answer.out)
    assert (table["optimizer"]["lr"], table["epochs"]) == (0.01, 3)
    assert [op["name"] for op in table["augmentation"]] == ["random_crop", "horizontal_flip", "color_jitter"]
    assert table["augmentation"][0]["padding"] == 2
    assert not runs_root().exists()


def test_the_schema_knows_every_part(cli):
    schema = json.loads(cli("schema").out)
    assert schema["properties"]["epochs"]["description"]
    for kind in ("model", "op", "optimizer", "schedule", "loss", "averaging"):
        for name in catalog().names(kind):
            assert f"{kind}.{name}" in schema["$defs"]


def test_runs_are_listed_shown_and_found_by_every_name(cli, run):
    (row,) = json.loads(cli("runs", "list", "--json").out)
    assert tuple(row) == JSON_KEYS
    assert (row["id"], row["name"], row["preset"], row["seed"], row["tags"]) == (
        run.id,
        "first",
        "quickstart",
        3,
        ["paper"],
    )
    for ref in (run.id, run.id[-4:], "first", "@last"):
        shown = json.loads(cli("runs", "show", ref, "--json").out)
        assert shown["id"] == run.id and shown["recipe"]["model"]["name"] == "resnet20"
    assert run.id in cli("runs", "show", "@last").out
    assert cli("runs", "list", "--filter", "tag:paper", "--json").out != "[]\n"
    assert json.loads(cli("runs", "list", "--filter", "tag:other", "--json").out) == []


def test_a_run_is_a_preset_again(cli, run, tmp_path):
    dry = cli("--preset", f"run:{run.id[-4:]}", "--dry-run")
    assert resolve(tomllib.loads(dry.out), catalog()).recipe_id == run.info().recipe_id
    assert cli("presets", "save", "mine", "--from", f"run:{run.id}").code == 0
    assert references.recipe_of("mine", catalog()).recipe_id == run.info().recipe_id


def test_a_changed_run_saved_as_a_preset_promises_nothing(cli):
    edits = loader.Edits(fields={"optimizer.lr": 0.05})
    recipe = references.recipe_of("quickstart", catalog(), edits)
    run = create(runs_root(), recipe, seed=0, preset="quickstart", changes="lr .2→.05")
    assert recipe.promise and cli("presets", "save", "slower", "--from", f"run:{run.id}").code == 0
    saved = references.recipe_of("slower", catalog())
    assert saved.recipe_id == recipe.recipe_id
    assert (saved.title, saved.promise) == ("quickstart: lr .2→.05", None)


def test_tags_and_notes_come_and_go(cli, run):
    assert cli("runs", "tag", run.id, "a", "b").code == 0
    assert cli("runs", "tag", run.id, "--", "-paper").code == 0
    assert run.labels().tags == ("a", "b")
    assert cli("runs", "note", run.id, "padding [b]2[/b]?").code == 0
    assert "padding [b]2[/b]?" in cli("runs", "show", run.id).out


def test_a_run_is_pinned_and_let_go(cli, run):
    assert cli("runs", "pin", run.id).out == f"{run.id} pinned\n" and run.labels().pinned
    assert json.loads(cli("runs", "pin", run.id, "--remove", "--json").out) == [{"id": run.id, "pinned": False}]
    assert not run.labels().pinned


def test_a_run_is_left_out_for_a_reason_shown_everywhere_and_counts_again(cli, ended_run):
    recipe = references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=2", "schedule.warmup=0"]))
    ids = [ended_run(recipe, seed, (0.5, last)).id for seed, last in enumerate((0.9, 0.8, 0.1))]
    assert cli("runs", "exclude", ids[2], "--why", "wrong crop").out == f"{ids[2]} left out: wrong crop\n"
    assert "finished, left out: wrong crop" in (listed := cli("runs", "list").out)
    assert "1 left out: wrong crop; not in any mean, verdict or grid" in listed
    assert "left out  wrong crop" in cli("runs", "show", ids[2]).out
    excluded = {row["id"]: row["excluded"] for row in json.loads(cli("runs", "list", "--json").out)}
    assert excluded == {ids[0]: None, ids[1]: None, ids[2]: "wrong crop"}
    assert json.loads(cli("runs", "show", ids[2], "--json").out)["excluded"] == "wrong crop"
    compared = json.loads(cli("runs", "compare", *ids, "--json").out)
    assert [row["excluded"] for row in compared["runs"]] == [None, None, "wrong crop"]
    assert (compared["seeds"][0]["last"]["n"], compared["seeds"][0]["left_out"]) == (2, "1 left out: wrong crop")
    printed = cli("runs", "compare", *ids).out
    assert "85.00 ± 7.07 sd % (last epoch, n=2; 1 left out: wrong crop)" in printed
    assert f"{ids[2][-4:]} is left out of means and verdicts: wrong crop" in printed
    assert [row["id"] for row in json.loads(cli("runs", "list", "--filter", "excluded:crop", "--json").out)] == ids[2:]
    answer = json.loads(cli("runs", "include", ids[2], "--json").out)
    assert answer == [{"id": ids[2], "excluded": None}]
    assert "left out" not in cli("runs", "compare", *ids).out


@pytest.mark.parametrize("why", ["", "  ", "two\nlines", "\x1b[31m", "x" * 201])
def test_a_reason_that_says_nothing_is_refused(cli, run, why):
    answer = cli("runs", "exclude", run.id, "--why", why)
    assert answer.code == 2 and "reason" in answer.err and run.labels().excluded == ""


def test_two_runs_are_compared_field_by_field(cli, run):
    recipe = references.recipe_of("quickstart", catalog(), loader.Edits(fields={"optimizer.lr": 0.05}))
    other = create(runs_root(), recipe, seed=0, preset="quickstart")
    found = json.loads(cli("runs", "compare", run.id, other.id, "--json").out)
    assert found["differences"] == {"optimizer.lr": ["0.2", "0.05"]}
    assert "optimizer.lr" in cli("runs", "compare", run.id, other.id).out


def test_removing_asks_and_then_removes(cli, run, monkeypatch):
    os.utime(run.path, (0, 0))
    table = json.loads(run.run_json.read_text()) | {"created": 0.0}  # long ago: no supervisor is on its way
    run.run_json.write_text(json.dumps(table))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert cli("runs", "rm", run.id).code == 1 and run.path.exists()
    assert cli("runs", "rm", run.id, "--yes").code == 0 and not run.path.exists()


def test_an_ambiguous_name_lists_the_candidates(cli, run):
    other = create(runs_root(), run.recipe(), seed=0, placement=Placement(name="first"))
    answer = cli("runs", "show", "first")
    assert answer.code == 2 and run.id in answer.err and other.id in answer.err


def test_hostile_names_do_not_reach_the_terminal(cli, run):
    record = {"t": 1.0, "name": "\x1b[2J\x1b]0;title\x07gone", "note": "\x1b[31m"}
    run.labels_jsonl.write_text(json.dumps(record) + "\n")
    for command in (("runs", "show", run.id), ("runs", "list")):
        assert "\x1b" not in cli(*command).out


@pytest.mark.usefixtures("mortal")
@pytest.mark.parametrize("how", ["--json", "--format md", "--plot", "--tab overview", "--svg run.svg"])
def test_each_way_to_show_a_closed_run_says_permission_denied(cli, run, tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    run.path.chmod(0)
    try:
        shown = cli("runs", "show", run.id, *how.split())
    finally:
        run.path.chmod(0o700)
    assert shown.code == 2 and "permission denied, it belongs to" in shown.err and not any(tmp_path.glob("*.svg"))


@pytest.mark.usefixtures("mortal")
def test_a_run_of_someone_else_that_is_closed_says_permission_denied(cli, run):
    run.path.chmod(0)
    try:
        listed, shown = cli("runs", "list"), cli("runs", "show", run.id)
        (row,) = json.loads(cli("runs", "list", "--json").out)
    finally:
        run.path.chmod(0o700)
    assert "permission_denied" in listed.out and " ago" not in listed.out
    assert shown.code == 2 and "permission denied, it belongs to" in shown.err
    assert (row["status"], row["reason"]) == ("lost", "permission_denied")
    run.path.parent.chmod(0)
    try:
        answer, report = cli("runs", "list"), cli("doctor")
    finally:
        run.path.parent.chmod(0o700)
    assert answer.code == 2 and "permission denied" in answer.err
    assert report.code == 0 and "permission denied" in report.out


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("card_lost", {"gpu 0": "NVIDIA Test, 75.2 GB of 85.9 GB free", "gpu 1": "does not answer: GPU is lost"}),
        ("refuses_memory", {"gpu 0": "NVIDIA Test, memory unknown"}),
    ],
)
def test_the_doctor_names_the_bad_card(case, said):
    fakes = str(Path(__file__).parents[2] / "nvml")
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"NVML_CASE": case, "PYTHONPATH": os.pathsep.join([fakes, root])}
    command = [sys.executable, "-m", "tui.cli", "doctor", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    devices = json.loads(done.stdout)["devices"]
    assert {key: value.partition(";")[0] for key, value in devices.items()} == said


def test_the_doctor_reports_every_area(cli):
    assert set(json.loads(cli("doctor", "--json").out)) == {
        "machine", "packages", "devices", "several gpus", "data", "runs",
    }  # fmt: skip


def test_a_run_whose_recipe_was_changed_is_not_resumed(cli, run):
    run.recipe_toml.write_text(run.recipe_toml.read_text().replace(f"epochs = {run.recipe().epochs}", "epochs = 999"))
    answer = cli("runs", "resume", run.id)
    assert answer.code == 2 and "recipe.toml is not the recipe that the run was created with" in answer.err
    assert not run.proc.exists(), "nothing was started"


@pytest.mark.parametrize("said", ["{}", '{"id": "20261122-101530-k3f9"}'])
def test_a_folder_whose_run_json_says_next_to_nothing_is_no_run(cli, finished_run, said):
    whole, hollow = finished_run(), finished_run()
    hollow.run_json.write_text(said)
    rows = {row["id"]: row for row in json.loads(cli("runs", "list", "--json").out)}
    assert (rows[hollow.id]["status"], rows[hollow.id]["reason"]) == ("lost", "bad_input")
    assert rows[whole.id]["status"] == "finished"
    shown = cli("runs", "show", hollow.id)
    assert shown.code == 2 and "run.json is missing, unreadable or damaged" in shown.err
    assert json.loads(cli("runs", "prune", "--yes", "--json").out)["runs"] == [whole.id]


def test_a_dry_run_says_on_stderr_what_another_part_resets(cli):
    answer = cli("--preset", "quickstart", "--headless", "--dry-run", "--set", "optimizer.name=muon")
    assert tomllib.loads(answer.out)["optimizer"]["lr"] == 0.02
    memory = answer.err.splitlines()[-1]
    assert memory.startswith("GPU memory: ~") and "an estimate" in memory
    assert answer.err.splitlines() == [
        "optimizer: muon starts from its own options: lr 0.02 (was 0.2), momentum 0.95 (was 0.9), "
        "weight_decay 0 (was 0.0005)",
        memory,
    ]
    given = cli("--preset", "quickstart", "--headless", "--dry-run", "--lr", "0.1", "--set", "optimizer.lr=0.3")
    assert given.err.startswith("GPU memory: ~") and given.err.count("\n") == 1


def test_an_unknown_key_of_another_version_hides_nothing_of_a_run(cli, ended_run):
    run = ended_run(references.recipe_of("quickstart", catalog()), 0, [0.5])
    run.recipe_toml.write_text(run.recipe_toml.read_text().replace("[optimizer]", "[optimizer]\nfused_clip = true"))
    shown = cli("runs", "show", run.id)
    assert shown.code == 0 and "[optimizer]" in shown.out and "status" in shown.out
    assert "recipe.toml contains keys that this version does not know: optimizer.fused_clip" in shown.out
    assert f"run {run.id} was written by cifar-tui" in shown.out
    assert json.loads(cli("runs", "show", run.id, "--json").out)["recipe"]["optimizer"]["lr"] == 0.2
    for refused in (
        cli("--preset", f"run:{run.id}", "--headless", "--dry-run"),
        cli("lr-find", "--preset", f"run:{run.id}"),
    ):
        assert refused.code == 2 and "unknown key optimizer.fused_clip" in refused.err
        assert "was written by cifar-tui" in refused.err


def test_a_run_of_a_part_that_is_not_here_is_shown_with_its_recipe_as_it_stands(cli, ended_run):
    run = ended_run(references.recipe_of("quickstart", catalog()), 0, [0.5])
    run.recipe_toml.write_text(run.recipe_toml.read_text().replace('"resnet20"', '"resnet_of_tomorrow"'))
    shown = cli("runs", "show", run.id)
    assert shown.code == 0 and 'name = "resnet_of_tomorrow"' in shown.out and "unknown model" in shown.out
    assert json.loads(cli("runs", "show", run.id, "--json").out)["recipe"]["model"]["name"] == "resnet_of_tomorrow"


def test_a_run_of_a_newer_layout_says_so_and_refuses_changes(cli, ended_run):
    run = ended_run(references.recipe_of("quickstart", catalog()), 0, [0.5], state="stopped")
    table = json.loads(run.run_json.read_text())
    run.run_json.write_text(json.dumps(table | {"schema": 99, "versions": {"cifar-tui": "7.2.0"}}))
    assert "has layout 99, newer than 1, the latest that this version knows" in cli("runs", "show", run.id).out
    for words in (("resume", run.id), ("tag", run.id, "paper"), ("note", run.id, "x"), ("rm", run.id, "--yes")):
        refused = cli("runs", *words)
        assert refused.code == 2 and "written by cifar-tui 7.2.0" in refused.err, words
