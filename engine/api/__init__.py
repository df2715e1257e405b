"""cifar-tui as a library: train a recipe, find runs, and read what they recorded as NumPy arrays.

    from engine import api

Nothing here imports torch or textual. Training happens in a process of its own, as on the command line, and everything
else is read from the run folder. `docs/api.md` shows every function in use; its examples are tests. The names below are
what other programs may rely on.

The package stands above `presets`, since `train` takes the name of a preset.
"""

from engine.api.records import EPOCH_COLUMNS, Predictions, history, predictions
from engine.api.run import Run, load, runs
from engine.api.training import RunFailed, train
from engine.contract.errors import BadInput, StartFailed

__all__ = [
    "EPOCH_COLUMNS", "BadInput", "Predictions", "Run", "RunFailed", "StartFailed", "history", "load", "predictions",
    "runs", "train",
]  # fmt: skip
