"""`cifar-tui --preset P --headless`: start runs without a screen and, unless detached, watch them to their end.

The viewer is only a viewer: a hang-up or a closed stdout ends it and leaves the run going. stdout carries one final
line a run, or with --json one object an event and then the result; everything for people goes to stderr.
"""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

import typer

from engine.contract.errors import BadInput
from engine.contract.run import events
from engine.contract.run.status import Status
from engine.contract.run.store import RunFolder, summarize
from engine.contract.run.teacher import with_teacher
from engine.contract.text import one_line
from engine.launch import control, watch
from presets import loader
from presets.references import look_up
from tui.commands.accuracy import accuracy_details
from tui.commands.common import FAILED, print_json, say
from tui.commands.output import OutputLost
from tui.commands.trust import agreed
from tui.drawing.figures import extra_accuracies
from tui.drawing.format import duration, learning_rate, number, percent, work
from tui.plans.draft import from_flags
from tui.plans.plan import launch, plan, resets

EXIT: Final = {"finished": 0, "stopped": 130, "preempted": 143}
"""By status; all others are 1."""


def main(flags: Mapping[str, Any], roots: Sequence[Path], *, detach: bool, dry_run: bool, as_json: bool) -> int:
    """Start what the flags ask for. Returns the exit code. Raises BadInput before anything is written."""
    preset = str(flags.get("preset") or "")
    if not preset:
        names = ", ".join(info.name for info in loader.list_presets())
        raise BadInput(f"--headless needs --preset; there are {names}")
    found = look_up(preset, flags.get("parts", ()), roots)
    source, parts, own_parts = found.file, found.parts, found.own_parts
    draft = from_flags({**flags, "parts": own_parts})
    for line in resets(draft, source, parts):
        say(line)
    if dry_run:
        fitted, note = draft.fitted(source, parts)
        recipe, _ = with_teacher(fitted, roots, parts)
        if note:
            say(note)
        if as_json:
            print_json({"recipe_id": recipe.recipe_id, "recipe": recipe.to_table()})
        else:
            typer.echo(recipe.to_toml(), nl=False)
        return 0
    trust = bool(flags.get("trust_parts"))
    planned = agreed(lambda ok: plan(draft, source, roots[0], parts, own_parts, roots, trust=ok), trust)
    if planned.note:
        say(planned.note)
    runs = launch(planned)
    if detach:
        if as_json:
            print_json([{"id": run.id, "folder": str(run.path)} for run in runs])
        else:
            for run in runs:
                typer.echo(run.id)
        return 0
    return view(runs, as_json=as_json)


def view(runs: Sequence[RunFolder], *, as_json: bool) -> int:
    """Follow runs one after another to their end; the worst exit code of them."""
    codes = [0]
    with _Interrupts(runs) as interrupts:
        for run in runs:
            interrupts.current = run
            code = _follow(run, as_json)
            codes.append(interrupts.code or code)
    return max(codes)


def _follow(run: RunFolder, as_json: bool) -> int:
    say(f"run {run.id}  {run.path}")
    try:
        for event in watch.follow(run):
            if as_json and not isinstance(event, Status):
                typer.echo(events.encode(event))
            line = describe(event)
            if line:
                say(line)
    except OutputLost as lost:
        return _left(run, lost)
    result = result_of(run)
    if as_json:
        print_json(result)
    else:
        typer.echo(final_line(result, accuracy_details(run), estimated=summarize(run).estimated))
    if result["status"] in ("failed", "lost") and result["message"]:
        say(f"error: {one_line(str(result['message']))}")
    return EXIT.get(str(result["status"]), 1)


def _left(run: RunFolder, lost: OutputLost) -> int:
    """The viewer's exit code when nobody reads any more (0), or nothing can be written: the run goes on."""
    if lost.unread:
        return 0
    say(f"error: {lost}; the run goes on: cifar-tui runs watch {run.id}")
    return FAILED


def result_of(run: RunFolder) -> dict[str, Any]:
    """The last object of a run, on failure too."""
    summary = summarize(run)
    return {
        "event": "result",
        "id": run.id,
        "folder": str(run.path),
        "status": summary.status,
        "reason": summary.reason,
        "message": summary.message,
        "epochs": summary.epoch,
        "last_accuracy": summary.last_accuracy,
        "best_accuracy": summary.best_accuracy,
        "best_on": summary.best_on,
        "weights": summary.weights,
        "seconds": summary.seconds,
    }


