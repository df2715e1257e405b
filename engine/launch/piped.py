"""A child process behind pipes, for work that needs torch while this process must not import it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from engine.launch import package


class PipedChild:
    """`python -m MODULE`, which reads a request as JSON from stdin and answers on stdout.

    It runs in a session of its own: Ctrl-C in the terminal reaches only this process, which then calls `stop`. A child
    whose answer nobody reads any more ends by itself at its next write.

    Args:
        module: the module to run.
        request: written to the child's stdin.
        environment: variables that the child gets besides those of this process.
        show_errors: let the child write to this process's stderr; otherwise `last_error` returns its last line.
    """

    def __init__(
        self,
        module: str,
        request: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
        *,
        show_errors: bool = False,
    ) -> None:
        self._errors = None if show_errors else tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the child
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd="/",
            env={**package.environment(), **(environment or {})},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as stdin:  # its exit code says why it does not read
            stdin.write(json.dumps(request).encode())

    def lines(self) -> Iterator[bytes]:
        """The answer line by line, as it is written."""
        assert self._process.stdout is not None
        yield from self._process.stdout

    def read(self) -> bytes:
        """The whole answer; waits for the child to close its stdout."""
        assert self._process.stdout is not None
        return self._process.stdout.read()

    def wait(self) -> int:
        """Wait for the child to end and return its exit code; negative for the signal that ended it."""
        return self._process.wait()

    def last_error(self) -> str:
        """The last line that the child wrote to stderr, or "" where it wrote none."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def stop(self) -> None:
        """Kill the child and all processes that it started. May be called from any thread and more than once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
