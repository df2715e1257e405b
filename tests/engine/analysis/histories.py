"""Event files that tests write, and the histories folded from them."""

from pathlib import Path

from engine.analysis.history import History
from engine.analysis.rows import GPU_NAMES, HOST_NAMES, STEP_NAMES
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Event


def say(path: Path, *events: Event) -> None:
    with EventWriter(path) as writer:
        for event in events:
            writer.write(event)


def folded(path: Path) -> History:
    history = History(path)
    history.poll()
    return history


def state(history: History) -> str:
    """Everything a history says, in a form that compares NaN as equal."""
    return repr(
        (
            [history.step(name).tolist() for name in STEP_NAMES],
            [history.host(name).tolist() for name in HOST_NAMES],
            [[history.gpu(index, name).tolist() for name in GPU_NAMES] for index in history.gpus()],
            history.epochs,
            history.per_class().tolist(),
            history.started,
            history.phase,
            history.closing,
            history.latest,
            history.resumes,
            sorted(map(repr, history.messages)),
            sorted(map(repr, history.checkpoints)),
        )
    )
