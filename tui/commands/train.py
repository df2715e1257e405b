"""`cifar-tui --preset P --headless`: start runs without a screen and, unless detached, follow them to their end.

Following is only viewing: where the terminal hangs up or stdout is closed, the viewer ends and the run continues.
stdout receives one final line per run, or with --json one object per event and then the result; all other text goes
to stderr.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer

from engine.contract.errors import BadInput
from engine.contract.run import events, own_code
from engine.contract.run.event_file import encode
from engine.contract.run.initial import Initial, with_initial
from engine.contract.run.status import Status
from engine.contract.run.store import RunFolder, summarize
from engine.contract.run.teacher import with_teacher
from engine.contract.text import one_line
from engine.contract.values import build
from engine.launch import watch
from engine.launch.incoming import check_initial
from presets import loader
from presets.references import look_up
from tui.commands.accuracy import accuracy_details
from tui.commands.common import FAILED, print_json, say
from tui.commands.interrupts import PREEMPTED, STOPPED, Interrupts
from tui.commands.output import OutputLost
from tui.commands.trust import agreed
from tui.drawing.figures import extra_accuracies
from tui.drawing.format import duration, learning_rate, number, percent, place_in_line, work
from tui.drawing.memory import memory_data, memory_words
from tui.plans.draft import from_flags
from tui.plans.jobs import script_of
from tui.plans.memory import cards_here, memory_of
from tui.plans.plan import launch, plan
from tui.plans.resolution import Resolution, Resolver

EXIT: Final = {"finished": 0, "stopped": STOPPED, "preempted": PREEMPTED}
"""The exit code by the status of a run; every other status exits with 1."""


def main(
    flags: Mapping[str, Any], roots: Sequence[Path], *, trust: bool, detach: bool, dry_run: bool, as_json: bool
) -> int:
    """Start the runs that the flags ask for.

    Args:
        flags: values by the names in `tui.plans.flags.FLAGS`.
        roots: folders with runs; new runs go to the first.
        trust: run the code that another run brings along without asking.
        detach: print the ids of the runs and return.
        dry_run: print the resolved recipe and start nothing.

    Returns:
        The exit code.

    Raises:
        BadInput: before anything is written.
    """
    preset = str(flags.get("preset") or "")
    if not preset:
        names = ", ".join(info.name for info in loader.list_presets())
        raise BadInput(f"--headless needs --preset; available: {names}")
    source = look_up(preset, flags.get("parts", ()), roots)
    draft = from_flags({**flags, "parts": source.own_parts})
    found = Resolver(source.parts).take(draft, source.file)
    for line in found.resets():
        say(line)
    if dry_run:
        left_out = agreed(lambda ok: _left_out(found, roots, source.own_parts, ok), trust)
        return _print_dry_run(found, roots, left_out, as_json)
    planned = agreed(lambda ok: plan(found, roots[0], source.own_parts, roots, trust=ok), trust)
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


def _left_out(found: Resolution, roots: Sequence[Path], own_parts: Sequence[str], trust: bool) -> str:
    """What the model will not take of the initial weights; "" for nothing. Raises Untrusted before code is executed."""
    recipe, initial = with_initial(found.recipe, roots)
    if initial:
        own_code.approve(own_code.brought_by(own_parts), trust)
    return check_initial(recipe, initial, found.parts, own_parts)


def _print_dry_run(found: Resolution, roots: Sequence[Path], left_out: str, as_json: bool) -> int:
    """The output of a dry run: the recipe; for Slurm, the script of a job instead, or with --json both.

    The GPU memory that the run would take goes to stderr, or into the JSON object.

    Args:
        left_out: what the model will not take of the initial weights.
    """
    recipe, _ = with_teacher(found.recipe, roots, found.parts)
    recipe, initial = with_initial(recipe, roots)
    if initial:
        say(f"starts from {build(Initial, initial).words()}" + (f"; {left_out}" if left_out else ""))
    cards = cards_here()
    memory = memory_of(recipe, found.draft.place.get("gpus", ""), len(cards), found.parts)
    script = script_of(found.draft, roots[0])
    if found.note:
        say(found.note)
    if as_json:
        of_job = {"script": script} if script else {}
        starts = {"initial": initial} if initial else {}
        facts = {"recipe_id": recipe.recipe_id, "recipe": recipe.to_table(), "memory": memory_data(memory, cards)}
        print_json(facts | starts | of_job)
    else:
        say(memory_words(memory))
        typer.echo(script or recipe.to_toml(), nl=False)
    return 0


def view(runs: Sequence[RunFolder], *, as_json: bool) -> int:
    """Follow runs one after another to their end. Returns the highest of their exit codes."""
    codes = [0]
    with Interrupts(runs) as interrupts:
        for run in runs:
            code = _follow(run, as_json)
            codes.append(interrupts.code or code)
    return max(codes)


def _follow(run: RunFolder, as_json: bool) -> int:
    say(f"run {run.id}  {run.path}")
    try:
        for event in watch.follow(run):
            if as_json and not isinstance(event, Status):
                typer.echo(encode(event))
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
    """The viewer's exit code where its output cannot be written: 0 if the reader is gone. The run continues."""
    if lost.unread:
        return 0
    say(f"error: {lost}; the run continues: cifar-tui runs watch {run.id}")
    return FAILED


