"""The command line in this process: arguments in, exit code and both streams out."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tui.cli import main


@dataclass
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Call `cifar-tui` with arguments."""

    def call(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["cifar-tui", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return call