def final_line(result: Mapping[str, Any], about_last: Sequence[str] = (), *, estimated: bool = False) -> str:
    """One line that ends a run on a terminal.

    Args:
        about_last: what is to be said about the last accuracy, which it follows.
        estimated: the time was judged by wall clocks.
    """
    count = result["epochs"]
    parts = [
        result["id"],
        f"{result['status']}{' (' + result['reason'] + ')' if result['reason'] else ''}",
        "1 epoch" if count == 1 else f"{count} epochs",
    ]
    if result["last_accuracy"] is not None:  # a run may end before it was ever tested
        best = "best on holdout" if result["best_on"] == "holdout" else "best-on-test"
        averaged = [] if result["weights"] == "raw" else [f"of {str(result['weights']).upper()} weights"]
        parts.append(" ".join([f"last {percent(result['last_accuracy'])} %", *averaged, *about_last]))
        parts.append(f"{best} {percent(result['best_accuracy'])} %")
    return "  ".join([*parts, work(result["seconds"], estimated)])


def describe(event: events.Event | Status) -> str:
    """An event or a new status as a line for people; "" for those that only a screen shows."""
    match event:
        case Status(state="queued"):
            place = f", number {event.place} in line" if event.place else ""
            return f"waiting for a device{place}{': ' + one_line(event.note) if event.note else ''}"
        case Status(reason="supervisor_lost" | "moved", live=True):
            return f"warning: {one_line(event.message)}"
        case events.RunStarted():
            return (
                f"attempt {event.attempt}: {event.params:,} parameters on "
                f"{one_line(event.device_name or event.device)}, {one_line(event.precision)}, "
                f"{event.train_images:,} images, {event.steps_per_epoch} steps an epoch, "
                f"{event.test_images:,} to test with"
            )
        case events.Phase() if event.name not in ("training", "evaluating", "saving"):
            return f"{one_line(event.name)}{': ' + one_line(event.note) if event.note else ''}"
        case events.Epoch():
            star = "*" if event.train_mixed else " "
            clean_train = "" if math.isnan(event.clean_train_accuracy) else percent(event.clean_train_accuracy)
            figures = [*extra_accuracies(event), *([f"clean train {clean_train}"] if clean_train else [])]
            more = "".join(f"{figure} %  " for figure in figures)
            return (
                f"epoch {event.epoch:4d}  train{star} {number(event.train_loss)}  test {number(event.test_loss)}  "
                f"{percent(event.test_accuracy):>6} %  {more}lr {learning_rate(event.lr)}  "
                f"{event.images_per_second:,.0f} img/s  {duration(sum(event.seconds.values()))}"
            )
        case events.Message():
            return f"{one_line(event.level)}: {one_line(event.text)}"
        case events.Resumed():
            return (
                f"resumed at epoch {event.epoch}, step {event.step}{'' if event.exact else ': ' + one_line(event.why)}"
            )
        case _:
            return ""


class _Interrupts:
    """What signals mean to a viewer.

    First Ctrl-C: stop with a checkpoint (130). Second: ask for kill. SIGTERM: forward a stop (143). SIGHUP: leave.
    """

    def __init__(self, runs: Sequence[RunFolder]) -> None:
        self._runs = runs
        self.current: RunFolder | None = None
        self.code = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Interrupts:
        for number_, handler in ((signal.SIGINT, self._on_interrupt), (signal.SIGTERM, self._on_terminate)):
            self._before[number_] = signal.signal(number_, handler)
        self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._on_hangup)
        return self

    def __exit__(self, *_: object) -> None:
        for number_, handler in self._before.items():
            signal.signal(number_, handler)

    def _all(self, act: Callable[[RunFolder], object]) -> None:
        for run in self._runs:
            if run.status().live:
                with suppress(BadInput):  # it ended between the look and the act
                    act(run)

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self.code == 0:
            self.code = EXIT["stopped"]
            say("stopping after this step, with a checkpoint; Ctrl-C again to kill")
            self._all(control.stop)
            return
        if sys.stdin.isatty():
            sys.stderr.write("kill now and lose what is since the last checkpoint? [y/N] ")
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                return
        self._all(control.kill)

    def _on_terminate(self, _signal: int, _frame: FrameType | None) -> None:
        self.code = EXIT["preempted"]
        self._all(control.stop)

    def _on_hangup(self, _signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)  # only the viewer ends
