"""The keys that all screens share. The key tables drive bindings, key line, help, palette and clicks.

Rules: capitals and ctrl act, and ask first. Lower case never starts, stops or writes, except for `t`, `e` and marks,
which `u` undoes. Keys that move mean nothing else anywhere, and a key has one meaning per family of screens. No key is
one that tmux, screen or byobu use (ctrl+a, ctrl+b, F2 and above, alt). `q` does the same as Esc, which tmux delays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.binding import Binding, BindingType

from tui.keys.key import Key, moved
from tui.sections import MODES as MODES

GLOBAL: Final = (
    *(
        Key(str(number), f"app.go('{mode}')", title, f"Go to {title}.")
        for number, (mode, title) in enumerate(MODES.items(), start=1)
    ),
    Key("question_mark,f1", "app.help", "keys", "Show the keys of this screen.", footer=99),
    Key(
        "ctrl+p,colon",
        "app.command_palette",
        "palette",
        "Find a command, run, preset or screen by typing part of its name.",
    ),
    Key(
        "q,escape",
        "app.back",
        "back",
        "Close a filter or go back; at the top level, ask to quit. Runs keep running.",
        footer=98,
    ),
    Key(
        "u",
        "app.undo",
        "undo",
        "Undo the last action: a deletion, tags, a note, a pin, marks, the baseline, leaving a run out "
        "(cifar-tui runs restore RUN).",
    ),
    Key("ctrl+l", "app.redraw", "redraw", "Redraw the whole screen."),
    Key("ctrl+z", "app.suspend_process", "suspend", "Suspend the workbench (`fg` brings it back)."),
    Key("ctrl+c", "app.help_quit", "quit", "Press twice to quit. Training continues."),
)

MOVING: Final = (
    Key("j,down", "move(1)", "down", "Next row."),
    Key("k,up", "move(-1)", "up", "Previous row."),
    Key("pagedown", "page(1)", "page down", "One page down."),
    Key("pageup", "page(-1)", "page up", "One page up."),
    Key("g,home", "first", "first", "First row."),
    Key("G,end", "last", "last", "Last row."),
    Key("enter", "choose", "choose", "Open or edit the row."),
)
"""The keys of every list."""

MOVED: Final = (moved("ctrl+d", "pgdn moves down a page"), moved("ctrl+u", "pgup moves up a page"))
"""Keys of lists that have moved."""

DIALOG: Final = (
    Key("left,h,shift+tab", "app.focus_previous", "left", "Previous button."),
    Key("right,l,tab", "app.focus_next", "right", "Next button."),
    Key("q,escape", "cancel", "cancel", "Close without doing anything."),
)
"""The keys of dialogs. Each button can also be chosen by its first letter."""


def bindings(table: Iterable[Key]) -> list[BindingType]:
    """The Textual bindings of a key table. Textual shows none of them, because the key line does."""
    return [Binding(key.key, key.action, key.label, show=False, tooltip=key.help) for key in table]
