"""What a recipe may ask of its optimizer, and what is refused before torch is needed."""

from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe

OWN = '''
from typing import Annotated
from engine.contract.catalog import Spec, register

@register("optimizer", title="Takes no closure", closure=False)
def walker(groups, *, lr: Annotated[float, Spec("rate", gt=0.0)] = 0.1):
    """Steps along gradients that are there already."""
'''


@pytest.fixture
def parts(tmp_path: Path) -> Catalog:
    (tmp_path / "own.py").write_text(OWN)
    return catalog((tmp_path / "own.py",))


def with_optimizer(parts: Catalog, **optimizer: Any) -> Recipe:
    table = {"epochs": 1, "batch_size": 8, "model": "resnet20", "data": {"name": "shapes"}, "optimizer": optimizer}
    return resolve(table, parts)


def test_sharpness_aware_steps_of_an_optimizer_without_a_closure_are_refused(parts: Catalog) -> None:
    message = "optimizer.sharpness: sam needs two gradients per step, but walker takes no closure"
    with pytest.raises(BadInput, match=message):
        with_optimizer(parts, name="walker", sharpness="sam")
    assert with_optimizer(parts, name="walker", sharpness="off").optimizer.name == "walker"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sharpness": "sharp"}, "optimizer.sharpness: got 'sharp', needs 'off', 'sam' or 'asam'"),
        ({"rho": -0.1}, "optimizer.rho: got -0.1, needs >= 0"),
        ({"eta": "small"}, "optimizer.eta: got 'small', needs a number"),
        ({"lookahead": 2.5}, "optimizer.lookahead: got 2.5, needs a whole number"),
        ({"lookahead_alpha": 0.0}, "optimizer.lookahead_alpha: got 0.0, needs > 0"),
        ({"lookahead_alpha_end": 1.5}, "optimizer.lookahead_alpha_end: got 1.5, needs <= 1"),
        ({"name": "muon", "iterations": 0}, "optimizer.iterations: got 0, needs >= 1"),
        ({"name": "muon", "other": "adam"}, "optimizer.other: got 'adam', needs 'sgd' or 'adamw'"),
        ({"name": "adabound", "gamma": 0.0}, "optimizer.gamma: got 0.0, needs > 0"),
        ({"name": "larc", "trusts": 0.1}, "unknown key optimizer.trusts; did you mean trust"),
    ],
)
def test_a_bad_option_is_named_with_what_it_takes(given: dict[str, Any], message: str, parts: Catalog) -> None:
    with pytest.raises(BadInput, match=message):
        with_optimizer(parts, **{"name": "sgd"} | given)


def test_the_rows_of_the_published_tables_can_be_written_down(parts: Catalog) -> None:
    """SAM at the source's radius, ASAM with its eta of 0, AdaBound with nothing but a rate."""
    assert with_optimizer(parts, name="sgd", sharpness="sam", rho=0.5).optimizer.options["rho"] == 0.5
    assert with_optimizer(parts, name="sgd", sharpness="asam", rho=0.5, eta=0.0).optimizer.options["eta"] == 0.0
    adabound = with_optimizer(parts, name="adabound", lr=0.1).optimizer.options
    source = {"final_lr": 0.1, "gamma": 1e-3, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0}
    assert source.items() <= adabound.items()
