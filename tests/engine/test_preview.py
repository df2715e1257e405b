"""What the preview shows is what the pipeline makes of the images."""

import json

import numpy as np
import pytest
import torch

from engine.augment.pipeline import Pipeline
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.data.load import DataSet, Split
from engine.preview import Request, caption, make_sheet, read, some_of_each_class

PARTS = catalog()
CLASSES = ("cat", "dog", "owl")


def recipe(*ops):
    table = {"epochs": 1, "batch_size": 8, "model": "lenet", "optimizer": "sgd", "augmentation": list(ops)}
    return resolve(table, PARTS)


def data(channels=3, n=90):
    images = np.random.default_rng(0).integers(0, 256, (n, channels, 28, 28), dtype=np.uint8)
    split = Split(torch.from_numpy(images), torch.arange(n) % 3)
    mean, std = (0.5, 0.4, 0.3)[:channels], (0.2, 0.3, 0.25)[:channels]
    return DataSet("made", split, None, split, CLASSES, mean, std, "")


def request(*ops, images=4, draws=2):
    return Request(recipe(*ops), PARTS, images=images, draws=draws, seed=5, data_dir="")


def test_a_row_is_the_original_every_op_and_further_draws():
    made = data()
    sheet = make_sheet(request("random_crop", "cutout", "cutmix", draws=3), made)
    assert sheet.heads == ["original", "random_crop", "+cutout", "+cutmix", "draw 2", "draw 3"]
    assert sheet.tiles.shape == (4, 6, 28, 28, 3)
    chosen = some_of_each_class(made.train.labels.numpy(), 64, 5)
    images, labels = made.train.images[chosen], made.train.labels[chosen]
    assert np.array_equal(sheet.tiles[:, 0], images[:4].permute(0, 2, 3, 1))
    facts = {"seed": 5, "mean": made.mean, "std": made.std, "num_classes": 3}
    whole = Pipeline(recipe("random_crop", "cutout", "cutmix").augmentation, **facts)
    for column, epoch in ((3, 0), (4, 1), (5, 2)):
        x, y = whole(images, labels, epoch, 0, chosen)
        x = x * torch.tensor(made.std).view(3, 1, 1) + torch.tensor(made.mean).view(3, 1, 1)
        difference = sheet.tiles[:, column] - 255.0 * x[:4].permute(0, 2, 3, 1).numpy()
        assert np.abs(difference).max() <= 0.501
        for row in range(4):
            own = torch.eye(3)[labels[row]].numpy()
            assert sheet.captions[row][column] == caption(y[row].numpy(), own, CLASSES)
    assert [row[0] for row in sheet.captions] == [[CLASSES[label]] for label in labels[:4]]
    assert [row[1] for row in sheet.captions] == [[], [], [], []]


def test_an_alternating_flip_alternates_from_draw_to_draw():
    sheet = make_sheet(request("alternating_flip", draws=3), data())
    tiles = sheet.tiles.astype(int)
    assert np.array_equal(tiles[:, 1], tiles[:, 2, :, ::-1]) and np.array_equal(tiles[:, 1], tiles[:, 3])


def test_without_ops_there_is_only_the_original():
    assert make_sheet(request(), data()).heads == ["original"]


def test_combinators_are_named_with_their_members():
    nested = {"name": "with_probability", "of": [{"name": "choice", "of": ["cutmix", "mixup"]}]}
    assert make_sheet(request(nested), data()).heads[1] == "with_probability (choice (cutmix, mixup))"


def test_one_channel_is_shown_grey():
    tiles = make_sheet(request("random_crop"), data(channels=1)).tiles
    assert np.array_equal(tiles[..., 0], tiles[..., 2]) and tiles.shape[-1] == 3


def test_rows_go_through_the_classes_and_follow_the_seed():
    labels = np.array([0] * 50 + [1] * 30 + [2])
    chosen = some_of_each_class(labels, 7, 0)
    assert labels[chosen].tolist() == [0, 1, 2, 0, 1, 0, 1]
    assert len(set(chosen)) == 7
    assert chosen.tolist() == some_of_each_class(labels, 7, 0).tolist() != some_of_each_class(labels, 7, 1).tolist()
    assert sorted(some_of_each_class(labels, 1000, 0)) == list(range(81))


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ([1.0, 0, 0], []),
        ([0.3, 0.7, 0], ["70% dog", "30% cat"]),
        ([0, 1, 0], ["100% dog"]),
        ([0.997, 0.003, 0], ["100% cat"]),
    ],
)
def test_captions_tell_shares_where_the_target_has_changed(target, lines):
    assert caption(np.array(target), np.array([1.0, 0, 0]), CLASSES) == lines


def test_a_request_is_read_from_json(tmp_path):
    own = tmp_path / "own.py"
    own.write_text(
        "from engine.contract.catalog import register\n"
        '@register("op", title="Nothing", stage="image")\nclass Nothing:\n    """Does nothing."""\n'
    )
    table = recipe().to_table() | {"augmentation": ["nothing"]}
    text = {"recipe": table, "parts": [str(own)], "images": 1, "draws": 1, "seed": 0, "data_dir": ""}
    asked = read(json.dumps(text))
    assert asked.recipe.augmentation[0].name == "nothing" and asked.images == 1
