"""Tables and JSON files, row by row."""

import json
from pathlib import Path

import pytest

from bench.figures import figure
from bench.machine import Load, warning
from bench.report import Report, RowPrinter


class Still(Load):
    """A machine on which others use as much as a test says."""

    before = 0.5

    def __init__(self, others: float = 0.0) -> None:
        self.others = others

    def so_far(self) -> dict[str, float]:
        return {"before": self.before, "after": 2.0, "cores of others": self.others}


def test_a_file_holds_machine_load_and_rows_after_every_row(tmp_path: Path):
    file = tmp_path / "figures.json"
    report = Report(file, Still(), {"machine": {"cpu": "x"}, "quick": True, "budget": 60.0})
    report.add("train", {"what": "loop", "img/s": figure([1.0, 2.0, 3.0]), "precision": "bf16"})
    table = json.loads(file.read_text())
    assert set(table) == {
        "format", "began", "command", "machine", "quick", "budget", "load", "areas", "left out"
    }  # fmt: skip
    assert (table["format"], table["machine"], table["quick"], table["budget"]) == (1, {"cpu": "x"}, True, 60.0)
    assert table["load"] == {"before": 0.5, "after": 2.0, "cores of others": 0.0}
    assert table["areas"] == {
        "train": [
            {
                "what": "loop",
                "img/s": {"median": 2.0, "low": 1.5, "high": 2.5, "rounds": 3},
                "precision": "bf16",
            }
        ]
    }
    report.add("zoo", {"model": "lenet", "img/s": figure([1.0])})
    assert list(json.loads(file.read_text())["areas"]) == ["train", "zoo"]
    assert report.end(["zoo: resnet18 (about 9 s)"]) == ""
    assert json.loads(file.read_text())["left out"] == ["zoo: resnet18 (about 9 s)"]


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    report = Report(None, Still(), {})
    report.add("train", {"what": "loop", "img/s": figure([1.0])})
    report.end([])
    assert list(tmp_path.iterdir()) == []


def test_a_busy_machine_is_told():
    told = Report(None, Still(others=1.25), {}).end([])
    assert told == warning({"cores of others": 1.25})
    assert told.startswith("warning: other processes used 1.2 of ")


def test_a_row_with_other_columns_starts_a_new_table(capsys: pytest.CaptureFixture[str]):
    table = RowPrinter()
    table.heading("train")
    table.row({"what": "a", "img/s": figure([1.0, 1.0]), "precision": "bf16"})
    table.row({"what": "b", "img/s": figure([2.0]), "precision": "fp32"})
    table.row({"what": "c", "s": 3.0})
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert words == [
        [], ["train"],
        ["what", "img/s", "precision"], ["a", "1", "(1-1)", "bf16"], ["b", "2", "fp32"],
        ["what", "s"], ["c", "3"],
    ]  # fmt: skip
