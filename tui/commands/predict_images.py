"""Predict further test sets with runs: checks first, then one process with torch for each run, then its results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import typer

from engine.analysis.further import to_json
from engine.contract.errors import BadInput
from engine.contract.run import own_code
from engine.contract.run.predicted import Predicted, entry_in
from engine.contract.text import file_size
from engine.data.given.hashes import identity
from engine.data.given.shown import cache_file, remember
from engine.launch.piped import PipedChild
from engine.predict.asked import Asked, plan
from tui.commands.common import BAD_INPUT, FAILED, INTERRUPTED, print_json, print_table, print_text, say
from tui.commands.output import rewrite_line
from tui.commands.trust import agreed
from tui.drawing.further_sets import CORRUPTION_NOTE, corruption_table, sentence

if TYPE_CHECKING:
    from engine.contract.run.folder import RunFolder

SLOW_TO_HASH: Final = 100 << 20
"""Bytes of files from which the progress of their SHA-256 is shown."""


def predict_all(runs: Sequence[RunFolder], asked: Asked, *, again: bool, trust: bool, as_json: bool) -> None:
    """Predict with each run what is not done already, and print the results.

    Raises:
        BadInput: something does not fit; then nothing has been computed for any run.
        SystemExit: a process failed; it has printed the reason.
    """
    planned = plan(runs, asked, again=again, progress=_hashing)
    pending = [one.run for one in planned if one.done is None]
    environment = own_code.environment(agreed(lambda trusted: own_code.approve(pending, trusted), trust))
    try:
        for one in planned:
            remember(identity(one.asked.files), asked.source, asked.labels, asked.data_dir)
    except OSError as error:
        say(f"Inspect will show no images of this set: {cache_file()} cannot be written ({error.strerror})")
    found = []
    for one in planned:
        entry = one.done or _predicted(one.run, one.asked, environment)
        for note in entry.notes:
            say(f"{one.run.id}: {note}")
        found.append({"id": one.run.id, "computed": one.done is None} | to_json(entry))
        if not as_json:
            _print(one.run, entry, stored=one.done is not None)
    if as_json:
        print_json(found)


def _hashing(done: int, total: int) -> None:
    """Progress while large files are read; nothing if stderr is not a terminal."""
    if total > SLOW_TO_HASH:
        rewrite_line(f"SHA-256: {file_size(done)} of {file_size(total)}" if done < total else "")


def _predicted(run: RunFolder, asked: Asked, environment: Mapping[str, str]) -> Predicted:
    """Let a process that imports torch predict. Raises SystemExit if it fails; its stderr is ours."""
    child = PipedChild("engine.predict.child", asdict(asked), environment, show_errors=True)
    stem = ""
    try:
        for line in child.lines():
            message = json.loads(line)
            stem = message.get("stem", stem)
            if "done" in message:
                rewrite_line(f"{run.id[-4:]} {message['what']}: {message['done']:,} of {message['of']:,} images")
        code = child.wait()
    finally:
        child.stop()
        rewrite_line("")
    if code:
        raise SystemExit(code if code in (BAD_INPUT, INTERRUPTED) else FAILED)
    entry = entry_in(run.predicted / f"{stem}.json")
    if entry is None:
        raise BadInput(f"run {run.id}: what was written into {run.predicted} cannot be read")
    return entry


def _print(run: RunFolder, entry: Predicted, *, stored: bool) -> None:
    typer.echo(f"{run.id[-4:]}  {sentence(entry)}{', stored earlier' * stored}")
    if entry.corrupted:
        table = corruption_table(entry)
        heads = [column.head for column in table.columns]
        print_table(heads, table.rows, right=heads[1:])
        print_text(CORRUPTION_NOTE)
