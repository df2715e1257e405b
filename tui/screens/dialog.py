"""The base of all dialogs: the keys of the screen below do not work, but some keys of the whole program do."""

from __future__ import annotations

from typing import ClassVar, Final, TypeVar

from textual.binding import BindingType
from textual.screen import ModalScreen

from tui.keys.common import GLOBAL, bindings
from tui.widgets.paced import Paced

ESCAPES: Final = tuple(key for key in GLOBAL if key.action in ("app.redraw", "app.suspend_process", "app.help_quit"))
"""Redraw, suspend, and quit with Ctrl-C twice: what people try when they are lost in a dialog."""
Answer = TypeVar("Answer")
"""The type of what a dialog is dismissed with."""


class Dialog(ModalScreen[Answer], Paced):
    """A screen over another one.

    Textual applies the styles of the first base class only, so that has to be ModalScreen: it centers dialogs and dims
    what is behind them.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(ESCAPES)
