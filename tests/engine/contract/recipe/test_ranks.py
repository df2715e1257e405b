"""Which batches divide among the GPUs of a run."""

from typing import Any

import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.ranks import indivisible, not_on_nodes
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement

TABLE = {"epochs": 1, "model": "lenet", "augmentation": [], "optimizer": {"name": "sgd", "lr": 0.1}}


@pytest.mark.parametrize(
    ("changes", "gpus", "problem"),
    [
        ({"batch_size": 64}, 2, ""),
        ({"batch_size": 64}, 3, "batch_size: 64 does not divide among 3 GPUs; the nearest sizes are 63 and 66"),
        ({"batch_size": 2}, 4, "batch_size: 2 does not divide among 4 GPUs; the nearest sizes are 4"),
        (
            {"batch_size": 64, "model": {"name": "resnet20", "ghost_batch": 32}},
            4,
            "batch_size: 64 in ghost batches of 32 does not divide among 4 GPUs; the nearest sizes are 128",
        ),
        (
            {"batch_size": 64, "last_batch": "keep"},
            16,
            "last_batch: the last batch of an epoch has 10 images, which do not divide among 16 GPUs; "
            'use last_batch = "drop"',
        ),
        ({"batch_size": 64, "last_batch": "keep"}, 8, ""),
    ],
)
def test_batches_that_do_not_divide_are_refused(changes: dict[str, Any], gpus: int, problem: str):
    assert indivisible(resolve(TABLE | {"data": {"name": "shapes"}} | changes, catalog()), gpus, images=330) == problem


@pytest.mark.parametrize(
    ("placement", "problem"),
    [
        ({"nodes": 1, "gpus": 3}, ""),
        ({"nodes": 2, "gpus": 4, "launcher": "slurm"}, ""),
        (
            {"nodes": 2, "gpus": 3, "launcher": "slurm"},
            "nodes = 2: gpus = 3 does not divide among 2 nodes; the nearest numbers are 2 and 4",
        ),
        (
            {"nodes": 2, "launcher": "slurm"},
            "nodes = 2: gpus = 1 does not divide among 2 nodes; the nearest number is 2",
        ),
        ({"nodes": 2, "gpus": 2}, "nodes = 2: only launcher slurm starts a run on several nodes, not local"),
        (
            {"nodes": 2, "gpus": 2, "launcher": "command"},
            "nodes = 2: only launcher slurm starts a run on several nodes, not command",
        ),
    ],
)
def test_gpus_that_do_not_divide_among_nodes_are_refused(placement: dict[str, Any], problem: str):
    assert not_on_nodes(Placement(**placement)) == problem
