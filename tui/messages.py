"""Messages between threads, the app and its screens."""

from __future__ import annotations

from collections.abc import Sequence

from textual.message import Message

from engine.contract.run.store import RunFolder


class RunsChanged(Message):
    """The rows of `workspace.summaries()` have changed."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunsChanged)


class RunsStarted(Message):
    """New runs were created and their supervisors started."""

    def __init__(self, runs: Sequence[RunFolder]) -> None:
        super().__init__()
        self.runs = list(runs)


class StartRefused(Message):
    """Nothing was started; `problems` holds one line for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__()
        self.problems = list(problems)
