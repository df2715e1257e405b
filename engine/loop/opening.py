"""The first events of an attempt: what it trains on, and how the arithmetic is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.contract.recipe.schema import Recipe
from engine.contract.run.events import Event, Message, RunStarted
from engine.data.load import DataSet
from engine.loop.decisions import Decisions
from engine.loop.setup import Setup
from engine.loop.trials import describe


def opening(
    setup: Setup, recipe: Recipe, data: DataSet, *, attempt: int, best_on: str, notes: Iterable[str] = ()
) -> Iterator[Event]:
    """The start of the run, then messages about the arithmetic, the teachers and the initial weights.

    Args:
        attempt: counted from 1.
        best_on: the images on which the best epoch is selected; "" if there is none.
        notes: further messages.
    """
    decisions = setup.decisions
    yield RunStarted(
        attempt=attempt,
        epochs=setup.epochs,
        steps_per_epoch=setup.steps,
        batch_size=recipe.batch_size,
        params=sum(parameter.numel() for parameter in setup.parameters),
        device=str(setup.device),
        device_name=decisions.device_name,
        precision=decisions.precision,
        compile=decisions.compile,
        graph=decisions.graph,
        channels_last=decisions.channels_last,
        threads=decisions.threads,
        classes=list(data.classes),
        train_images=len(setup.train),
        test_images=len(setup.test),
        holdout_images=len(setup.holdout or ()),
        best_on=best_on,
    )
    yield Message(text=arithmetic(decisions))
    initial = [setup.initial] if setup.initial else []
    yield from (Message(text=text) for text in (*(teacher.about for teacher in setup.teachers), *initial, *notes))


def arithmetic(decisions: Decisions) -> str:
    """How the arithmetic is done and why, and what the trials of this machine gave, in one line."""
    threads = "1 CPU thread" if decisions.threads == 1 else f"{decisions.threads} CPU threads"
    parts = [f"{decisions.precision}: {decisions.why}", threads, "TF32 off"]
    if decisions.graph:
        parts.append("each step is one CUDA graph")
    if decisions.micro_batch:
        gain = decisions.probe.get("micro_batch_gain")
        faster = f", {gain:.1f} times as fast as whole batches here" if gain else ""
        parts.append(f"in micro-batches of {decisions.micro_batch} images{faster}")
    if decisions.probe:
        parts.append(describe(decisions.probe))
    return "; ".join(parts)
