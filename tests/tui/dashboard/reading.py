"""Opens a run folder as the Dashboard does, and writes one of a run that is tested only at its end."""

import json
from pathlib import Path

from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Finished, RunStarted
from engine.contract.run.store import RunFolder
from presets.loader import Edits
from tests.tui.demo import Demo, write_run
from tui.dashboard.view import RunView


def view_of(run: RunFolder) -> RunView:
    view = RunView(run)
    view.poll()
    return view


def write_tested_once(root: Path, tested: bool) -> RunFolder:
    """A run of ten epochs with `evaluate.every = 0`: in its fourth epoch, or finished."""
    run = write_run(root, Demo(phase="queued", edits=Edits(sets=("evaluate.every=0", "epochs=10"))))
    with EventWriter(run.events) as events:
        events.write(RunStarted(epochs=10, steps_per_epoch=5, classes=["a", "b"], best_on=""))
        for epoch in range(1, 10 if tested else 4):
            events.write(Epoch(epoch, train_loss=1.0, train_mixed=True))
        if tested:
            events.write(Epoch(10, train_mixed=True, test_accuracy=0.9, test_loss=0.4, per_class=[0.8, 1.0]))
            events.write(Finished(10, 0.9, best_on="", seconds=9.0))
    return run


def leave_the_last_test(run: RunFolder, *, tested: bool = True) -> None:
    """Make the events of a run those of `evaluate.every = 0`: only the last epoch was tested, or none was."""
    events = [json.loads(line) for line in run.events.read_text().splitlines()]
    epochs = [event for event in events if event["event"] == "epoch"]
    for event in epochs:
        event["train_accuracy"], event["train_mixed"] = event["test_accuracy"], False
    for event in epochs[: -1 if tested else None]:
        for name in [name for name in event if name.startswith(("test_", "per_class"))]:
            del event[name]
    for event in events:
        if event["event"] == "run_started":
            event["best_on"] = ""
    run.events.write_text("".join(f"{json.dumps(event)}\n" for event in events))
