"""The lines of Queue: its columns, one run, what is said of the chosen one, and the runs that have ended lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.contract.run.store import Summary
from tui.drawing.format import NONE
from tui.drawing.lines import Line, clip, fit, heading, wrap
from tui.drawing.queue_table import HANDED_OVER, HEADS, HOLDING, RIGHT, Queued, ended_table
from tui.drawing.status_line import STATE_GLYPHS

_WIDTHS: Final = {"place": 6, "run": 4, "recipe": 16, "seed": 4, "device": 11, "for": 8}
"""Cells of the columns that every terminal has; the state has the rest."""
_ROOMY, _WIDE = 100, 140
"""Widths from which there are columns for the epoch and the end, and for the changes to the preset."""
_MARKS: Final = 2  # the cursor and the mark of a run
_GAP: Final = 2


def widths_at(width: int) -> dict[str, int]:
    """The columns of a list of this width with their cells, in order."""
    found = dict(_WIDTHS)
    if width >= _ROOMY:
        found |= {"recipe": 20, "device": 15, "epoch": 8, "ends": 6}
    if width >= _WIDE:
        found |= {"recipe": 24, "changes": 22, "device": 24}
    used = _MARKS + sum(found.values()) + _GAP * len(found)
    found["state"] = max(width - used - 1, 0)
    return {head: found[head] for head in HEADS if head in found}


def head_line(width: int) -> Line:
    """The heads of the columns."""
    cells = [_fitted(head, "id" if head == "run" else head, cells) for head, cells in widths_at(width).items()]
    return [(" " * _MARKS + (" " * _GAP).join(cells), "dim")]


def run_line(one: Queued, cells: Sequence[str], width: int, at_cursor: bool) -> Line:
    """One run: its place in line, its devices, for how long it has had or wanted them, and what it does.

    Args:
        cells: its row in the table of its section.
    """
    by_head = dict(zip(HEADS, cells, strict=True))
    line: Line = [("▸" if at_cursor else " ", "mark"), (one.mark, one.role)]
    roles = _roles(one, at_cursor)
    for i, (head, room) in enumerate(widths_at(width).items()):
        line += [(" " * _GAP if i else "", ""), (_fitted(head, _short(head, by_head[head], room), room), roles[head])]
    return line


def _roles(one: Queued, at_cursor: bool) -> Mapping[str, str]:
    plain = "strong" if at_cursor else ""
    state = "dim" if one.ticket.supervised else "bad"
    return {
        **dict.fromkeys(HEADS, "dim"),
        "place": "live" if one.ticket.held else "warn",
        "run": one.role or "id",
        "recipe": plain,
        "seed": plain,
        "epoch": "",
        "ends": "",
        "state": state,
    }


def _fitted(head: str, cell: str, room: int) -> str:
    return fit(cell, room, "right" if head in RIGHT else "left")


def _short(head: str, cell: str, room: int) -> str:
    """A cell as a column of so many cells has room for it: the end of an id, the beginning of a UUID."""
    if head == "run":
        return cell[-4:]
    if head == "device" and len(cell) > room:
        names = [name[:8] + "…" if name.startswith("GPU-") else name for name in cell.split(", ")]
        return ", ".join(names).removeprefix("Slurm ")
    return cell


# --- below the list -----------------------------------------------------------------------------------------------


def detail_lines(one: Queued, cells: Sequence[str], width: int, height: int) -> list[Line]:
    """Everything about the chosen run, in whole words: what it is, what it has or wants, and why it waits."""
    by_head = dict(zip(HEADS, cells, strict=True))
    changes = "" if by_head["changes"] == NONE else f" with {by_head['changes']}"
    device, time = by_head["device"], by_head["for"]
    wait = {
        HOLDING: f"Has held {device} for {time}",
        HANDED_OVER: f"Handed over {time} ago: {device}",
    }.get(one.section, f"Has waited {time} for {device}")
    ends = f", expected to end at {by_head['ends']}" if by_head["ends"] != NONE else ""
    what = f"{by_head['recipe']}{changes}, seed {by_head['seed']}. {wait}. Epoch {by_head['epoch']}{ends}."
    title: Line = [(f"{one.mark} " if one.mark.strip() else "", one.role), (by_head["run"], one.role or "id")]
    lines: list[Line] = [heading(title, width - 1)]
    lines += [[(f" {part}", "")] for part in wrap(what, width - 2)]
    role = "" if one.ticket.supervised else "bad"
    lines += [[(f" {part}", role)] for part in wrap(by_head["state"], width - 2)]
    return lines[:height]


def ended_lines(rows: Sequence[Summary], width: int, height: int) -> list[Line]:
    """The runs that have ended lately, as many as fit below a heading; nothing without any."""
    if not rows or height < 3:
        return []
    table, widths = ended_table(rows), widths_at(width)
    first = {head: cells for head, cells in widths.items() if head in ("place", "run", "recipe", "changes", "seed")}
    heads = "".join(f"{_fitted(head, 'id' if head == 'run' else head, cells)}  " for head, cells in first.items())
    head = " " * _MARKS + heads.replace("place", "     ") + "ended    last      took  how it ended"
    lines: list[Line] = [heading(table.title, width - 1), clip([(head, "dim")], width - 1)]
    for row, cells in zip(rows, table.rows, strict=True):
        whole_id, recipe, changes, seed, ended, last, took, state = cells
        glyph, role = STATE_GLYPHS.get(row.status, ("?", "dim"))
        line: Line = [(" " * _MARKS + glyph.rjust(widths["place"]) + " " * _GAP, role), (whole_id[-4:], "id")]
        line.append((f"  {fit(recipe, widths['recipe'])}  ", ""))
        line.append((f"{fit(changes, widths['changes'])}  " if "changes" in widths else "", "dim"))
        line += [(fit(seed, widths["seed"], "right"), ""), (f"  {ended}", "dim"), (f"  {last:>6}", "strong")]
        lines.append(clip([*line, (f"  {took:>8}", ""), (f"  {state}", "dim" if role == "ok" else role)], width - 1))
    return lines[:height]
