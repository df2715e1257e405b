"""The language of the filter, shown while it is typed."""

from __future__ import annotations

from typing import Final

from engine.analysis.filter import CHOICES, KEYS
from tui.drawing.lines import Line, width_of

EXAMPLES: Final = ("acc>0.95", "model:resnet34", "status:failed", "started<4w", "-tag:old", '"words"')
"""Shown before anything is typed, and after a finished term."""
MEANING: Final = {
    "acc": "acc>0.95  last test accuracy, also as 95 or 95%",
    "best": "best>0.96  best test accuracy",
    "seed": "seed<3  seed",
    "epoch": "epoch>100  epochs done",
    "epochs": "epochs=500  planned epochs",
    "size": "size>500MB  size on disk",
    "seconds": "seconds>2h  working time, in s m h d",
    "started": "started<4w  younger than four weeks, in m h d w",
    "tag": "tag:paper,night  one of these tags",
    "status": "status:failed  or live, running, queued, finished, stopped, lost",
    "reason": "reason:gpu_memory  why it ended",
    "name": "name:paper  the name contains this",
    "id": "id:k3f9  part of the id",
    "preset": "preset:resnet34*  the preset contains this; * and ? are wildcards",
    "changes": "changes:lr  differs from the preset in this",
    "model": "model:resnet34,vgg16  one of these models",
    "host": "host:gpubox  the machine",
    "device": "device:cuda  the device",
    "recipe": "recipe:3f  part of the recipe's id",
    "data": "data:cifar100  the data set",
    "origin": "origin:timm  imported from this program; origin:own for own runs",
    "note": "note:crop  a note contains this",
    "excluded": "excluded:*  runs that are left out of means; -excluded:* all others",
}
"""An example of each key and what it selects."""


def _last_word(text: str) -> str:
    return "" if not text or text[-1].isspace() else text.split()[-1].lstrip("-").lower()


def _key_of(word: str) -> str:
    """The key of a word that has come as far as its sign; "" before that."""
    return next((key for key in KEYS if word.startswith(tuple(key + sign for sign in ":=<>!"))), "")


def knows(text: str) -> bool:
    """Whether the last word, while it is typed, begins a key or a value that exists."""
    word = _last_word(text)
    return not word or bool(_key_of(word)) or any(key.startswith(word) for key in KEYS)


def filter_hint(text: str, width: int) -> Line:
    """What can be typed next: the keys that the last word begins, what a whole key means, or examples.

    As many parts as fit into `width` cells.
    """
    word = _last_word(text)
    if key := _key_of(word):
        typed = word[len(key) :].lstrip(":=<>!")
        choices = [choice for choice in CHOICES.get(key, ()) if choice.startswith(typed)]
        parts = [f"{key}:{choice}" for choice in choices] if choices else [MEANING[key]]
    else:
        begun = [MEANING[key] for key in KEYS if word and key.startswith(word)]
        parts = begun or list(EXAMPLES)
    line: Line = [(" ", "")]
    for part in parts:
        example, blanks, meaning = part.partition("  ")
        added: Line = [(example, "strong"), (f"{blanks}{meaning}", "dim"), ("   ", "")]
        if len(line) > 1 and width_of(line) + width_of(added) > width:
            break
        line += added
    return line
