"""The key that writes what a screen shows into a file: its charts and tables, in several formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from engine.contract.files import write_atomic
from tui.drawing.format import glyphs_of_terminal
from tui.forms.options import Option
from tui.screens.pick import Pick
from tui.screens.section import Section

if TYPE_CHECKING:
    from tui.drawing.sheet import Sheet  # imports NumPy, so screens import it only when the key is pressed

FORMATS: Final = {"svg": "SVG for a paper or a slide", "txt": "text"}
"""The formats by how their files end, and what they are called."""
OF_TABLES: Final = {"md": "Markdown", "tex": "LaTeX (booktabs)", "csv": "CSV for a spreadsheet", "json": "JSON"}
"""Further formats, for what has tables."""


def export_file(name: str) -> Path:
    """Where a file of this name is exported to."""
    return platformdirs.user_data_path("cifar-tui") / "exports" / name


class Exports(Section):
    """A screen with charts or tables."""

    def _sheet(self) -> Sheet | None:
        """What the screen shows now; None while that is nothing."""
        raise NotImplementedError

    def action_export(self) -> None:
        """Ask for a format, then write a file; all but SVG goes to the clipboard as well."""
        sheet = self._sheet()
        if sheet is None:
            self.say("there is nothing to export yet")
            return
        options = [Option(ending, label) for ending, label in self._formats(sheet).items()]
        self.app.push_screen(Pick("Export charts and tables as", options), self._export_as)

    def _formats(self, sheet: Sheet) -> Mapping[str, str]:
        """The formats to choose from."""
        return {**FORMATS, **(OF_TABLES if sheet.tables else {})}

    def _export_as(self, form: str | None) -> None:
        sheet = self._sheet()
        if form is None or sheet is None:
            return
        written = sheet.written(form, glyphs_of_terminal())
        if form != "svg":
            self.workbench.copy(written, sheet.name)
        self._save_export(f"{sheet.name}.{form}", written)

    def _save_export(self, name: str, content: str) -> None:
        """Write a file into the folder of exports, and say where it is."""
        file = export_file(name)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, content.encode())
        except OSError as error:
            self.say(f"cannot write {file}: {error.strerror}", bad=True)
        else:
            self.say(f"saved as {file}")
