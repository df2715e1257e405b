import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve


@pytest.fixture(scope="session")
def small_recipe():
    """A recipe for runs that are never trained."""
    table = {
        "epochs": 3,
        "batch_size": 32,
        "model": "lenet",
        "optimizer": {"name": "sgd", "lr": 0.05},
        "data": {"name": "shapes", "fraction": 0.05},
        "compute": {"precision": "fp32", "compile": "off"},
    }
    return resolve(table, catalog())