def result_of(run: RunFolder) -> dict[str, Any]:
    """The last JSON object of a run, also of a failed one."""
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
        "best_on": summary.best_on or None,
        "weights": summary.weights,
        "seconds": summary.seconds,
    }


def final_line(result: Mapping[str, Any], about_last: Sequence[str] = (), *, estimated: bool = False) -> str:
    """The line that ends the output of a run.

    Args:
        about_last: remarks on the last accuracy, which they follow.
        estimated: the time is an estimate from wall clocks.
    """
    count = result["epochs"]
    parts = [
        result["id"],
        f"{result['status']}{' (' + result['reason'] + ')' if result['reason'] else ''}",
        "1 epoch" if count == 1 else f"{count} epochs",
    ]
    if result["last_accuracy"] is not None:  # a run may end before its first test
        averaged = [] if result["weights"] == "raw" else [f"of {str(result['weights']).upper()} weights"]
        parts.append(" ".join([f"last {percent(result['last_accuracy'])} %", *averaged, *about_last]))
    if result["best_accuracy"] is not None:  # None, too, for a run that is tested only at its end
        best = "best on holdout" if result["best_on"] == "holdout" else "best-on-test"
        parts.append(f"{best} {percent(result['best_accuracy'])} %")
    return "  ".join([*parts, work(result["seconds"], estimated)])


def describe(event: events.Event | Status) -> str:
    """An event or a new status as one line of text; "" for those that only a screen shows."""
    match event:
        case Status(state="queued"):
            place = f", {place_in_line(event.place)}" if event.place else ""
            return f"waiting for a device{place}{': ' + one_line(event.note) if event.note else ''}"
        case Status(reason="supervisor_lost" | "moved", live=True):
            return f"warning: {one_line(event.message)}"
        case events.RunStarted():
            return (
                f"attempt {event.attempt}: {event.params:,} parameters on "
                f"{one_line(event.device_name or event.device)}, {one_line(event.precision)}, "
                f"{event.train_images:,} training images, {event.steps_per_epoch} steps per epoch, "
                f"{event.test_images:,} test images"
            )
        case events.Phase() if event.name not in ("training", "evaluating", "saving"):
            return f"{one_line(event.name)}{': ' + one_line(event.note) if event.note else ''}"
        case events.Epoch():
            star = "*" if event.train_mixed else " "
            clean_train = "" if math.isnan(event.clean_train_accuracy) else percent(event.clean_train_accuracy)
            figures = [*extra_accuracies(event), *([f"clean train {clean_train}"] if clean_train else [])]
            more = "".join(f"{figure} %  " for figure in figures)
            tested = not math.isnan(event.test_accuracy)  # else no test was due after this epoch
            test = f"test {number(event.test_loss)}  {percent(event.test_accuracy):>6} %  " if tested else ""
            return (
                f"epoch {event.epoch:4d}  train{star} {number(event.train_loss)}  {test}{more}"
                f"lr {learning_rate(event.lr)}  "
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
