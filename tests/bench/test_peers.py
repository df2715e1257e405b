"""The plain loop does what it says, on a net of one layer."""

import torch
from torch import nn

from bench.loops import images
from bench.peers import PilImages, PlainLoop, plain_loader


def test_an_epoch_counts_all_batches_but_the_first():
    data = images(128 * 3 + 5)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
    before = net[1].weight.detach().clone()
    loop = PlainLoop(net, plain_loader(data), torch.device("cpu"))
    assert loop.evaluate()[0] == 2 * 128
    assert not net.training
    assert torch.equal(net[1].weight, before)
    assert loop.train()[0] == 2 * 128
    assert net.training
    assert not torch.equal(net[1].weight, before)


def test_an_item_is_the_image_and_its_label():
    data = images(4).train
    pixels, label = PilImages(data, lambda image: image)[3]
    assert pixels.size == (32, 32)
    assert pixels.getpixel((1, 0)) == tuple(data.images[3, :, 0, 1].tolist())
    assert label == int(data.labels[3])
