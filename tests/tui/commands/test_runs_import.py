"""`runs import` and `runs export --format tensorboard`, from the command line."""

import json
import os
from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from engine.contract.run.store import runs_root
from engine.exchange.tensorboard import needed


def write_log(folder, tags, epochs=3):
    """An event file with these tags, written with TensorBoard's own writer."""
    writer = EventFileWriter(str(folder))
    for epoch in range(1, epochs + 1):
        values = [Summary.Value(tag=tag, simple_value=scale * epoch / epochs) for tag, scale in tags.items()]
        writer.add_event(Event(wall_time=1.7e9 + epoch, step=epoch, summary=Summary(value=values)))
    writer.close()
    return next(folder.iterdir())


@pytest.fixture
def logs(tmp_path):
    """Two runs with the tags of Niwenjin/CIFAR-10, and one with others."""
    first = {"Loss/Training": 1.0, "Loss/Test": 2.0, "Accuracy/Train": 1.0, "Accuracy/Test": 0.5}
    for name, tags in (("a", first), ("b", {"score": 80.0, "val/loss": 1.0, "gpu": 3.0})):
        write_log(tmp_path / "logs" / name, tags)
    return tmp_path / "logs"


def runs():
    return sorted(path.name for path in runs_root().iterdir()) if runs_root().exists() else []


def test_a_dry_run_says_what_each_tag_becomes_and_writes_nothing(cli, logs):
    answer = cli("runs", "import", logs, "--dry-run", "--map", "score=test_accuracy", "--split", "val=test")
    rows = [line.split() for line in answer.out.splitlines()]
    assert answer.code == 0 and runs() == []
    assert ["Accuracy/Test", "3", "test_accuracy", "-", "test"] in rows
    assert ["score", "3", "test_accuracy", "percent", "test"] in rows
    assert ["val/loss", "3", "test_loss", "-", "test"] in rows and ["gpu", "3", "other", "-", "-"] in rows
    assert f"{logs / 'a'} -> a (tensorboard)" in answer.out and "steps are epochs, from 1" in answer.out
    assert "in percent, divided by 100: score" in answer.out


def test_a_second_import_changes_nothing(cli, logs):
    first = cli("runs", "import", logs)
    before = {path: path.stat().st_mtime_ns for path in runs_root().rglob("*")}
    second = cli("runs", "import", logs, "--map", "score=test_accuracy")
    assert (first.code, second.code) == (0, 0) and len(runs()) == 2
    assert first.out.count("  imported  ") == 2 and second.out.count("  already imported  ") == 2
    assert {path: path.stat().st_mtime_ns for path in runs_root().rglob("*")} == before


def test_imported_runs_are_listed_shown_and_compared(cli, logs):
    done = json.loads(cli("runs", "import", logs, "--json").out)
    assert [one["status"] for one in done] == ["imported"] * 2 and sorted(one["id"] for one in done) == runs()
    listed = cli("runs", "list", "--filter", "origin:tensorboard").out
    assert "a (tensorboard)" in listed and "50.00" in listed
    assert cli("runs", "list", "--filter", "origin:own", "--json").out.strip() == "[]"
    shown = cli("runs", "show", "a")
    assert shown.code == 0 and "imported (tensorboard) from" in shown.out and "its recipe is unknown" in shown.out
    told = json.loads(cli("runs", "show", "a", "--json").out)
    assert told["recipe"] is None and told["imported"]["series"]["Loss/Test"] == "test_loss"
    assert "no best epoch" in cli("runs", "show", "b").out
    compared = cli("runs", "compare", "a", "b")
    assert compared.code == 0 and "recipe unknown" in compared.out


def test_another_scalar_is_drawn(cli, logs):
    cli("runs", "import", logs)
    drawn = cli("runs", "show", "b", "--plot", "--scalar", "gpu", "--glyphs", "ascii")
    assert drawn.code == 0 and "= gpu -" in drawn.out and "3.000" in drawn.out
    wrong = cli("runs", "show", "b", "--plot", "--scalar", "gpus")
    assert wrong.code == 2 and "did you mean gpu?" in wrong.err


@pytest.mark.parametrize(
    "words",
    [
        ("runs", "resume", "a"), ("--preset", "run:a", "--headless"), ("presets", "save", "x", "--from", "run:a"),
        ("grid", "--preset", "run:a", "--seeds", "2", "--dry-run"),
    ],
)  # fmt: skip
def test_what_needs_a_recipe_answers_one_line(cli, logs, words):
    cli("runs", "import", logs)
    answer = cli(*words)
    (line,) = answer.err.splitlines()
    assert answer.code == 2 and "was imported (tensorboard), so its recipe is unknown" in line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--map", "score=tst"), "no series of that name"), (("--map", "scoer=lr"), "did you mean score?"),
        (("--map", "score"), "write TAG=SERIES"), (("--split", "val=train"), "the only choice is val=test"),
        (("--recipe-name", "@x"), "a leading @"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_option_is_one_line_and_writes_nothing(cli, logs, options, said):
    answer = cli("runs", "import", logs, *options)
    (line,) = answer.err.splitlines()
    assert answer.code == 2 and said in line and runs() == []


def test_one_bad_file_keeps_all_out(cli, logs):
    path = next((logs / "b").iterdir())
    path.write_bytes(path.read_bytes()[:-3])
    answer = cli("runs", "import", logs)
    (line,) = answer.err.splitlines()
    assert answer.code == 2 and "ends within a record" in line and "--partial" in line and runs() == []
    kept = cli("runs", "import", logs, "--partial")
    assert kept.code == 0 and len(runs()) == 2 and "only what comes before is imported" in kept.out


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95pickle", b"plain text, not an event file of anything"])
def test_foreign_files_are_one_line(cli, tmp_path, content):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "events.out.tfevents.1.x").write_bytes(content)
    answer = cli("runs", "import", tmp_path / "x")
    (line,) = answer.err.splitlines()
    assert answer.code == 2 and runs() == [] and ("not an event file" in line or "no scalars" in line)


