"""The work of `cifar-tui lr-find`: sweep the learning rate, plot the losses, print a rate and the command that uses it.

The sweep is a child process; this one does not import torch. The result goes to stdout, progress to stderr.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer

from engine.analysis.lr_curve import LrCurve
from engine.contract.errors import BadInput
from engine.contract.run.events import Event, Failed, Phase, Step
from engine.contract.text import clean
from presets import loader
from presets.references import look_up
from tui.commands import output, svg_file
from tui.commands.common import BAD_INPUT, FAILED, INTERRUPTED, print_json, print_lines, say, terminal_width
from tui.commands.output import rewrite_line
from tui.commands.trust import agreed
from tui.drawing.format import duration
from tui.drawing.rate_chart import rate_chart, sweep_chart
from tui.drawing.svg import chart_part
from tui.plans.draft import from_flags
from tui.plans.resolution import Resolver
from tui.plans.sweep import SweepPlan, SweepProgress, SweepRange, command, plan_sweep, suggestions

HEIGHT: Final = 16


def main(
    flags: Mapping[str, Any], roots: Sequence[Path], wanted: SweepRange, svg: Path | None, *, trust: bool, as_json: bool
) -> int:
    """Find a learning rate for the recipe that the flags ask for.

    Args:
        flags: values by the names in `tui.plans.flags.FLAGS`.
        svg: the file for the plot.
        trust: run the code that another run brings along without asking.

    Returns:
        The exit code.

    Raises:
        BadInput: before any process imports torch.
    """
    if svg is not None:
        svg_file.check(svg, "--svg")
    preset = str(flags.get("preset") or "")
    if not preset:
        names = ", ".join(info.name for info in loader.list_presets())
        raise BadInput(f"lr-find needs --preset; available: {names}")
    source = look_up(preset, flags.get("parts", ()), roots)
    found = Resolver(source.parts).take(from_flags(flags), source.file)
    for line in found.resets():
        say(line)
    planned = agreed(lambda ok: plan_sweep(found, wanted, roots, source.own_parts, trust=ok), trust)
    if planned.place.busy:
        say(f"warning: {planned.place.busy}; the sweep shares it, and both run slower")
    began, sweep = time.monotonic(), planned.start()
    try:
        curve, ending, failed = follow(sweep.events(), planned.guessing)
    except KeyboardInterrupt:
        say("stopped; no result")
        return INTERRUPTED
    finally:
        sweep.stop()
    if failed is not None:
        say(f"error: {clean(failed.message)}")
        return BAD_INPUT if failed.reason == "bad_input" else FAILED
    seconds = time.monotonic() - began
    if svg is not None:
        svg_file.save([chart_part(sweep_chart(curve, planned.span.low, planned.span.high))], svg, "--svg")
    if as_json:
        print_json(result(planned, curve, ending, seconds))
    else:
        show(planned, curve, ending, seconds)
    return 0


def follow(events: Iterable[Event], guessing: float) -> tuple[LrCurve, str, Failed | None]:
    """Follow a sweep to its end: the curve, how it ended, and its failure. Prints progress to stderr."""
    progress, live = SweepProgress(guessing), sys.stderr.isatty()
    for event in events:
        progress.take(event)
        if isinstance(event, Step) and live:
            rewrite_line(progress.state)
        elif isinstance(event, Phase):
            say(clean(progress.state))
    if live and progress.rates:
        rewrite_line("")
    return progress.curve(), progress.state, progress.failed


def result(planned: SweepPlan, curve: LrCurve, ending: str, seconds: float) -> dict[str, Any]:
    """The JSON output: the suggestion, its rule, and the whole curve."""
    return {
        "preset": planned.draft.preset,
        "suggestion": curve.suggestion,
        "rule": curve.rule,
        "edge": curve.edge,
        "lowest": curve.lowest,
        "steepest": curve.steepest,
        "command": command(planned.draft, curve.suggestion) if curve.found else "",
        "ending": ending,
        "device": planned.place.device,
        "seconds": seconds,
        "rates": list(curve.rates),
        "losses": list(curve.losses),
        "smoothed": list(curve.smoothed),
    }


def show(planned: SweepPlan, curve: LrCurve, ending: str, seconds: float) -> None:
    """Print the plot, the suggestions, and the command that uses the first."""
    width, glyphs = terminal_width(), output.glyphs()
    print_lines(rate_chart(curve, planned.span.low, planned.span.high, width, HEIGHT, glyphs), glyphs)
    typer.echo(f"\n{clean(ending)}; {duration(seconds)} on {planned.place.device}\n")
    for line in suggestions(curve):
        typer.echo(line)
    if curve.found:
        typer.echo(f"\n{command(planned.draft, curve.suggestion)}")
    else:
        typer.echo(f"try more steps (--steps {2 * len(curve.rates)}), a larger batch, or a narrower range")
