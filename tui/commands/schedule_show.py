"""`cifar-tui schedules show`: the curve of a schedule in the terminal, or its values as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from engine.schedules import epoch_learning_rates
from presets import loader
from tui.commands import output, svg_file
from tui.commands.common import print_json, print_lines, print_pairs, terminal_width
from tui.commands.part_text import meaning, value_text
from tui.drawing.format import learning_rate
from tui.drawing.lines import wrap
from tui.drawing.schedule_chart import charts, momenta, schedule_charts
from tui.drawing.svg import chart_part

HEIGHT: Final = 14
MOMENTUM: Final = 0.9
"""The momentum of the optimizer that the schedule is shown for."""


def main(name: str, epochs: int, lr: float, sets: Sequence[str], svg: Path | None, *, as_json: bool) -> None:
    """Show a named schedule or a curve, or write its curves to the file `svg`.

    Raises:
        BadInput: there is no such schedule, an option is invalid, or the file cannot be written.
    """
    parts = catalog()
    named = {info.name: info for info in loader.list_presets("schedules")}
    if name not in named and name not in parts.names("schedule"):
        raise BadInput(f"unknown schedule {name!r}{nearest(name, [*named, *parts.names('schedule')])}")
    recipe = preview_recipe(name, epochs, lr, sets)
    if svg is not None:
        return svg_file.save([chart_part(chart) for chart in schedule_charts(recipe)], svg, "--svg")
    part = parts.get("schedule", recipe.schedule.name)
    title = named[name].title if name in named else part.title
    text = (named[name].description if name in named else "") or part.summary
    if as_json:
        moments = [epoch / epochs for epoch in range(epochs)]
        return print_json(
            {
                "name": name,
                "title": title,
                "description": text,
                "schedule": recipe.schedule.table(),
                "epochs": epochs,
                "lr": lr,
                "learning_rates": epoch_learning_rates(recipe),
                "momenta": momenta(recipe, moments),
            }
        )
    width, glyphs = terminal_width(), output.glyphs()
    typer.echo(f"{name}: {title}")
    typer.echo("\n".join(wrap(text, width)) + "\n")
    print_lines(charts(recipe, width, HEIGHT, glyphs), glyphs)
    typer.echo("\n" + "\n".join(wrap(_first_and_last(epoch_learning_rates(recipe)), width)) + "\n")
    return _print_options(recipe)


def preview_recipe(name: str, epochs: int, lr: float, sets: Sequence[str] = ()) -> Recipe:
    """A recipe with the schedule, SGD and momentum 0.9, to show the schedule by itself. Raises BadInput.

    Args:
        sets: changes to options of the schedule, with or without the prefix `schedule.`.
    """
    base = {
        "epochs": epochs,
        "batch_size": 128,
        "model": "lenet",
        "optimizer": {"name": "sgd", "lr": lr, "momentum": MOMENTUM},
    }
    edits = loader.Edits(schedule=name, sets=[f"schedule.{text.removeprefix('schedule.')}" for text in sets])
    return resolve(loader.edit(base, edits, catalog()), catalog())


def _first_and_last(rates: Sequence[float]) -> str:
    """Learning rates as a log would show them: `epoch 1: 0.1, epoch 101: 0.05, epoch 200: 6.2e-6`."""
    shown = sorted({0, len(rates) // 4, len(rates) // 2, 3 * len(rates) // 4, len(rates) - 1})
    return "First step of " + ", ".join(f"epoch {epoch + 1}: {learning_rate(rates[epoch])}" for epoch in shown)


def _print_options(recipe: Recipe) -> None:
    """Print every option with its value, meaning and range; the schedule's own options first."""
    part = catalog().get("schedule", recipe.schedule.name)
    options = recipe.schedule.options
    rows = [
        (f"{param.name} = {value_text(options[param.name])}", meaning(param.help, param.range))
        for param in (*part.params, *COMMON["schedule"])
    ]
    print_pairs(rows)
