"""The preview's process, seen from the side that starts it."""

import threading

import pytest

from engine.contract.errors import BadInput
from engine.launch.preview import Preview

ASKED = {"recipe": {"epochs": 0}, "parts": [], "images": 1, "draws": 1, "seed": 0, "data_dir": ""}


def test_what_it_says_last_is_the_error():
    with pytest.raises(BadInput, match="^batch_size: missing"):
        Preview({**ASKED, "recipe": {"epochs": 1, "model": "lenet", "optimizer": "sgd"}}).sheet()


def test_it_can_be_ended_while_somebody_waits():
    preview = Preview(ASKED)
    threading.Timer(0.1, preview.stop).start()
    with pytest.raises(BadInput, match="exit code -9"):
        preview.sheet()
