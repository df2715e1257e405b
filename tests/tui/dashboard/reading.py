"""Opens a run folder as the Dashboard does."""

from engine.contract.run.store import RunFolder
from tui.dashboard.view import RunView


def view_of(run: RunFolder) -> RunView:
    view = RunView(run)
    view.poll()
    return view
