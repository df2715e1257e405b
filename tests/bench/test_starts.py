"""The ratios of start-up are those of each round, and the program is given folders of its own."""

import os

import pytest

from bench import starts
from bench.terminal import environment


def test_a_ratio_is_taken_within_each_round():
    row = starts._row("x", ours=[0.2, 0.6, 0.3, 0.4], theirs=[0.1, 0.3, 0.1, 0.1], bar=2.5)
    assert [row["ratio"].low, row["ratio"].median, row["ratio"].high] == pytest.approx([2.0, 2.5, 3.25])
    assert [row["bar"], row["s"].median] == pytest.approx([2.5, 0.35])


def test_contestants_take_turns_and_the_first_round_does_not_count(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(starts, "_cpu", lambda command, folder: calls.append(command) or float(len(calls) > 3) + 1)
    monkeypatch.setattr(starts, "_paint", lambda command, text, folder: calls.append(command) or 1.0)
    rows = starts.measure(tmp_path, quick=True)
    turn = [starts.IMPORTS, *([*starts.COMMAND, *name.split()] for name in starts.COMMANDS)]
    assert [calls[n : n + 3] for n in range(0, len(calls), 5)] == [turn] * 4
    assert [row["ratio"].median for row in rows] == [1.0] * 3 and [row["bar"] for row in rows] == [1.5, 2.5, 2.0]
    assert rows[0]["s"].median == 2.0


def test_the_program_reads_and_writes_nothing_of_the_users(tmp_path):
    given = environment(tmp_path)
    changed = {key for key, value in given.items() if os.environ.get(key) != value}
    assert changed == {f"XDG_{name}_HOME" for name in ("CACHE", "CONFIG", "STATE", "DATA")} | {"CIFAR_TUI_RUNS"}
    assert all(given[key].startswith(str(tmp_path)) for key in changed)
