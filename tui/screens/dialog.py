"""What all dialogs share: they keep the keys of the screen below from working, but not those of the whole program."""

from __future__ import annotations

from typing import ClassVar, Final, TypeVar

from textual.binding import BindingType
from textual.screen import ModalScreen

from tui.keys.common import GLOBAL, bindings

OVER: Final = tuple(key for key in GLOBAL if key.action in ("app.redraw", "app.suspend_process", "app.help_quit"))
"""Draw again, suspend, and quit by pressing Ctrl-C twice: whoever is lost in a dialog tries these."""
Answer = TypeVar("Answer")
"""What a dialog is dismissed with."""


class Dialog(ModalScreen[Answer]):
    """A screen over another one."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(OVER)
