"""Render the workbench on one of your runs as SVG: `python tools/screenshot.py RUN docs/dashboard.svg [120x40]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from engine.contract.run.store import find, runs_root
from tui.app import Workbench
from tui.session import Session


async def shoot(run: str, out: Path, size: tuple[int, int]) -> None:
    root = runs_root()
    session = Session([root])
    session.selected = find([root], run)
    app = Workbench(session, start_mode="dashboard")
    async with app.run_test(size=size):
        await asyncio.sleep(4.0)  # the tail is painted first, the rest of the run follows
        app.save_screenshot(str(out))


if __name__ == "__main__":
    columns, rows = (sys.argv[3] if len(sys.argv) > 3 else "120x40").split("x")
    asyncio.run(shoot(sys.argv[1], Path(sys.argv[2]), (int(columns), int(rows))))
