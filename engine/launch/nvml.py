"""NVIDIA's management library, wrapped so that a failed query returns None instead of raising.

Many queries can fail: a machine whose CPU and GPU share their memory does not report it, a GPU that has fallen off the
bus answers nothing, a container may forbid listing processes. None of that may end a program.
"""

from __future__ import annotations

from typing import Any, Final

ABSENT: Final = ("NVMLError_LibraryNotFound", "NVMLError_DriverNotLoaded")
"""The errors of a machine without an NVIDIA driver, which is a normal state."""


class Driver:
    """One session with the driver, from the constructor to `close`.

    `problem` says why the driver cannot be used ("" if it can), `absent` whether that is because the machine has none,
    and `refusal` why the latest query failed.
    """

    def __init__(self) -> None:
        self._nvml: Any = None
        self.problem = self.refusal = ""
        self.absent = False
        try:
            import pynvml  # takes 0.25 s without a driver, so only when needed

            pynvml.nvmlInit()
            self._nvml = pynvml
        except Exception as error:  # a library that is missing, of another version, or without permission
            self.problem = _words(error)
            self.absent = type(error).__name__ in ABSENT

    def ask(self, function: str, *arguments: Any) -> Any:
        """The result of an NVML function, or None if it fails; `refusal` then says why."""
        self.refusal = self.problem
        if self._nvml is None:
            return None
        try:
            return getattr(self._nvml, function)(*arguments)
        except Exception as error:  # NVMLError, and what an older driver or a name that is not UTF-8 raises in pynvml
            self.refusal = _words(error)
            return None

    def close(self) -> None:
        """End the session; later queries return None."""
        self.ask("nvmlShutdown")
        self._nvml, self.problem = None, "the session with the driver has ended"


def text(value: str | bytes | None) -> str:
    """A string from NVML (bytes in older versions); "" for None."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
