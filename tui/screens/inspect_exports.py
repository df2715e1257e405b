"""What leaves Inspect: charts and tables of a tab, its images as a contact sheet, and the command that prints it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from textual import work

from engine.contract.errors import BadInput
from tui.drawing.sheet import Sheet
from tui.inspection.exported import sheet_of
from tui.inspection.facts import Facts
from tui.inspection.sheets import save_sheet
from tui.inspection.tab import Canvas, Tab
from tui.screens.exports import Exports, export_file
from tui.widgets.pane import Pane


class InspectExports(Exports):
    """A screen that shows a run in tabs."""

    def _shown(self) -> tuple[Tab, Facts] | None:
        """The chosen tab and what it shows; None without a run."""
        raise NotImplementedError

    def _sheet(self) -> Sheet | None:
        """The tab with what is scrolled away."""
        shown = self._shown()
        if shown is None:
            return None
        (tab, facts), pane = shown, self.query_one("#page", Pane)
        canvas = Canvas(pane.size.width, pane.size.height, pane.glyphs, not self.app.no_color)
        return sheet_of(tab, facts, canvas)

    def _formats(self, sheet: Sheet) -> Mapping[str, str]:
        """The images of a tab that has some can be exported too."""
        shown = self._shown()
        with_images = shown is not None and bool(shown[0].listed(shown[1])[1])
        return {**super()._formats(sheet), **({"png": "PNG of the images"} if with_images else {})}

    def _export_as(self, form: str | None) -> None:
        shown = self._shown()
        if form == "png" and shown is not None:
            self._write_images(*shown, export_file(f"{shown[0].title.lower()}-{shown[1].view.run.id}.png"))
        else:
            super()._export_as(form)

    @work(thread=True, group="sheet", exit_on_error=False)
    def _write_images(self, tab: Tab, facts: Facts, file: Path) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            words = save_sheet(facts, tab, file)
        except BadInput as error:
            self.app.call_from_thread(self.say, str(error), bad=True)
        except OSError as error:
            self.app.call_from_thread(self.say, f"cannot write {file}: {error.strerror}", bad=True)
        else:
            self.say_later(f"saved {words} as {file}")

    def action_copy(self) -> None:
        shown = self._shown()
        if shown is not None:
            self.workbench.copy(command_of(*shown), "command")


def command_of(tab: Tab, facts: Facts) -> str:
    """The command that prints a tab with the runs that it compares with, and with what keys have chosen in it."""
    words = ["cifar-tui", "runs", "show", facts.view.run.id, "--tab", tab.title.lower()]
    words += ["--on", facts.on.stem] if facts.on else []
    words += [word for run in tab.compared(facts) for word in ("--with", run)]
    if tab.title == "Overview" and facts.baseline is not None:
        words += ["--baseline", facts.baseline.run.id]
    return shlex.join([*words, *tab.options(facts)])
