"""The names under which TensorBoard shows the figures of our runs, for writing event files and for reading them back.

The first four are the tags of Niwenjin/CIFAR-10, so that its published logs and our runs share their charts. All
figures are per epoch, and the step of an event is the epoch, from 1, as in those logs.
"""

from __future__ import annotations

from typing import Final

TAGS: Final[dict[str, str]] = {
    "train_loss": "Loss/Training",
    "test_loss": "Loss/Test",
    "train_accuracy": "Accuracy/Train",
    "test_accuracy": "Accuracy/Test",
    "holdout_loss": "Loss/Validation",
    "holdout_accuracy": "Accuracy/Validation",
    "clean_train_loss": "Loss/Train without augmentation",
    "clean_train_accuracy": "Accuracy/Train without augmentation",
    "raw_test_accuracy": "Accuracy/Test of raw weights",
    "test_top5": "Accuracy/Test top-5",
    "tta_accuracy": "Accuracy/Test with several views",
    "lr": "Learning rate",
    "images_per_second": "Throughput/Images per second",
    "grad_norm": "Gradients/Norm",
    "nonfinite": "Gradients/Non-finite values",
    "update_ratio": "Gradients/Update to weight ratio",
}
"""The tag of each field of `Epoch` that is one number."""

PER_CLASS: Final = "Accuracy per class/"
"""Start of the tag of a class's test accuracy; its name follows."""
SECONDS: Final = "Seconds/"
"""Start of the tag of how long a part of the epoch took; "train", "evaluate" or another part follows."""
STEP_MS: Final = "Milliseconds per step/"
"""Start of the tag of how long a part of a training step took."""
CONFUSION: Final = "Confusion matrix"
"""Tag of the picture at the end."""

FACTS: Final = "run."
"""Start of the names of hyperparameters that are no fields of the recipe, such as the seed."""
EXTRA: Final = "tensorboard"
INSTALL: Final = f"pip install 'cifar-tui[{EXTRA}]'"
"""What to say where the package is missing."""
