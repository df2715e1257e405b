"""One key table drives bindings, footer and help: this file holds what is common to every screen.

Rules: lower case changes the view, capitals act and ask first, a key does one thing everywhere. Nothing that tmux,
screen or byobu take (ctrl+a, ctrl+b, F-keys beyond F1, alt). Each Esc has the twin `q`, because tmux delays Esc.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.binding import Binding, BindingType

from tui.keys.key import Key

MODES: Final[dict[str, str]] = {
    "dashboard": "Dashboard",
    "results": "Results",
    "compare": "Compare",
    "new_run": "New run",
    "queue": "Queue",
    "inspect": "Inspect",
}
"""The six sections, in the order of their number keys."""

GLOBAL: Final = (
    *(
        Key(str(number), f"app.go('{mode}')", title, f"Go to {title}.")
        for number, (mode, title) in enumerate(MODES.items(), start=1)
    ),
    Key("question_mark,f1", "app.help", "keys", "Show the keys of this screen.", footer=99),
    Key("ctrl+p,colon", "app.command_palette", "palette", "Find a command, run, preset or screen by typing."),
    Key("q,escape", "app.back", "back", "Close a filter, go back; at the top, ask to quit. Runs go on.", footer=98),
    Key("u", "app.undo", "undo", "Undo the last act: a deletion, tags, a note, marks (cifar-tui runs restore RUN)."),
    Key("ctrl+l", "app.redraw", "redraw", "Draw the whole screen again."),
    Key("ctrl+z", "app.suspend_process", "suspend", "Put the workbench in the background (`fg` brings it back)."),
    Key("ctrl+c", "app.help_quit", "quit", "Pressed twice: quit. Trainings go on."),
)

MOVING: Final = (
    Key("j,down", "move(1)", "down", "Next row."),
    Key("k,up", "move(-1)", "up", "Previous row."),
    Key("pagedown,ctrl+d", "page(1)", "page down", "A page down."),
    Key("pageup,ctrl+u", "page(-1)", "page up", "A page up."),
    Key("g,home", "first", "first", "First row."),
    Key("G,end", "last", "last", "Last row."),
    Key("enter", "choose", "choose", "Open or edit the row."),
)
"""The keys of every list."""

DIALOG: Final = (
    Key("left,h,shift+tab", "app.focus_previous", "left", "Previous button."),
    Key("right,l,tab", "app.focus_next", "right", "Next button."),
    Key("q,escape", "cancel", "cancel", "Close without doing anything."),
)
"""The keys of dialogs; each button also answers to its first letter."""


def bindings(table: Iterable[Key]) -> list[BindingType]:
    """Textual's bindings of a key table; the footer is our own, so none is shown by Textual."""
    return [Binding(key.key, key.action, key.label, show=False, tooltip=key.help) for key in table]
