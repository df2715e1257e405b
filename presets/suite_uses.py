"""The rows of published tables that use a given preset or model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from presets import loader
from presets.references import load_table
from presets.suites import Row, Suite, list_suites, load


@dataclass(frozen=True, slots=True)
class Use:
    """A row of a suite that uses a preset or a model."""

    suite: str
    row: Row


def uses_of_preset(name: str) -> list[Use]:
    """The rows that start from a preset. Suites that cannot be loaded are skipped."""
    return [Use(suite.name, row) for suite in _usable() for row in suite.rows if row.recipe == name]


def uses_of_model(name: str, catalog: Catalog) -> list[Use]:
    """The rows that train a model of the catalog. Suites and rows that cannot be loaded are skipped."""
    models: dict[tuple[str, str], str] = {}  # by model and preset of a row, so that each preset is read once
    found = []
    for suite in _usable():
        for row in suite.rows:
            key = (row.model, "" if row.model else row.recipe)
            if key not in models:
                models[key] = _model_of(row, catalog)
            if models[key] == name:
                found.append(Use(suite.name, row))
    return found


def _usable() -> Iterator[Suite]:
    for info in list_suites():
        try:
            yield load(str(info.path))
        except BadInput:  # `suites list` shows it as unusable
            continue


def _model_of(row: Row, catalog: Catalog) -> str:
    """The row's model by its name in the catalog, without resolving the recipe; "" if the row cannot be used."""
    try:
        table = {"model": row.model} if row.model else load_table(row.recipe, catalog)
        model = loader.expand(table, row.id).get("model", "")
        return catalog.get("model", str(model.get("name", "") if isinstance(model, Mapping) else model)).name
    except BadInput:
        return ""