def test_a_pipe_in_place_of_a_log_is_not_read(cli, tmp_path):
    os.mkfifo(tmp_path / "events.out.tfevents.1.x")
    answer = cli("runs", "import", tmp_path)
    assert answer.code == 2 and "not a regular file" in answer.err


def test_names_and_tags_of_others_cannot_control_the_terminal(cli, tmp_path):
    log = write_log(tmp_path / "x\x1b[31mred", {"\x1b]0;title\x07loss/test": 1.0, "[bold]test/acc": 0.5})
    for words in (("--dry-run",), ()):
        answer = cli("runs", "import", log.parent, *words)
        assert answer.code == 0 and "\x1b" not in answer.out and "\x07" not in answer.out
    assert "\x1b" not in cli("runs", "list").out


def test_runs_of_one_name_are_grouped_by_hand(cli, logs):
    write_log(logs / "c", {"Accuracy/Test": 0.6})
    cli("runs", "import", logs / "a", logs / "c", "--recipe-name", "published")
    rows = json.loads(cli("runs", "list", "--json").out)
    assert {(row["preset"], row["recipe_id"]) for row in rows} == {("published", "imported:published")}
    assert sorted(row["seed"] for row in rows) == [0, 1]


def test_a_validation_accuracy_is_shown_as_one(cli, tmp_path):
    write_log(tmp_path / "v", {"val/acc": 80.0})
    cli("runs", "import", tmp_path / "v")
    assert "last - %, last on validation 80.00 %, no best epoch" in cli("runs", "show", "v").out


def test_scalars_that_are_tensors_come_in_as_well(cli, tmp_path):
    writer = EventFileWriter(str(tmp_path / "t"))
    for step in range(30):
        writer.add_event(Event(step=step, wall_time=1.7e9 + step, summary=scalar_pb("test_acc", step / 30)))
    writer.close()
    cli("runs", "import", tmp_path / "t")
    assert json.loads(cli("runs", "list", "--json").out)[0]["epochs"] == 30


def test_runs_go_out_as_event_files_and_come_back(cli, finished_run, tmp_path):
    run = finished_run()
    out = tmp_path / "out"
    answer = cli("runs", "export", run.id, "--format", "tensorboard", "--out", out)
    folder = Path(answer.out.strip())
    assert answer.code == 0 and folder.parent == out and f"tensorboard --logdir {out}" in answer.err
    again = cli("runs", "export", run.id, "--format", "tensorboard", "--out", out)
    assert again.code == 2 and "already holds event files" in again.err
    assert cli("runs", "import", out).code == 0
    ours, theirs = (json.loads(cli("runs", "show", ref, "--json").out) for ref in (run.id, folder.name))
    assert [ours[name] for name in ("last_accuracy", "best_accuracy", "epochs", "model", "seed")] == [
        theirs[name] for name in ("last_accuracy", "best_accuracy", "epochs", "model", "seed")
    ]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_other_formats_take_one_run(cli, logs, form):
    cli("runs", "import", logs)
    answer = cli("runs", "export", "a", "b", "--format", form)
    assert answer.code == 2 and "one run at a time, got 2" in answer.err


def test_without_the_package_one_line_says_how_to_install_it(cli, logs, finished_run, monkeypatch):
    run = finished_run()
    monkeypatch.setattr(needed, "find_spec", lambda name: None)
    for words in (("import", logs / "a"), ("export", run.id, "--format", "tensorboard")):
        answer = cli("runs", *words)
        (line,) = answer.err.splitlines()
        assert answer.code == 2 and line.endswith("pip install 'cifar-tui[tensorboard]'")


@pytest.mark.skipif(
    not os.environ.get("CIFAR_TUI_PUBLISHED_LOGS"), reason="needs the logs in runs/ of Niwenjin/CIFAR-10"
)
def test_the_published_logs_come_in_with_their_known_figures(cli):
    """Their last epochs, and their best epochs on test."""
    assert cli("runs", "import", os.environ["CIFAR_TUI_PUBLISHED_LOGS"]).code == 0
    rows = {row["name"]: row for row in json.loads(cli("runs", "list", "--json").out)}
    assert {name: (row["last_accuracy"], row["best_accuracy"], row["epochs"]) for name, row in rows.items()} == {
        "train1": (0.8514, 0.8536, 500),
        "train2": (0.9365, 0.9381, 500),
        "train3": (0.9626, 0.9651, 500),
    }
