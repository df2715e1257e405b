"""The keys of New run. A row is not an input until Enter, so letters and numbers keep their meaning."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key("enter", "choose", "edit", "Edit the field; Enter again accepts, Esc gives up.", footer=1),
    Key(
        "ctrl+s",
        "start",
        "start",
        "Start the runs, or queue them when the device is busy (the command shown).",
        footer=2,
    ),
    Key(
        "w",
        "save",
        "save as preset",
        "Save what the form says as a preset of your own (cifar-tui presets save NAME).",
        footer=7,
    ),
    Key(
        "f",
        "find_rate",
        "find rate",
        "Sweep the learning rate of what the form says beside it; then take the rate found (cifar-tui lr-find).",
        footer=4,
    ),
    Key("t", "take_second", "other rate", "Take the other rate that a sweep found: where the loss falls fastest."),
    Key(
        "i",
        "images",
        "images",
        "See the augmentation on real images, op by op (cifar-tui augmentations preview).",
        footer=5,
    ),
    Key("slash", "find", "find field", "Find a field by its name or help.", footer=6),
    Key("u", "undo", "undo change", "Undo the last change.", footer=8),
    Key("y", "copy", "copy command", "Copy the command line that does the same.", footer=9),
    Key("p", "preset", "preset", "Begin from another preset (cifar-tui presets list).", footer=3),
    Key("left", "step(-1)", "previous value", "The previous choice of a field with choices."),
    Key("right", "step(1)", "next value", "The next choice of a field with choices."),
    Key("x", "reset", "as preset", "Set the field back to what the preset says."),
    Key("m", "more", "all fields", "Show or hide the fields beyond the essential ones."),
)
