"""The arithmetic of a comparison, what it says about rows that only one file has, and files that are none."""

import itertools
import json
import random
import statistics
from pathlib import Path

import pytest

from bench.compare import NotAReport, beyond, compare, divide, notes, only_in, ratios, read
from bench.figures import Figure, Row, figure, plain

QUIET = {"before": 0.1, "after": 0.9, "cores of others": 0.0}


def report(areas: dict[str, list[Row]], **facts) -> dict:
    rows = {area: [{key: plain(value) for key, value in row.items()} for row in rows] for area, rows in areas.items()}
    return {"format": 1, "machine": {"cpu": "a"}, "quick": False, "load": QUIET, "areas": rows} | facts


def test_a_ratio_divides_the_medians_and_its_spread_is_that_of_the_quartiles():
    rng = random.Random(0)
    one, two = ([rng.uniform(50, 150) for _ in range(9)] for _ in range(2))
    divided = divide(figure(two), figure(one))
    (low, _, high), (other_low, _, other_high) = (
        statistics.quantiles(values, n=4, method="inclusive") for values in (two, one)
    )
    assert divided.median == pytest.approx(statistics.median(two) / statistics.median(one))
    assert (divided.low, divided.high) == pytest.approx((low / other_high, high / other_low))
    corners = [a / b for a, b in itertools.product((low, high), (other_low, other_high))]
    assert (divided.low, divided.high) == (min(corners), max(corners))


def test_zero_divides_as_arithmetic_has_it():
    assert divide(figure([3.0]), figure([0.0])).median == float("inf")
    assert str(divide(figure([0.0]), figure([0.0]))) == "nan"


@pytest.mark.parametrize(
    ("divided", "word"),
    [
        (Figure(1.1, 1.01, 1.2, 9), "yes"),
        (Figure(0.8, 0.7, 0.99, 9), "yes"),
        (Figure(1.1, 0.99, 1.2, 9), "no"),
        (Figure(2.0, 2.0, 2.0, 1), "unknown"),
    ],
)
def test_a_difference_counts_if_its_spread_leaves_out_1(divided: Figure, word: str):
    assert beyond(divided) == word


def test_every_common_figure_is_a_row_and_other_columns_are_not():
    a = report({"train": [{"what": "loop", "img/s": figure([100.0]), "precision": "fp32", "batch": 128}]})
    b = report({"train": [{"what": "loop", "img/s": figure([150.0]), "precision": "bf16", "batch": 64}]})
    (row,) = ratios(a, b)
    assert row == {
        "train": "loop",
        "figure": "img/s",
        "A": figure([100.0]),
        "B": figure([150.0]),
        "B / A": figure([1.5]),
        "beyond spread": "unknown",
    }


def test_rows_and_figures_that_one_file_lacks_are_named():
    a = report({"train": [{"what": "loop", "img/s": figure([1.0]), "ms": figure([1.0])}]})
    b = report(
        {
            "train": [{"what": "loop", "img/s": figure([1.0])}, {"what": "peer", "img/s": figure([1.0])}],
            "zoo": [{"model": "lenet", "img/s": figure([1.0]), "GFLOP/s": figure([1.0])}],
        }
    )
    assert only_in(a, b) == ["train: loop, ms"]
    assert only_in(b, a) == ["train: peer", "zoo: lenet"]


def test_what_limits_a_comparison_is_said():
    a, b = report({}), report({}, machine={"cpu": "b"}, quick=True, load=QUIET | {"cores of others": 1.0})
    told = list(notes(Path("A"), a, Path("B"), b))
    assert told[:2] == [
        "note: machine differs: {'cpu': 'a'} in A, {'cpu': 'b'} in B",
        "note: quick differs: False in A, True in B",
    ]
    assert told[2].startswith("B: warning: other processes used 1.0 of ")
    assert list(notes(Path("A"), a, Path("A"), a)) == []


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"machine": {}, "engine": []}'])
def test_other_files_are_refused(tmp_path: Path, text: str):
    file = tmp_path / "A.json"
    file.write_text(text)
    with pytest.raises(NotAReport, match=r"A\.json"):
        read(file)


def test_two_files_are_compared_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    files = tmp_path / "A.json", tmp_path / "B.json"
    for file, rate, other in zip(files, (100.0, 110.0), ("x", "y"), strict=True):
        rows = [{"what": "loop", "img/s": figure([rate] * 3)}, {"what": other, "img/s": figure([rate])}]
        file.write_text(json.dumps(report({"train": rows})))
    compare(*files)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"A {files[0]}, B {files[1]}"
    assert lines[2].split("  ")[0] == "train"
    assert lines[3].split() == ["loop", "img/s", "100", "(100-100)", "110", "(110-110)", "1.1", "(1.1-1.1)", "yes"]
    assert lines[4:] == [f"only in {files[0]}: train: x", f"only in {files[1]}: train: y"]
