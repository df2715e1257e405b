"""Rows of the area `train`, and who is compared with whom, with rates of a made-up machine."""

from collections.abc import Iterator

import pytest
import torch

from bench import train
from bench.figures import figure, ratio

CPU = torch.device("cpu")


def test_a_row_has_both_rates_and_the_ratio_of_the_rounds():
    ours, theirs = [300.0, 100.0, 210.0], [100.0, 50.0, 70.0]
    assert train.row("loop", ours, "one fixed batch", theirs, "bf16") == {
        "what": "loop",
        "ours img/s": figure(ours),
        "theirs img/s": figure(theirs),
        "ours / theirs": ratio(ours, theirs),
        "precision": "bf16",
        "theirs": "one fixed batch",
    }


@pytest.mark.parametrize(
    ("model", "device", "long", "short"),
    [
        ("resnet20", "cpu", 20, 5),
        ("resnet18", "cpu", 3, 1),
        ("airbench94", "cpu", 16, 4),
        ("resnet34", "cuda", 100, 25),
    ],
)
def test_a_quick_round_has_a_quarter_of_the_steps(model, device, long, short):
    assert [train.steps_in(model, torch.device(device), quick) for quick in (False, True)] == [long, short]


class Peer:
    """A plain loop that trains on 100 images in 1 s and evaluates on them in 0.25 s."""

    def __init__(self, *parts: object) -> None:
        self.passes: list[str] = []
        Peer.last = self

    def train(self) -> tuple[int, float]:
        self.passes.append("train")
        return 100, 1.0

    def evaluate(self) -> tuple[int, float]:
        self.passes.append("evaluate")
        return 100, 0.25


def test_the_peer_is_shown_with_and_without_its_pass_over_train(monkeypatch: pytest.MonkeyPatch):
    def rates(chosen, data, device) -> Iterator[float]:
        yield from [1.0, 400.0, 400.0]  # the first warms up

    monkeypatch.setattr(train, "PlainLoop", Peer)
    monkeypatch.setattr(train, "engine_rates", rates)
    monkeypatch.setattr(train, "settled", lambda model, device: "fp32")
    alone, evaluating = train._peer("resnet20", CPU, steps=2, rounds=2)
    assert (alone["theirs img/s"].median, alone["ours / theirs"].median) == (100.0, 4.0)
    assert (evaluating["theirs img/s"].median, evaluating["ours / theirs"].median) == (80.0, 5.0)
    assert alone["what"] != evaluating["what"]
    assert Peer.last.passes == ["train", "train", "evaluate", "train", "evaluate"]
