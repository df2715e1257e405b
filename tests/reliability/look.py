"""Looking at a run from every side: each command that reads one, and each screen that shows one."""

import io
import os
import re
import sys
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.contract.run.index import Index
from engine.contract.run.store import RunFolder
from tui.app import Workbench
from tui.cli import main
from tui.workspace import Workspace


@dataclass(frozen=True)
class Answer:
    """What a command printed, as bytes of UTF-8, and its exit code."""

    code: int
    out: str
    err: str


class _Capture(io.TextIOWrapper):
    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, "utf-8")

    def said(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode()


@contextmanager
def _streams(out: _Capture, err: _Capture):
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def call(*arguments: object) -> Answer:
    """`cifar-tui` with these arguments, in this process. Any exception of its own goes on to the test."""
    out, err, argv = _Capture(), _Capture(), sys.argv
    sys.argv = ["cifar-tui", *map(str, arguments)]
    code = 0
    try:
        with _streams(out, err):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        sys.argv = argv
    return Answer(code, out.said(), err.said())


READERS = (
    "runs list", "runs list --json", "runs show RUN", "runs show RUN --json", "runs export RUN",
    "runs export RUN --json", "runs compare RUN OTHER", "runs compare RUN OTHER --json", "runs logs RUN",
    "runs logs RUN -n 3 --json", "runs list --filter acc>0.5", "presets show run:RUN",
)  # fmt: skip
LIVE_READERS = ("runs watch RUN", "runs watch RUN --json", "runs wait RUN")
"""They go on for as long as the run is alive."""


SINCE_1970 = re.compile(r"\b\d{5,} d ago|\b\d{9,} s\b")
"""The age of what has no time: it must not be shown as one."""
ALLOWED = "\n\t"  # a log may be set in columns


def by_commands(run: RunFolder, other: RunFolder, readers=READERS) -> dict[str, Answer]:
    """Every command that reads a run; each ends by itself, with one of the codes of the contract and printable text."""
    answers = {}
    for reader in readers:
        words = [
            {"RUN": run.id, "OTHER": other.id, "run:RUN": f"run:{run.id}"}.get(word, word) for word in reader.split()
        ]
        answers[reader] = answer = (
            call(*words, "--runs-dir", run.path.parent) if "presets" not in reader else call(*words)
        )
        assert answer.code in (0, 1, 2, 130, 143), (reader, answer)
        assert "Traceback" not in answer.err, (reader, answer)
        assert not SINCE_1970.search(answer.out), reader
        for letter in answer.out + answer.err:
            assert letter in ALLOWED or unicodedata.category(letter) not in ("Cc", "Cf", "Cs"), (reader, letter)
    return answers


async def on_screens(run: RunFolder, other: RunFolder, scratch: Path, size=(120, 40)) -> dict[str, str]:
    """The characters of every screen that shows a run; an exception in one of them ends the test."""
    workspace = Workspace(
        [run.path.parent],
        start=lambda _: None,
        state_file=scratch / "state.json",
        index=Index(scratch / "index.sqlite"),
    )
    workspace.refresh()
    workspace.selected, workspace.baseline = run, other
    workspace.marked = [run, other]
    app = Workbench(workspace, start_mode="results")
    shown = {}
    async with app.run_test(size=size) as pilot:
        for name, keys in (
            ("results", "2"), ("grouped", "o"), ("dashboard", "1"), ("by step", "x"), ("by time", "x"), ("metric", "m"),
            ("log", "l"), ("raw", "r"), ("compare", "q,3"), ("loss", "m"), ("inspect", "6"), ("queue", "5"),
        ):  # fmt: skip
            for key in keys.split(","):
                await pilot.press(key)
            workspace.selected = run
            await pilot.pause()
            await app.workers.wait_for_complete()
            await pilot.pause()
            shown[name] = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
    for name, text in shown.items():
        assert not SINCE_1970.search(text), (name, text)
        assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in text.replace("\n", "")), name
    return shown


def environment(home: Path) -> dict[str, str]:
    """For a command of its own process: nothing of the user's, nothing shared with other tests."""
    return os.environ | {
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
