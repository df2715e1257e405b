"""The real trainer, saving whenever its writer is idle instead of once a minute.

While RUN_DIR/hold exists it goes no further than the first checkpoint inside the second epoch of each attempt, so that
a test can interrupt it there however slow the machine is.
"""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import engine.trainer
from engine.__main__ import main
from engine.contract.events import Checkpoint, Event
from engine.contract.folder import RunFolder
from engine.contract.recipe import Recipe
from engine.train import fit


def held_fit(recipe: Recipe, run: RunFolder, *given: Any, stopping: Callable[[], bool], **more: Any) -> Iterator[Event]:
    for event in fit(recipe, run, *given, stopping=stopping, interval=0.0, **more):
        yield event
        inside = isinstance(event, Checkpoint) and event.epoch == 1 and event.step > 0
        while inside and (run.path / "hold").exists() and not stopping():
            time.sleep(0.01)


if __name__ == "__main__":
    engine.trainer.fit = held_fit
    sys.exit(main(sys.argv[1:]))
