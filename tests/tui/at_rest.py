"""Waits until an app is at rest: every message is handled, the screen is drawn, nothing moves, and no worker is at work.

Textual's pilot takes a process for idle that has used no CPU time for 20 ms, twice for each key. That is long for the
thousands of keys of these tests, and too short where other programs use all of the CPU.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

from textual import _wait
from textual.app import App, ScreenStackError, active_app
from textual.timer import Timer
from textual.worker import WorkerState

MOST_FRAMES = 100
OPENING_SECONDS = 20.0
"""How long a busy machine may take to read the runs before the first screen opens."""


async def at_rest(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Takes the place of Textual's `wait_for_idle`. Workers run in threads: while there are any, its measure is taken."""
    app = active_app.get()
    opened = time.monotonic() + OPENING_SECONDS
    while any(worker.group == "scan" and not worker.is_finished for worker in app.workers):
        assert time.monotonic() < opened, "the workbench does not open"
        await asyncio.sleep(0.01)
    for _ in range(MOST_FRAMES):
        await handled()
        if drawn(app):
            continue
        if app._batch_count or getattr(app, "_kept", ()):  # a new screen is drawn, or gets its keys, a little later
            await asyncio.sleep(0.01)
        elif app.animator._complete_event.is_set():
            break
        else:
            await app.animator.wait_until_complete()
    if any(worker.state in (WorkerState.PENDING, WorkerState.RUNNING) for worker in app.workers):
        await _wait.wait_for_idle(min_sleep, max_sleep)


async def handled(most: int = 1000) -> None:
    """Wait until every message has been handled, with all that followed from it: then no task is ready to go on."""
    ready: Any = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    for _ in range(most):
        await asyncio.sleep(0)
        if not ready:
            break


def drawn(app: App[Any]) -> bool:
    """Pass on another size, or draw what waits for the next frame; returns whether there was anything to do."""
    with suppress(ScreenStackError):
        if app._resize_event is not None:
            app._check_resize()
            return True
        screen = app.screen
        waits = screen._layout_required or screen._scroll_required or screen._repaint_required
        waits = waits or screen._recompose_required or bool(screen._dirty_widgets) or bool(screen._callbacks)
        if waits and screen.is_current and not app._batch_count:
            screen._on_timer_update()
            return True
    return False


def coming(app: App[Any]) -> list[Timer]:
    """The timers of the screen that will go off once, such as that of pictures which wait for the last key."""
    pumps = [app, *app.screen.walk_children(with_self=True)]
    return [
        timer
        for pump in pumps
        for timer in pump._timers
        if timer._repeat == 0 and timer._task and not timer._task.done()
    ]
