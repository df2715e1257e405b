"""The sections of the workbench. This module imports nothing, since the first frame is painted from it."""

from __future__ import annotations

from typing import Final

MODES: Final[dict[str, str]] = {
    "dashboard": "Dashboard",
    "results": "Results",
    "compare": "Compare",
    "new_run": "New run",
    "queue": "Queue",
    "inspect": "Inspect",
}
"""The six sections with their titles, in the order of their number keys."""
