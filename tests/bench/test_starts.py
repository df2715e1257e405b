"""The ratios of start-up are those of each round, and the program is given folders of its own."""

import json
import math
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
    monkeypatch.setattr(starts, "_paints", lambda command, folder, *texts: calls.append(command) or [1.0] * len(texts))
    monkeypatch.setattr(starts, "_trainings", lambda place, rounds: [])
    rows = starts.measure(tmp_path, quick=True)
    turn = [starts.IMPORTS, *([*starts.COMMAND, *name.split()] for name in starts.COMMANDS)]
    assert [calls[n : n + 3] for n in range(0, len(calls), 5)] == [turn] * 4
    assert [row["ratio"].median for row in rows] == [1.0] * 4
    assert [row["bar"] for row in rows] == pytest.approx([1.5, 2.5, 2.0, math.nan], nan_ok=True)
    assert rows[0]["s"].median == 2.0


def test_a_training_is_timed_without_its_trials(tmp_path, monkeypatch):
    def pretend(command, folder):
        if command is starts.LIBRARIES:
            return 2.0
        run = folder / "runs" / "20260101-000000-abcd"
        run.mkdir(parents=True, exist_ok=True)
        (run / "probe.json").write_text('{"probe": {"seconds": 1.5}}')
        lines = [{"event": "phase", "name": "starting", "t": 0.0}, {"event": "phase", "name": "training", "t": 104.0}]
        (run / "events.jsonl").write_text("\n".join(map(json.dumps, lines)))
        return 8.0

    monkeypatch.setattr(starts, "_elapsed", pretend)
    monkeypatch.setattr(starts.time, "time", lambda: 100.0)
    first, result = starts._trainings(tmp_path, rounds=2)
    assert (first["s"].median, first["ratio"].median, first["bar"]) == (2.5, 1.25, 1.5)
    assert (result["s"].median, result["ratio"].median) == (6.5, 3.25)


def test_the_program_reads_and_writes_nothing_of_the_users(tmp_path):
    given = environment(tmp_path)
    changed = {key for key, value in given.items() if os.environ.get(key) != value}
    assert changed == {f"XDG_{name}_HOME" for name in ("CACHE", "CONFIG", "STATE", "DATA")} | {"CIFAR_TUI_RUNS"}
    assert all(given[key].startswith(str(tmp_path)) for key in changed)
