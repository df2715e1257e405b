"""NVIDIA's management library, asked so that a refusal is an answer and never an exception.

Drivers refuse more than one would think: a machine whose CPU and GPU share their memory does not report it, a card that
has fallen off the bus answers nothing, a container may forbid to list processes. None of that may end a program.
"""

from __future__ import annotations

from typing import Any, Final

ABSENT: Final = ("NVMLError_LibraryNotFound", "NVMLError_DriverNotLoaded")
"""How a machine without an NVIDIA driver answers, which is a state like any other."""


class Driver:
    """One session with the driver, from the constructor to `close`.

    `problem` says why there is no driver to ask ("" where there is one), `absent` whether that is only because the
    machine has none, and `refusal` why the latest question had no answer.
    """

    def __init__(self) -> None:
        self._nvml: Any = None
        self.problem = self.refusal = ""
        self.absent = False
        try:
            import pynvml  # a quarter of a second on machines without a driver, so only where a GPU is asked for

            pynvml.nvmlInit()
            self._nvml = pynvml
        except Exception as error:  # a library that is missing, of another version, or without permission
            self.problem = _words(error)
            self.absent = type(error).__name__ in ABSENT

    def ask(self, question: str, *arguments: Any) -> Any:
        """The driver's answer to one of NVML's questions, or None where it has none; `refusal` then says why."""
        self.refusal = self.problem
        if self._nvml is None:
            return None
        try:
            return getattr(self._nvml, question)(*arguments)
        except Exception as error:  # NVMLError, and what an older driver or a name that is not UTF-8 raises in pynvml
            self.refusal = _words(error)
            return None

    def close(self) -> None:
        """End the session; later questions have no answer."""
        self.ask("nvmlShutdown")
        self._nvml, self.problem = None, "the session with the driver is over"


def text(value: str | bytes | None) -> str:
    """A name as NVML gives it (older versions give bytes); "" where there was no answer."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
