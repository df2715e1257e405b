"""What `cifar-tui lr-find` does: sweep the learning rate of a recipe, draw the losses, name a rate and its command.

The sweep is a child process; this one imports no torch. stdout carries the result, progress goes to stderr.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer

from engine.analysis.lr_curve import Curve
from engine.contract.errors import BadInput
from engine.contract.run.events import Event, Failed, Phase, Step
from engine.contract.text import clean
from presets import loader
from presets.references import look_up
from tui.commands import output
from tui.commands.common import BAD_INPUT, FAILED, INTERRUPTED, print_json, print_lines, say, terminal_width
from tui.commands.output import rewrite_line
from tui.commands.trust import agreed
from tui.drawing.format import duration
from tui.drawing.rate_chart import rate_chart
from tui.plans.draft import from_flags
from tui.plans.plan import resets
from tui.plans.sweep import Job, Progress, Wanted, check, command, verdict

HEIGHT: Final = 16


def main(flags: Mapping[str, Any], roots: Sequence[Path], wanted: Wanted, *, as_json: bool) -> int:
    """Find a rate for what the flags ask for; the exit code. Raises BadInput before torch is imported anywhere."""
    preset = str(flags.get("preset") or "")
    if not preset:
        raise BadInput(f"lr-find needs --preset; there are {', '.join(info.name for info in loader.list_presets())}")
    found = look_up(preset, flags.get("parts", ()), roots)
    source, parts, own_parts = found.file, found.parts, found.own_parts
    draft = from_flags(flags)
    for line in resets(draft, source, parts):
        say(line)
    trust = bool(flags.get("trust_parts"))
    job = agreed(lambda ok: check(draft, source, wanted, roots, parts, own_parts, trust=ok), trust)
    if job.place.busy:
        say(f"warning: {job.place.busy}; the sweep shares it, and both are slower meanwhile")
    began, sweep = time.monotonic(), job.start()
    try:
        curve, ending, failed = follow(sweep.events(), job.guessing)
    except KeyboardInterrupt:
        say("stopped; nothing was kept")
        return INTERRUPTED
    finally:
        sweep.stop()
    if failed is not None:
        say(f"error: {clean(failed.message)}")
        return BAD_INPUT if failed.reason == "bad_input" else FAILED
    seconds = time.monotonic() - began
    if as_json:
        print_json(result(job, curve, ending, seconds))
    else:
        show(job, curve, ending, seconds)
    return 0


def follow(events: Iterable[Event], guessing: float) -> tuple[Curve, str, Failed | None]:
    """The curve, how the sweep ended, and what went wrong; progress on stderr, on one line of a terminal."""
    progress, live = Progress(guessing), sys.stderr.isatty()
    for event in events:
        progress.take(event)
        if isinstance(event, Step) and live:
            rewrite_line(progress.state)
        elif isinstance(event, Phase):
            say(clean(progress.state))
    if live and progress.rates:
        rewrite_line("")
    return progress.curve(), progress.state, progress.failed


def result(job: Job, curve: Curve, ending: str, seconds: float) -> dict[str, Any]:
    """The one JSON object: the suggestion, its rule, and the whole curve."""
    return {
        "preset": job.draft.preset,
        "suggestion": curve.suggestion,
        "rule": curve.rule,
        "edge": curve.edge,
        "lowest": curve.lowest,
        "steepest": curve.steepest,
        "command": command(job.draft, curve.suggestion) if curve.found else "",
        "ending": ending,
        "device": job.place.device,
        "seconds": seconds,
        "rates": list(curve.rates),
        "losses": list(curve.losses),
        "smoothed": list(curve.smoothed),
    }


def show(job: Job, curve: Curve, ending: str, seconds: float) -> None:
    """The plot, the verdict, the command."""
    width, glyphs = terminal_width(), output.glyphs()
    print_lines(rate_chart(curve, job.span.low, job.span.high, width, HEIGHT, glyphs), glyphs)
    typer.echo(f"\n{clean(ending)}; {duration(seconds)} on {job.place.device}\n")
    for line in verdict(curve):
        typer.echo(line)
    if curve.found:
        typer.echo(f"\n{command(job.draft, curve.suggestion)}")
    else:
        typer.echo(f"try more steps (--steps {2 * len(curve.rates)}), a larger batch or a narrower range")
