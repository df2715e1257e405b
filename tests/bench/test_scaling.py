"""Who takes turns with whom, and what linear cost looks like, with epochs of a made-up length."""

from collections.abc import Iterator

import pytest
import torch

from bench import scaling
from bench.figures import Row, figure

CPU = torch.device("cpu")


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Images and batch size of each epoch in order. An epoch takes 1 ms an image and 8 ms a step; the first, twice."""
    turns: list[tuple[int, int]] = []

    def rates(chosen, data, device) -> Iterator[float]:
        count, batch = len(data.train), chosen.batch_size
        for epoch in range(scaling.ROUNDS + 1):
            turns.append((count, batch))
            yield count / ((1 + (epoch == 0)) * (0.001 * count + 0.008 * count / batch))

    monkeypatch.setattr(scaling, "engine_rates", rates)
    monkeypatch.setattr(scaling, "settled", lambda model, device: "fp32")
    return turns


def medians(rows: list[Row], column: str) -> list[float]:
    return [row[column].median for row in rows]


def test_the_number_of_images_goes_to_50_000_and_linear_cost_is_1_in_every_row(turns, monkeypatch):
    rows = list(scaling.with_images(CPU, quick=True))
    assert [row["what"] for row in rows] == [f"resnet20, {n:,} images" for n in (500, 1000, 2500, 5000)]
    assert medians(rows, "s per epoch") == pytest.approx([n * (0.001 + 0.008 / 128) for n in (500, 1000, 2500, 5000)])
    assert medians(rows, "per image / fewest images") == pytest.approx([1.0] * 4)
    assert turns[:8] == [(500, 128), (1000, 128), (2500, 128), (5000, 128)] * 2
    assert (scaling.IMAGES[0], scaling.IMAGES[-1]) == (5_000, 50_000)


def test_the_cost_of_a_step_shows_in_small_batches(turns):
    rows = list(scaling.with_batch_size(CPU, quick=True))
    assert [row["what"] for row in rows] == [f"resnet20, batch size {size}" for size in scaling.BATCHES]
    expected = [(1 + 8 / size) / (1 + 8 / 128) for size in scaling.BATCHES]
    assert medians(rows, "per image / batch size 128") == pytest.approx(expected)
    assert {batch for _, batch in turns} == set(scaling.BATCHES)


def test_the_first_epoch_warms_up_and_does_not_count(turns):
    (row, *_) = scaling.with_images(CPU, quick=True)
    assert row["s per epoch"] == figure([row["s per epoch"].median] * scaling.ROUNDS)
