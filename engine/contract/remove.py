"""Removing a run: the one place of the program that deletes what it cannot make again."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from engine.contract.errors import BadInput
from engine.contract.files import sync_folder
from engine.contract.folder import RunFolder
from engine.contract.roots import check_writable, is_run


def remove(run: RunFolder, roots: Sequence[Path]) -> None:
    """Delete a run folder for good.

    It is renamed first, so a listing sees all of it or nothing, and a deletion cut short never looks like a run.

    Args:
        roots: the runs folders; only a run that lies directly in the first one (the writable one) is removed.

    Raises:
        BadInput: the run is alive or in use, is a link, lies elsewhere, or may not be deleted.
    """
    check_writable(run.path, roots)
    root = roots[0].resolve()
    if not is_run(run.path):
        raise BadInput(f"run {run.id} is not removed: {run.path} is no run folder of its own")
    state = run.status()
    if state.live:
        raise BadInput(f"run {run.id} is not removed: it is {state.state}; stop it first")
    doomed = root / f".removed-{run.id}-{secrets.token_hex(4)}"
    try:
        with run.hold():
            run.path.rename(doomed)
        shutil.rmtree(doomed)
        sync_folder(root)
    except OSError as error:
        raise BadInput(f"run {run.id} is not removed: {error.strerror} ({error.filename})") from error
