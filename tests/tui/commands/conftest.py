"""The command line in this process: arguments in, exit code and both streams out."""

import importlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from engine.launch import incoming, sweep
from tui.cli import main
from tui.commands import augment_preview, export_weights, models, predict_images


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


class ChildHere:
    """Stands in for `PipedChild`: its module answers in this process, which works in `/` meanwhile, as a child does."""

    def __init__(
        self,
        module: str,
        request: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
        *,
        show_errors: bool = False,
    ) -> None:
        answer = io.TextIOWrapper(io.BytesIO(), write_through=True)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (environment or {}).items():
                patch.setenv(name, value)
            patch.chdir("/")
            patch.setattr(sys, "stdin", io.StringIO(json.dumps(request)))
            patch.setattr(sys, "stdout", answer)
            self._code: int = importlib.import_module(module).main()
            self._answer: bytes = answer.detach().getvalue()

    def read(self) -> bytes:
        return self._answer

    def lines(self) -> Iterator[bytes]:
        return iter(self._answer.splitlines(keepends=True))

    def wait(self) -> int:
        return self._code

    def stop(self) -> None:
        pass


def run_here(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
    """Stands in for `subprocess.run` of `python -m MODULE ARGUMENTS`: the module answers in this process."""
    _python, _option, module, *arguments = command
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module, *arguments])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            importlib.import_module(module).main()
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


@pytest.fixture
def children_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer in this process where the process is not what is tested: each one that is started imports torch anew."""
    for module in (sweep, incoming, augment_preview, export_weights, predict_images):
        monkeypatch.setattr(module, "PipedChild", ChildHere)
    monkeypatch.setattr(models, "subprocess", SimpleNamespace(run=run_here))
