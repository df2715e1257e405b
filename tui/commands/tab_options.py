"""The options of `runs show --tab`: which tab of Inspect, beside which runs, and what keys choose in it."""

from __future__ import annotations

import typer

Tab = typer.Option("", "--tab", help="Print a tab of Inspect: overview, confusion, mistakes, disagree, recipe, or log.")
Others = typer.Option(None, "--with", help="Another run for the tabs mistakes and disagree. Repeatable.", metavar="RUN")
On = typer.Option(
    "",
    "--on",
    help="With --tab, show this further test set of `runs predict` in place of the test set.",
    metavar="NAME",
)
Order = typer.Option(
    "",
    "--order",
    help="The order in the tab mistakes: most-confident, least-confident, highest-loss, or index; in the tab "
    "confusion: data or similarity.",
    metavar="NAME",
)
Label = typer.Option(
    "", "--class", help="With the tab mistakes or disagree, only the images of this class.", metavar="NAME"
)
Cell = typer.Option(
    "", "--cell", help="With the tab confusion, the images of this cell, such as cat:dog.", metavar="TRUE:GIVEN"
)
Image = typer.Option(
    "", "--image", help="With the tab mistakes, what the runs say about the image of this index.", metavar="INDEX"
)
Suspects = typer.Option(False, "--suspects", help="With the tab mistakes, only images whose label is worth a look.")
Percent = typer.Option(False, "--percent", help="With the tab confusion, percent of the class in place of counts.")
