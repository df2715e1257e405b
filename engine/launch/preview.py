"""Pictures of what an augmentation does, made by `python -m engine.preview`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.contract.errors import BadInput
from engine.launch.piped import PipedChild

if TYPE_CHECKING:
    from engine.analysis.contact_sheet import ContactSheet


class Preview:
    """A sheet of pictures in the making.

    Args:
        request: what `engine.preview.read` takes.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._child = PipedChild("engine.preview", request)

    def sheet(self) -> ContactSheet:
        """Wait for the sheet.

        Raises:
            BadInput: there is none, with the last line of the child's stderr.
        """
        from engine.analysis.contact_sheet import ContactSheet

        answer = self._child.read()
        if code := self._child.wait():
            message = self._child.last_error().removeprefix("error: ")
            raise BadInput(message or f"the preview ended with exit code {code}")
        return ContactSheet.from_bytes(answer)

    def stop(self) -> None:
        """End it at once; whoever waits for the sheet gets a BadInput."""
        self._child.stop()
