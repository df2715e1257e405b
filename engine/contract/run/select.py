"""Find the run that the user refers to: a full id, its last four characters, a unique name, @last or @live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.contract.errors import BadInput, nearest
from engine.contract.run.folder import RUN_ID, RunFolder
from engine.contract.run.index import Index
from engine.contract.run.roots import is_run
from engine.contract.run.summary import Summary
from engine.contract.run.trash import trash_of
from engine.contract.text import one_line

SHOWN = 8  # most candidates listed in a message


def find(roots: Sequence[Path], ref: str, index: Index | None = None) -> RunFolder:
    """The run that `ref` refers to. A full id is found without reading other runs.

    Raises:
        BadInput: no run, or more than one; the message lists the candidates.
    """
    if RUN_ID.fullmatch(ref):  # nothing else is ever used as a path
        for root in roots:
            if is_run(root / ref):
                return RunFolder(root / ref)
    index = index or Index()
    rows = index.rows(roots)
    if ref == "@last":
        matches = rows[:1]
    elif ref == "@live":
        matches = [row for row in rows if row.live]
    else:
        matches = _named(ref, rows)
    matches = _distinct(matches, roots)
    if len(matches) == 1:
        return RunFolder(Path(matches[0].folder))
    if not matches and (deleted := _named(ref, index.rows([trash_of(root) for root in roots]))):
        titles = ", ".join(map(_title, deleted[:SHOWN]))
        raise BadInput(f"run {one_line(ref)!r} is in the trash: `cifar-tui runs restore` brings it back ({titles})")
    raise BadInput(_many(ref, matches) if matches else _none(roots, ref, rows))


def _distinct(matches: list[Summary], roots: Sequence[Path]) -> list[Summary]:
    """One row per run that is in several places: the live one, else the one under its own id in the first root."""
    places = [str(root) for root in roots]

    def rank(row: Summary) -> tuple[bool, bool, int]:
        parent = str(Path(row.folder).parent)
        return not row.live, row.id != row.origin, places.index(parent) if parent in places else len(places)

    found: dict[str, Summary] = {}
    for row in sorted(matches, key=rank):
        found.setdefault(row.origin, row)
    return [row for row in matches if row in found.values()]


def _named(ref: str, rows: list[Summary]) -> list[Summary]:
    """The runs with this id, these last four characters of it, or this name."""
    return [row for row in rows if ref and (ref in (row.id, row.name) or row.id[-4:] == ref.lower())]


def _many(ref: str, matches: list[Summary]) -> str:
    more = f" and {len(matches) - SHOWN} more" if len(matches) > SHOWN else ""
    return f"run {one_line(ref)!r} is ambiguous: " + ", ".join(map(_title, matches[:SHOWN])) + more


def _none(roots: Sequence[Path], ref: str, rows: list[Summary]) -> str:
    places = ", ".join(map(str, roots))
    if not rows:
        return f"run {one_line(ref)!r} not found: there are no runs in {places}"
    if ref == "@live":
        return "run '@live' not found: no run is live; @last is " + _title(rows[0])
    names = {row.name for row in rows if row.name} | {row.id for row in rows} | {row.id[-4:] for row in rows}
    hint = nearest(ref, [*sorted(names), "@last", "@live"])
    newest = ", ".join(map(_title, rows[:3]))
    return f"run {one_line(ref)!r} not found in {places}{hint} (newest: {newest})"


def _title(row: Summary) -> str:
    name = f" {one_line(row.name, 40)!r}" if row.name else ""
    return f"{row.id}{name} ({row.model or 'unreadable'}, {row.status})"
