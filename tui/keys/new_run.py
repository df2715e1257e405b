"""The keys of New run. A row becomes an input only on Enter, so letters and digits keep their meaning."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import EXPORT, in_line
from tui.keys.key import Key, moved

_EXPORT: Final = (
    "Save the command that starts this run as a shell script, or its recipe as TOML "
    "(cifar-tui --preset NAME --dry-run)."
)

KEYS: Final = in_line(
    (
        Key("enter", "choose", "edit", "Edit the field; Enter accepts, Esc cancels."),
        Key("left", "step(-1)", "previous value", "Previous value of a field with fixed choices."),
        Key("right", "step(1)", "next value", "Next value of a field with fixed choices."),
        Key("ctrl+s", "start", "start", "Start the runs, or queue them if the device is busy (the command shown)."),
        Key("p", "preset", "preset", "Start from another preset (cifar-tui presets list)."),
        Key("slash", "find", "find field", "Find a field by its name or help text."),
        Key("m", "more", "all fields", "Show or hide the fields that are rarely changed."),
        Key("x", "reset", "as preset", "Give the field, or the change under the cursor, the preset's value again."),
        Key("u", "undo", "undo change", "Undo the last change."),
        Key(
            "f", "find_rate", "find rate",
            "Sweep the learning rate of this form; again: choose one of the rates found (cifar-tui lr-find).",
        ),
        Key(
            "i", "images", "images",
            "Show the augmentation on real images, op by op (cifar-tui augmentations preview).",
        ),
        Key("n", "others", "next image", "Show another image before and after the augmentation, beside the form."),
        Key("tab,shift+tab", "other_pane", "changes", "Go to the list of what differs from the preset, and back."),
        Key("W", "save", "save preset", "Save the form as a preset of your own (cifar-tui presets save NAME)."),
        Key("y", "copy", "copy command", "Copy the command line that does the same."),
        *(replace(row, help=_EXPORT) for row in EXPORT),
    ),
    "enter ctrl+s p f i / W u y tab",
)  # fmt: skip

MOVED: Final = (moved("w", "W saves the preset"), moved("t", "f offers both rates"))
