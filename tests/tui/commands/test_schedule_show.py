"""`schedules show`: the drawing and its numbers."""

import json
from xml.etree import ElementTree

import pytest
import torch

from engine.contract.recipe.catalog import catalog
from presets import loader

NAMES = sorted({*(info.name for info in loader.list_presets("schedules")), *catalog().names("schedule")})


@pytest.mark.parametrize("name", NAMES)
def test_every_schedule_is_drawn_in_eighty_columns_without_colour(cli, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    answer = cli("schedules", "show", name)
    assert answer.code == 0 and "\x1b" not in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "━ learning rate" in answer.out and "First step of epoch 1:" in answer.out
    assert ("━ momentum" in answer.out) == (name == "one_cycle_momentum")


def test_the_numbers_are_those_of_torch(cli):
    """0.5 at the peak, two epochs of warm-up from a fifth, six of a cosine."""
    options = ("--epochs", "8", "--lr", "0.5", "--set", "warmup=2", "--set", "schedule.warmup_start=0.2", "--json")
    shown = json.loads(cli("schedules", "show", "cosine", *options).out)
    optimizer = torch.optim.SGD([torch.ones(1)], 0.5)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6)
    want = [0.1, 0.3]
    for _ in range(6):
        want.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cosine.step()
    assert shown["learning_rates"] == pytest.approx(want)
    assert (shown["schedule"]["warmup"], shown["epochs"], shown["lr"], shown["momenta"]) == (2.0, 8, 0.5, [])


def test_a_moving_momentum_is_listed(cli):
    shown = json.loads(cli("schedules", "show", "one_cycle_momentum", "--epochs", "10", "--json").out)
    assert shown["momenta"][3] == pytest.approx(0.85) and shown["momenta"][0] == pytest.approx(0.9)


@pytest.mark.parametrize(("name", "curves"), [("cosine", 1), ("one_cycle_momentum", 2)])
def test_the_curves_are_written_as_svg(cli, tmp_path, name, curves):
    file = tmp_path / "schedule.svg"
    assert cli("schedules", "show", name, "--svg", str(file)).code == 0
    texts = [
        "".join(text.itertext()).replace("\xa0", " ")
        for text in ElementTree.parse(file).getroot().findall(".//{*}text")
    ]
    titles = [text for text in texts if text.startswith(("learning rate", "momentum"))]
    assert len(titles) == curves


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cosin",), "unknown schedule 'cosin'; did you mean cosine"),
        (("cosine", "--set", "warmup=300"), "schedule.warmup: 300 epochs of warm-up do not fit into 200 epochs"),
        (("cosine", "--set", "finale=1"), "unknown key schedule.finale; did you mean final"),
        (("cosine", "--epochs", "0"), "epochs: got 0, needs >= 1"),
        (("cosine", "--lr", "-1"), "optimizer.lr: got -1.0, needs > 0"),
    ],
)
def test_what_cannot_be_shown_is_refused(cli, words, said):
    answer = cli("schedules", "show", *words)
    assert answer.code == 2 and said in answer.err
