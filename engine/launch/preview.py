"""Pictures of what an augmentation does, `python -m engine.preview`, as a child behind pipes. No torch here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.contract.errors import BadInput
from engine.launch import package

if TYPE_CHECKING:
    from engine.analysis.sheet import Sheet


class Preview:
    """A sheet in the making."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        """Start it. `request` is what `engine.preview.read` takes."""
        self._request = json.dumps(request).encode()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine.preview"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=package.environment(),
            start_new_session=True,  # Ctrl-C in the terminal is for whoever started it
        )

    def sheet(self) -> Sheet:
        """Wait for it. Raises BadInput with what it said last where there is none."""
        from engine.analysis.sheet import Sheet

        out, said = self._process.communicate(self._request)
        if code := self._process.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            last = lines[-1].removeprefix("error: ") if lines else f"the preview ended with exit code {code}"
            raise BadInput(last)
        return Sheet.from_bytes(out)

    def stop(self) -> None:
        """End it at once; whoever waits for the sheet gets a BadInput."""
        with suppress(ProcessLookupError):
            self._process.kill()
