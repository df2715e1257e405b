"""`cifar-tui optimizers`, `losses` and `averages`: parts that a recipe chooses by name, with their options."""

from __future__ import annotations

from typing import Final

import typer

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from tui.commands.common import Json, group, listing, print_json, print_pairs, print_text
from tui.commands.part_text import option_names, part_row, print_part

NOUNS: Final = {
    "optimizers": ("optimizer", "optimizer", "Optimizers, SAM and Lookahead: list, show."),
    "losses": ("loss", "loss", "Losses, including distillation: list, show."),
    "averages": ("average", "averaging", "Averages of the weights during training: list, show."),
}
"""By noun: its singular, the kind of its parts (which is also the recipe's field), and its help text."""


def app_of(noun: str) -> typer.Typer:
    """The commands of one noun: `list`, which is also the default, and `show`."""
    singular, kind, help_text = NOUNS[noun]
    app = group(help_text)

    @listing(app)
    def list_parts(as_json: bool = Json) -> None:
        """List the names, with their options."""
        rows = [part_row(part) for part in catalog().parts(kind)]
        if as_json:
            return print_json(rows)
        common = [param.name for param in COMMON.get(kind, ())]
        print_pairs([(row["name"], f"{row['title']}: {option_names(row, common)}") for row in rows])
        if common:
            print_text(f"\nEvery {singular} also takes {', '.join(common)}.")
        return typer.echo(f"\nIn a recipe: {kind} = NAME, for example --set {kind}={rows[-1]['name']}")

    @app.command("show")
    def show_part(
        name: str = typer.Argument(..., help=f"Name of one of the {noun}.", metavar="NAME"), as_json: bool = Json
    ) -> None:
        """Show one of them with its documentation and options."""
        print_part(catalog().get(kind, name), as_json)

    return app


optimizers, losses, averages = map(app_of, NOUNS)
