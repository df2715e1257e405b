"""Batch items that train for seconds, and batches of them."""

import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import runs_root
from tui.plans.batch import Batch, BatchItem, prepare
from tui.plans.draft import from_flags
from tui.plans.resolution import Resolver

PARTS = catalog()
FAST = ("schedule.warmup=0", "compute.precision=fp32")


def make_item(label: str, *sets: str, **flags) -> BatchItem:
    draft = from_flags({"preset": "quickstart", "device": "cpu", "epochs": 3, "sets": [*FAST, *sets], **flags})
    return BatchItem(label, Resolver(PARTS).take(draft, "quickstart"))


def prepare_here(*items: BatchItem, seeds=(0,), **options) -> Batch:
    return prepare(items, seeds, [runs_root()], PARTS, **options)


@pytest.fixture
def item():
    """Make a batch item of the quickstart: its label, then changes as `--set` takes them."""
    return make_item


@pytest.fixture
def ready():
    """Prepare a batch of items in the runs folder."""
    return prepare_here


@pytest.fixture
def lenet() -> BatchItem:
    return make_item("lenet", model="lenet")
