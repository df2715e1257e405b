"""`cifar-tui queue`: the runs that hold or wait for a device, in every format."""

import json

import pytest

from engine.contract.run.jobs import JobRecord
from engine.launch import queue
from engine.launch.queue import Ticket
from tests.tui.demo import Demo, write_run
from tui.commands import queue as command


@pytest.fixture
def three(root, monkeypatch):
    """A run that has its device, one that waits for it, and one that Slurm has."""
    runs = [write_run(root, Demo(epochs_done=9)), write_run(root, Demo(phase="queued", seed=1))]
    job = write_run(root, Demo(phase="queued", seed=2, changes="lr 0.01"))
    (job.path / "proc.json").unlink()
    JobRecord("slurm", "123_4", submitted=1_795_000_000.0).write(job.path)
    held, waits = runs
    found = [
        Ticket(1, held.id, str(held.path), ("cpu", "cuda:0"), 1, 1_795_000_000.0, ("cuda:0",)),
        Ticket(2, waits.id, str(waits.path), ("cuda:0",), 1, 1_795_000_000.0, place=1),
    ]
    monkeypatch.setattr(queue, "inspect", lambda: (found, ""))
    return [*runs, job]


def test_the_sections_are_listed_below_each_other(cli, root, three):
    lines = cli("queue", "--runs-dir", root).out.splitlines()
    assert [line for line in lines if line[-1:].isdigit() and line.split()[0] in ("on", "waiting")] == [
        "on a device 1", "waiting 1", "waiting in a scheduler 1"
    ]  # fmt: skip
    rows = [next(line.split() for line in lines if run.id in line) for run in three]
    assert [row[0] for row in rows] == ["●", "#1", "-"] and "cuda:0" in rows[0] and "9/500" in rows[0]
    assert "Slurm job 123_4" in next(line for line in lines if three[2].id in line)


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_has_the_columns_that_fit(cli, root, three, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert max(map(len, cli("queue", "list", "--runs-dir", root).out.splitlines())) <= columns


@pytest.mark.parametrize(("form", "word"), [("text", "on a device 1"), ("md", "| ---:"), ("latex", "tab:queue-3")])
def test_the_tables_are_printed_in_a_format_or_written_to_a_file(cli, root, three, tmp_path, form, word):
    printed = cli("queue", "list", "--runs-dir", root, "--format", form).out
    assert word in printed and all(run.id in printed for run in three)
    file = tmp_path / "queue"
    assert cli("queue", "list", "--runs-dir", root, "--format", form, "--out", file).out == ""
    assert file.read_text().count("resnet34") == printed.count("resnet34")


def test_json_has_the_tickets_and_the_format_json_the_tables(cli, root, three):
    tickets = json.loads(cli("queue", "list", "--runs-dir", root, "--json").out)
    assert [one["run"] for one in tickets] == [run.id for run in three] and "123_4" in tickets[2]["candidates"][0]
    tables = json.loads(cli("queue", "list", "--runs-dir", root, "--format", "json").out)["tables"]
    assert [table["title"] for table in tables] == ["on a device 1", "waiting 1", "waiting in a scheduler 1"]
    assert [table["columns"][5] for table in tables] == ["device", "device", "job"]


def test_the_list_is_filtered(cli, root, three):
    found = json.loads(cli("queue", "--runs-dir", root, "--filter", "seed=1", "--json").out)
    assert [one["run"] for one in found] == [three[1].id]
    assert three[0].id not in cli("queue", "--runs-dir", root, "--filter", "seed=1", "--format", "csv").out


def test_what_is_not_understood_is_refused(cli, root):
    refused = cli("queue", "--format", "markdwn")
    assert refused.code == 2 and f"not one of {', '.join(command.FORMATS)}" in refused.err
    assert "give it with --format" in cli("queue", "--out", "file").err
    assert cli("queue", "--runs-dir", root).out == "the queue is empty\n"
