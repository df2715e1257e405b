"""Labels are appended by anybody, folded on reading, and nothing but data."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import files
from engine.contract.errors import BadInput
from engine.contract.run.labels import Labels, check_name, read_labels


def test_a_run_begins_without_labels(run):
    assert run.labels() == Labels()


def test_labels_fold_in_the_order_they_were_given(run):
    run.add_label(name="first")
    run.add_label(name=" paper v2 ", tag="paper", note="looks good")
    run.add_label(tag="sweep", pinned=True)
    run.add_label(tag="paper")
    run.add_label(untag="paper")
    run.add_label(untag="never-there")
    run.add_label(note="second look\nover two lines")
    assert run.labels() == Labels("paper v2", ("sweep",), ("looks good", "second look\nover two lines"), True)
    run.add_label(name="", pinned=False)
    assert run.labels() == Labels("", ("sweep",), ("looks good", "second look\nover two lines"), False)


def test_a_run_is_left_out_for_a_reason_and_counts_again(run):
    run.add_label(excluded=" wrong crop ")
    assert run.labels() == Labels(excluded="wrong crop")
    run.add_label(excluded="")
    assert run.labels() == Labels()


def test_nothing_given_writes_nothing(run):
    run.add_label(tag="", note="")
    run.add_label()
    assert not run.labels_jsonl.exists()


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "~root",
        "a/b",
        "a\\b",
        "-rf",
        "--help",
        "$(id)",
        "`id`; rm",
        "CON",
        "x.",
        "🎉",
    ],
)
def test_a_name_is_data_and_never_a_path(run, root, name):
    before = sorted(entry.name for entry in root.iterdir())
    run.add_label(name=name)
    assert run.labels().name == name
    assert sorted(entry.name for entry in root.iterdir()) == before


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"name": "a\x1b[2J"}, "control"),
        ({"name": "a\u202eb"}, "reordering"),
        ({"name": "two\nlines"}, "single line"),
        ({"name": "@last"}, "@last"),
        ({"name": "x" * 201}, "201 characters, at most 200"),
        ({"tag": "two words"}, "one word"),
        ({"tag": "a,b"}, "commas"),
        ({"tag": "-paper"}, "minus"),
        ({"tag": "x" * 65}, "65 characters"),
        ({"note": "bell\x07"}, "control"),
        ({"note": "x" * 10_001}, "at most 10000"),
    ],
)
def test_an_unfit_label_is_refused_and_nothing_written(run, label, message):
    with pytest.raises(BadInput, match=message):
        run.add_label(**label)
    assert not run.labels_jsonl.exists()


def test_garbage_between_labels_is_skipped(run):
    run.add_label(name="good")
    with run.labels_jsonl.open("ab") as file:
        file.write(
            b'\xff\n[1]\n{"name": 5, "tag": [], "pinned": "yes", "colour": "red"}\n{"tag": "kept"}\n{"name": "to'
        )
    assert run.labels() == Labels("good", ("kept",), garbage=6)
    run.add_label(tag="after")  # the torn line before it is closed
    assert run.labels() == Labels("good", ("kept", "after"), garbage=6)


@given(st.binary(max_size=300))
def test_any_bytes_are_labels_of_some_kind(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    path.write_bytes(data)
    assert isinstance(read_labels(path), Labels)


def test_a_fifo_or_a_link_holds_no_labels(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "real").write_text('{"name": "x"}\n')
    (tmp_path / "link").symlink_to("real")
    assert read_labels(tmp_path / "fifo") == read_labels(tmp_path / "link") == Labels()


def test_labels_cannot_be_written_through_a_link(run, tmp_path):
    target = tmp_path / "target"
    target.write_text("")
    run.labels_jsonl.symlink_to(target)
    with pytest.raises(BadInput, match="cannot open"):
        run.add_label(name="x")
    assert target.read_text() == ""


def test_many_processes_label_at_once_and_none_is_lost(run):
    code = (
        "import sys; from pathlib import Path; from engine.contract.run.labels import add_label\n"
        "for n in range(20): add_label(Path(sys.argv[1]), tag=f'{sys.argv[2]}-{n}', note='n' * 5000)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(run.labels_jsonl), str(number)]) for number in range(6)
    ]
    assert [writer.wait() for writer in writers] == [0] * 6
    assert set(run.labels().tags) == {f"{writer}-{n}" for writer in range(6) for n in range(20)}
    assert len(run.labels().notes) == 120


def test_the_empty_name_is_no_name():
    assert check_name("   ") == ""


def test_a_note_is_taken_back_and_others_that_say_the_same_stay(run):
    for note in ("a", "b", "a"):
        run.add_label(note=note)
    run.add_label(unnote="a")
    assert run.labels().notes == ("a", "b")
    run.add_label(unnote="never written")
    assert run.labels().notes == ("a", "b")


def test_a_label_waits_for_a_stopped_process_no_longer_than_a_moment(run, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    run.add_label(name="first")
    code = "import fcntl, sys; file = open(sys.argv[1]); fcntl.flock(file, 2); print(flush=True); input()"
    command = [sys.executable, "-c", code, str(run.labels_jsonl)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline()
        os.kill(holder.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED)
        who = rf"process {holder.pid} \(.+\), which is stopped" if sys.platform == "linux" else "another process"
        with pytest.raises(BadInput, match=f"labels.jsonl is locked by {who}"):
            run.add_label(name="second")
    finally:
        os.kill(holder.pid, signal.SIGCONT)
        holder.communicate(b"\n")
    run.add_label(name="third")
    assert run.labels().name == "third"
