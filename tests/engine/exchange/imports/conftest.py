import subprocess
import sys
from pathlib import Path

import pytest

from engine.analysis.history import History
from engine.contract.run.store import runs_root
from engine.exchange.imports.layouts import find_runs
from engine.exchange.imports.plan import ImportOptions, plan
from engine.exchange.imports.write import write


@pytest.fixture(scope="session")
def foreign_logs(made_once):
    """Logs that the loggers of Lightning, timm, Keras, torch and W&B have written: see foreign.py."""

    def make(folder):
        script = Path(__file__).parent / "foreign.py"
        done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr

    return made_once("foreign-logs", make)


@pytest.fixture
def plans():
    """The plans of all runs in a folder by name."""

    def make(place, **options):
        return {found.name: plan(found, ImportOptions(**options)) for found in find_runs(place)}

    return make


@pytest.fixture
def imported(plans):
    """Import the only run in a folder; its run folder and its history."""

    def make(place, **options):
        (one,) = plans(place, **options).values()
        run = write(one, runs_root())
        history = History(run.events)
        history.poll()
        assert history.garbage == 0
        return run, history

    return make
