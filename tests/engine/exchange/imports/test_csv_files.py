"""CSV files: what loggers write, and what is no table of a run."""

import numpy as np
import pytest

from engine.contract.errors import BadInput
from engine.exchange.imports.csv_files import read_csv, runs_in


@pytest.fixture
def table(tmp_path):
    def write(text, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def tags(content):
    found = {tag: track.points() for tag, track in content.tracks.by_tag.items()}
    return {tag: (points.steps.tolist(), points.values.tolist()) for tag, points in found.items()}


def test_a_plain_table_with_an_epoch_column(table):
    path = table("\ufeffepoch;train_loss;test_acc;note\n0;1.5;;first\n1;nan;0.5;\n\n")
    (content,) = read_csv(path).values()
    assert content.axis == "epoch"
    found = tags(content)
    assert found["test_acc"] == ([1], [0.5]) and set(found) == {"train_loss", "test_acc"}
    assert np.isnan(found["train_loss"][1][1])


def test_a_table_with_times(table):
    (content,) = read_csv(table("_timestamp,step,loss\n1700000000.5,10,1\n1700000001,20,2\n")).values()
    assert content.tracks.by_tag["loss"].points().times.tolist() == [1700000000.5, 1700000001]
    assert content.axis == "step"


def test_the_export_of_a_chart_holds_several_runs(foreign_logs):
    path = foreign_logs / "wandb" / "chart.csv"
    assert runs_in(path) == ["crisp-sun-3", "lucky - lake"]
    found = read_csv(path)
    assert tags(found["crisp-sun-3"]) == {"val_accuracy": ([1, 2, 3], [0.3, 0.6, 0.3 * 3])}
    assert tags(found["lucky - lake"]) == {"val_accuracy": ([1, 2], [0.2, 0.4])}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch,loss\n0,1\n,2\n", "row 3: no value in the column 'epoch'"),
        ("epoch,loss\n0,1\n1\n", "row 3: 1 cells, the head has 2"),
        ("epoch,loss\n0,1\n1,much\n", "row 3, column 'loss': 'much' is no number"),
        ("epoch,loss\nfirst,1\n", "row 2, column 'epoch': 'first' is no number"),
        ("epoch,loss\n-1,1\n", "row 2: epoch is -1, needs a count"),
        ("epoch,loss\nnan,1\n", "needs a count"),
        ("epoch,loss,loss\n0,1,2\n", "the column 'loss' occurs twice"),
        ("a,b\n1,2\n", "no column for the epoch or the step (columns: a, b)"),
        ("epoch\n1\n", "not a table with named columns"),
        ("", "not a table with named columns"),
        (b"\x80\x02}q\x00.", "not a CSV file"),
        ("epoch," + ",".join(f"c{n}" for n in range(6000)) + "\n", "6,001 columns"),
        ('epoch,loss\n0,"' + "x" * 200_000 + '"\n', "not a CSV file"),
    ],
)
def test_what_is_no_table_of_a_run_is_one_line(table, text, said):
    with pytest.raises(BadInput) as refused:
        read_csv(table(text))
    (problem,) = refused.value.problems
    assert said in problem and "log.csv" in problem and "\n" not in problem
