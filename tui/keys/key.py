"""One row of a key table: it drives the bindings, the key line, the help screen and the palette."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.contract.run.status import LIVE

_SHOWN = {
    "comma": ",",
    "full_stop": ".",
    "question_mark": "?",
    "slash": "/",
    "asterisk": "*",
    "colon": ":",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "pagedown": "pgdn",
    "pageup": "pgup",
}
"""How Textual's key names are displayed; all others are displayed as they are."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what it does on one screen."""

    key: str
    """Textual's name of the key, several separated by commas: "j,down"."""
    action: str
    """Textual action of the screen (or `app.name` for one of the app)."""
    label: str
    """One or two words for the key line."""
    help: str
    """A sentence for the help screen."""
    footer: int = 0
    """Rank in the key line, 1 first; 0 leaves the key out."""

    @property
    def names(self) -> list[str]:
        """The displayed names of the key."""
        return [_SHOWN.get(name, name) for name in self.key.split(",")]


def moved(key: str, where: str) -> Key:
    """A row for a key that has lost its meaning: for one version it says where the act has gone."""
    return Key(key, f"app.say_moved('{where}')", "moved", f"Moved: {where}.")


def by_name(rows: Iterable[Key], name: str) -> Key | None:
    """The row of the key with this displayed name; None if no row has it."""
    return next((row for row in rows if name in row.names), None)


def key_names(row: Key) -> str:
    """All names of the key, for the help screen: "j down"."""
    return " ".join(row.names)


def footer(rows: Iterable[Key]) -> list[tuple[str, str]]:
    """(key, label) in the order of the key line; neighbors with the same label share it: (", .", "run")."""
    pairs: list[tuple[str, str]] = []
    for row in sorted((row for row in rows if row.footer), key=lambda row: row.footer):
        if pairs and pairs[-1][1] == row.label:
            pairs[-1] = (f"{pairs[-1][0]} {row.names[0]}", row.label)
        else:
            pairs.append((row.names[0], row.label))
    return pairs


def for_state(rows: Iterable[Key], state: str) -> list[Key]:
    """The rows for a run in this state: the key line shows only the one of stop and resume that applies.

    Args:
        state: the state of the run; "" without a run. A finished run can be neither stopped nor resumed.
    """
    unfit = {"stop", "resume"}
    if state not in ("", "finished"):
        unfit.remove("stop" if state in LIVE else "resume")
    return [replace(row, footer=0) if row.action in unfit else row for row in rows]
