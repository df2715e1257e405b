"""The keys of New run. A row becomes an input only on Enter, so letters and digits keep their meaning."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key("enter", "choose", "edit", "Edit the field; Enter accepts, Esc cancels.", footer=1),
    Key(
        "ctrl+s",
        "start",
        "start",
        "Start the runs, or queue them if the device is busy (the command shown).",
        footer=2,
    ),
    Key(
        "w",
        "save",
        "save as preset",
        "Save the form as a preset of your own (cifar-tui presets save NAME).",
        footer=7,
    ),
    Key(
        "f",
        "find_rate",
        "find rate",
        "Sweep the learning rate of this form; again: use the rate found (cifar-tui lr-find).",
        footer=4,
    ),
    Key("t", "take_second", "other rate", "Use the other rate that the sweep found: where the loss falls fastest."),
    Key(
        "i",
        "images",
        "images",
        "Show the augmentation on real images, op by op (cifar-tui augmentations preview).",
        footer=5,
    ),
    Key("slash", "find", "find field", "Find a field by its name or help text.", footer=6),
    Key("u", "undo", "undo change", "Undo the last change.", footer=8),
    Key("y", "copy", "copy command", "Copy the command line that does the same.", footer=9),
    Key("p", "preset", "preset", "Start from another preset (cifar-tui presets list).", footer=3),
    Key("left", "step(-1)", "previous value", "Previous value of a field with fixed choices."),
    Key("right", "step(1)", "next value", "Next value of a field with fixed choices."),
    Key("x", "reset", "as preset", "Reset the field to the preset's value."),
    Key("m", "more", "all fields", "Show or hide the fields that are rarely changed."),
)
