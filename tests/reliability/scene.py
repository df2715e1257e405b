"""Two sound runs in a root, on which a bad input is tried."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.contract.run.folder import RunFolder
from tests.reliability.look import by_commands

LISTINGS = ("runs list", "runs list --json")
QUICK = (*LISTINGS, "runs show RUN", "runs export RUN", "runs compare RUN OTHER --json", "runs logs RUN -n 3 --json")


@dataclass
class Scene:
    """Two sound runs in a root, and a place to put things."""

    run: RunFolder
    other: RunFolder
    root: Path
    scratch: Path
    patch: pytest.MonkeyPatch


Try = Callable[[Scene], None]


def looks_sound(scene: Scene, readers=QUICK) -> dict:
    answers = by_commands(scene.run, scene.other, readers)
    for reader in LISTINGS:
        if reader in answers:
            assert answers[reader].code == 0 and scene.other.id in answers[reader].out
    return answers
