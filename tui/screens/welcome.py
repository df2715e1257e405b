"""The welcome dialog, shown while there is no run: a few presets to start with, one of which needs no download."""

from __future__ import annotations

from typing import ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import ScreenResume
from textual.widgets import Static

from tui.drawing.lines import Line, fit
from tui.host import Host
from tui.keys.common import GLOBAL, MODES, bindings
from tui.keys.key import Key
from tui.screens.dialog import Dialog
from tui.widgets.key_line import HintLine
from tui.widgets.line_list import LineList

KEYS = (
    Key("q,escape", "cancel", "close", "Close the welcome dialog."),
    *(
        Key(str(number), f"dismiss('{mode}')", title, f"Close the welcome dialog and go to {title}.")
        for number, (mode, title) in enumerate(MODES.items(), start=1)
    ),
    *(key for key in GLOBAL if key.action in ("app.help", "app.command_palette")),
)

OTHER: Final = "other"
CHOICES: Final = (
    ("quickstart", "quickstart", "no download: generated images, a small model"),
    ("resnet20_fast", "resnet20_fast", "CIFAR-10 to 88 % on a CPU; downloads 170 MB once"),
    ("cpu_94", "cpu_94", "CIFAR-10 to 94 % on a CPU"),
    ("resnet34_cutmix_fast", "resnet34_cutmix_fast", "CIFAR-10 on a GPU, 100 epochs"),
    ("resnet34_cutmix", "resnet34_cutmix", "CIFAR-10 on a GPU, 500 epochs"),
    (OTHER, "another preset", "choose among all presets in the form"),
)
"""Preset, label, and what to expect."""

TITLE: Final = "cifar-tui: train image classifiers, watch them, compare them"
TEXT: Final = (
    "There are no runs yet. Choose a preset with Enter: a form opens\n"
    "filled in, and ctrl+s starts the run. Training continues when you\n"
    "close this window; every run is listed under Results (2)."
)


HINTS: Final = (
    ("j k", "move"), ("enter", "choose"), ("1", "to 6 sections"), ("?", "keys"), (":", "palette"), ("q", "close"),
)  # fmt: skip


class Choices(LineList):
    """The presets to start with."""

    def row_count(self) -> int:
        return len(CHOICES)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        _, label, detail = CHOICES[row]
        name = (fit(label, 22), "strong" if at_cursor else "")
        return [("▸ " if at_cursor else "  ", "mark"), name, (detail, "dim")]


class Welcome(Dialog[str | None]):
    """Returns the preset to open in New run, OTHER, a section to go to, or None."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Static(Content(TITLE), classes="dialog-title")
            yield Static(Content(TEXT), classes="dialog-body")
            choices = Choices()
            choices.styles.height = len(CHOICES)
            yield choices
            yield HintLine(HINTS)

    def on_mount(self) -> None:
        self.query_one(Choices).focus()

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Close if a run was started meanwhile: the palette leads away from here and back."""
        if cast(Host, self.app).workspace.summaries():
            self.dismiss(None)

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        self.dismiss(CHOICES[event.row][0])

    def action_cancel(self) -> None:
        self.dismiss(None)
