"""Which runs share what trials have found, and for how long."""

import time

import pytest

from engine.contract.recipe.catalog import catalog
from engine.loop.probe_cache import Known, key_of, recall, remember
from tests.engine.conftest import tiny_recipe

MACHINE = ("a processor", "2", "2.14")


def key(machine=MACHINE, **changes):
    parts = catalog()
    return key_of(tiny_recipe(parts, **{"model": "resnet20", **changes}), parts, machine)


def test_the_same_work_has_the_same_key_whatever_else_the_recipe_says():
    assert key() == key(epochs=7, optimizer={"name": "adamw"})


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "resnet32"},
        {"model": {"name": "resnet20", "ghost_batch": 8}},
        {"batch_size": 16},
        {"compute": {"channels_last": False}},
        {"machine": ("another processor", "2", "2.14")},
    ],
    ids=str,
)
def test_other_work_or_another_machine_has_another_key(changes):
    assert key() != key(**changes)


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff"])
def test_a_damaged_cache_of_trials_is_none(private_folders, damage):
    remember("some work", Known(precision="bf16", precision_tried=time.time()))
    assert recall("some work").precision == "bf16"
    (file,) = (private_folders / "cache").rglob("probe-*.json")
    file.write_bytes(damage)
    assert recall("some work") == Known()


def test_a_time_in_the_future_is_not_recent():
    later = time.time() + 3600
    assert Known(2, later, "", "bf16", later, "").fresh() == Known()
