"""Our first epochs of three published recipes against the source's own TensorBoard logs. Hours on a CPU: `-m slow`.

The figures are those of the logs of Niwenjin/CIFAR-10 (runs/train1 to train3), to four places. A GPU trains three epochs
with three seeds, and each published figure must lie where a fourth seed's would. A CPU has the time for a slice, the first
epoch with one seed. The training loss, a mean over 50,000 images, moves by one or two parts in a hundred from seed to seed
and must be near the log's anyway.
"""

import json
import math
import statistics
from itertools import islice
from pathlib import Path

import pytest
import torch
from scipy import stats

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.create import create
from engine.contract.run.events import Epoch
from engine.data.load import load
from engine.train import fit
from presets.loader import Edits
from presets.references import recipe_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(4 * 3600)]

LOGS = {
    "resnet34_sgd_cosine": {
        "train_loss": (1.3476, 0.8104, 0.5626),
        "test_loss": (0.9631, 0.8236, 0.7940),
        "test_accuracy": (0.6586, 0.7214, 0.7444),
    },
    "resnet34_jitter": {
        "train_loss": (1.6452, 1.1245, 0.8349),
        "test_loss": (1.3620, 0.9910, 0.9459),
        "test_accuracy": (0.5160, 0.6535, 0.6812),
    },
    "resnet34_cutmix": {
        "train_loss": (2.0320, 1.8277, 1.6816),
        "test_loss": (1.4087, 1.1702, 1.0970),
        "test_accuracy": (0.5001, 0.5824, 0.6171),
    },
}
CUDA = torch.cuda.is_available()
SEEDS, EPOCHS = (3, 3) if CUDA else (1, 1)
STEADY = 0.05  # how far, as a part of it, the training loss of a whole epoch may lie from the log's


def first_epochs(preset: str, seed: int, folder: Path, data_dir: Path) -> list[Epoch]:
    """The first epochs of the 500, normalised with test statistics as the source was."""
    parts = catalog()
    recipe = recipe_of(preset, parts, Edits(sets=["data.normalize=test"]))
    data = load(recipe.data, str(data_dir), lambda phase, note: None, parts)
    run = create(folder, recipe, seed=seed, placement=Placement())
    device = torch.device("cuda" if CUDA else "cpu")
    events = fit(recipe, run, data, seed=seed, device=device)
    try:
        return list(islice((event for event in events if isinstance(event, Epoch)), EPOCHS))
    finally:
        events.close()


@pytest.mark.parametrize("preset", LOGS)
def test_the_first_epochs_are_those_of_the_published_log(preset: str, tmp_path: Path, cifar10_dir: Path) -> None:
    runs = [first_epochs(preset, seed, tmp_path, cifar10_dir) for seed in range(SEEDS)]
    for figure, published in LOGS[preset].items():
        for at in range(EPOCHS):
            ours = [getattr(run[at], figure) for run in runs]
            print(json.dumps({"preset": preset, "epoch": at + 1, "figure": figure, "log": published[at], "ours": ours}))
            if len(ours) > 1:  # the 99 % interval for one more draw from where these came from
                reach = stats.t.ppf(0.995, len(ours) - 1) * statistics.stdev(ours) * math.sqrt(1 + 1 / len(ours))
                assert abs(statistics.mean(ours) - published[at]) <= reach
            if figure == "train_loss":
                assert statistics.mean(ours) == pytest.approx(published[at], rel=STEADY)
