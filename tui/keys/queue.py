"""The keys of Queue."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key("enter", "open", "open", "Open the run on the Dashboard (cifar-tui open RUN).", footer=1),
    Key(
        "X",
        "cancel",
        "cancel",
        "Remove a waiting run from the queue; asks first (cifar-tui queue cancel RUN).",
        footer=2,
    ),
    Key(
        "S",
        "stop",
        "stop",
        "Stop a run that holds its device, with a checkpoint; asks first (cifar-tui runs stop RUN).",
        footer=3,
    ),
)
