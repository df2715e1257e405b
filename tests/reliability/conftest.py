"""Run folders as the product writes them, to be damaged; and what the campaign counts."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Finished, Resumed, Stopped
from engine.contract.run.records import ExitRecord
from engine.contract.run.store import RunFolder
from tests.tui.demo import Demo, write_run

TALLY: Counter[tuple[str, str]] = Counter()


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Adds a number of tried inputs to the figures of the test's file; they passed when the test does."""
    area = request.path.stem.removeprefix("test_").replace("_", " ")

    def add(tried: int) -> None:
        TALLY[area, "tried"] += tried
        request.addfinalizer(lambda: _passed(request.node, area, tried))

    return add


def _passed(node: pytest.Item, area: str, tried: int) -> None:
    report = getattr(node, "call_report", None)
    if report is not None and report.passed:
        TALLY[area, "passed"] += tried


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = (yield).get_result()
    if report.when == "call":
        item.call_report = report  # type: ignore[attr-defined]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures for docs/results.md."""
    for area in sorted({area for area, _ in TALLY}):
        tried, passed = TALLY[area, "tried"], TALLY[area, "passed"]
        terminalreporter.write_line(f"reliability: {area}: {tried} tried, {passed} passed")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def make_run(root: Path) -> Callable[[], RunFolder]:
    """Makes a run that was stopped, resumed and finished, with every file that supervisor and trainer write."""

    def make() -> RunFolder:
        run = write_run(root, Demo(epochs_done=4, state="finished", step=0, name="sound"))
        began = run.info().created
        with EventWriter(run.events) as events:
            events.write(Stopped(4, 0, t=began + 50))
            events.write(Resumed(4, 0, exact=False, why="another thread count", t=began + 60))
            events.write(Epoch(5, 0.4, test_loss=0.5, test_accuracy=0.83, per_class=[0.8] * 10, t=began + 70))
            events.write(Finished(5, 0.83, 0.83, 5, seconds=60.0, t=began + 70))
        run.add_label(tag="paper", note="a note", pinned=True)
        run.log.write_text("--- attempt 1 on cpu\n")
        ExitRecord("finished", ended=began + 71).write(run.exit)
        return run

    return make
