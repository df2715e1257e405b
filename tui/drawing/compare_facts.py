"""The right column of Compare below the verdicts: fields that differ, what may not be concluded, cost, commands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from engine.analysis.compare import Difference
from engine.analysis.judged import Judged, recipe_labels
from engine.analysis.marked import UNREADABLE, MarkedRun
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.compare_table import kilowatt_hours, notes
from tui.drawing.format import NONE, duration
from tui.drawing.lines import Line, clip, fit, heading, hints, wrap
from tui.drawing.verdict_tables import not_to_be_concluded, not_to_be_concluded_of_recipes

Marks = Mapping[str, tuple[str, str]]
_TOPIC: Final = 10
_LEAST_VALUE: Final = 9  # cells of a value; below that, runs with one value share it
_COST_TARGET: Final = 0.95
_JOINED: Final = " + "  # stands between the operations of an augmentation


def fields_section(judged: Judged, marks: Marks, width: int, *, every: bool, focused: bool = False) -> list[Line]:
    """The fields in which the recipes differ, or every field, with the value of each run; `=` for the baseline's."""
    differing = judged.differing()
    shown = judged.all_fields() if every else differing
    total = len(judged.all_fields())
    title = "same recipe" if not differing and len(judged.marked) > 1 else f"{len(differing)} of {total} fields differ"
    switch = hints([("f", "differing only" if every else "all fields")])
    lines = [heading(title, width, [switch], focused=focused)]
    runs = judged.readable
    room = (width - 1) // 3
    name = min(max((len(one.field) for one in shown), default=8) + 2, max(room, 18))
    share = (width - 1 - name) // max(len(runs), 1)
    if share >= _LEAST_VALUE:
        head: Line = [(" " * (name + 1), "")]
        for one in runs:
            mark, role = marks[one.run.id]
            head.append((fit(f"{mark[0]} {one.run.id[-4:]}", share), role))
        lines += [head] if shown else []
        lines += [_field(one, runs, judged.baseline, name, share) for one in shown]
    else:
        lines += [_shared(one, [marks[run.run.id] for run in runs], name, width) for one in shown]
    lines += [
        [(f" {one.run.id[-4:]}: its recipe cannot be read", "warn")] for one in judged.marked if one.recipe is None
    ]
    return [clip(line, width) for line in lines]


def _field(one: Difference, runs: Sequence[MarkedRun], baseline: str, name: int, share: int) -> Line:
    at = next((i for i, run in enumerate(runs) if run.run.id == baseline), 0)
    line: Line = [(f" {fit(one.field, name - 1)} ", "dim")]
    texts = without_beginning(one.values, share - 1)
    for i, value in enumerate(one.values):
        same = i != at and value == one.values[at]
        text = "=" if same else texts[i]
        line.append((f"{fit(text, share - 1)} ", "dim" if same else "" if i == at else "strong"))
    return line


def without_beginning(values: Sequence[str], room: int) -> list[str]:
    """The values of a field as they are, or where one is longer than `room` without the operations that all begin with.

    Cut at their end, long lists of operations would all read alike.
    """
    texts = [one_line(value) for value in values]
    lists = [text.split(_JOINED) for text in texts]
    alike = [len(set(items)) == 1 for items in zip(*lists, strict=False)]
    left_out = (alike.index(False) if False in alike else len(alike)) - 1  # the last one they share says where
    if max(map(len, texts)) <= room or left_out < 1 or len(set(texts)) == 1:
        return texts
    return [_JOINED.join(["…", *items[left_out:]]) for items in lists]


def _shared(one: Difference, marks: Sequence[tuple[str, str]], name: int, width: int) -> Line:
    """A field with each value once, behind the marks of the runs that have it."""
    shared: dict[str, list[int]] = {}
    for index, value in enumerate(one.values):
        shared.setdefault(value, []).append(index)
    line: Line = [(f" {fit(one.field, name - 1)} ", "dim")]
    share = max((width - name - 2) // len(shared) - 2, 8)
    for value, runs in zip(without_beginning(list(shared), share - 3), shared.values(), strict=True):
        pens = "".join(marks[run][0][:1] for run in runs)
        text = fit(one_line(value), max(share - len(pens) - 1, 4)).rstrip()
        line += [(f"{pens} ", marks[runs[0]][1]), (f"{fit(text, share - len(pens))} ", "")]
    return line


def picked_words(place: int, number: int) -> str:
    """What to expect of a run that was picked for its accuracy."""
    which = "best" if place == 1 else f"number {place} by accuracy"
    return f"picked as {which} of {number}: expect less from a new seed"


def notes_section(
    judged: Judged, width: int, *, by_recipe: bool, picked: Mapping[str, tuple[int, int]] | None = None
) -> list[Line]:
    """What the verdicts on models, or those on recipes, do not show, as topics and sentences.

    Args:
        picked: by run id, its place among so many runs when it was marked in a list sorted by accuracy.
    """
    ranks = {one.run.id: (picked or {}).get(one.run.id, (0, 0)) for one in judged.marked}
    found = [(run[-4:], picked_words(*rank)) for run, rank in ranks.items() if rank[0]]
    if judged.models and not by_recipe:
        found += not_to_be_concluded(judged.marked, judged.models)
    if judged.recipes and by_recipe:
        labels = recipe_labels(judged.marked, judged.baseline)
        found += not_to_be_concluded_of_recipes(judged.recipes, labels)
    known = {text for _, text in found}
    found += [
        ("table", text)
        for text in notes([one.row for one in judged.marked])
        if text not in known and "picked on test" not in text
    ]
    lines = [heading("not to be concluded", width)]
    for topic, text in dict.fromkeys(found):
        for at, part in enumerate(wrap(one_line(text, 400), width - _TOPIC - 2)):
            lines.append([(f" {fit(topic if not at else '', _TOPIC)} ", "strong"), (part, "")])
    if wanted := missing_seeds(judged):
        text = f"queues more seeds of the run under the cursor, and stores the plan: {wanted}"
        for at, part in enumerate(wrap(text, width - _TOPIC - 4)):
            head: Line = [(f" {fit('next', _TOPIC)} ", "mark"), ("N ", "key")] if not at else [(" " * (_TOPIC + 4), "")]
            lines.append([*head, (part, "")])
    return lines


def missing_seeds(judged: Judged) -> str:
    """What the verdict on recipes lacks, in words; "" if it lacks nothing that is known."""
    if judged.recipes is None:
        return ""
    needed = [row.seeds_needed for row in judged.recipes.rows if row.seeds_needed > row.recipe.last.n]
    return f"up to {max(needed)} of each would tell" if needed else ""


def cost_section(judged: Judged, marks: Marks, width: int) -> list[Line]:
    """How long each run took to an accuracy, as bars, and the energy it used in all."""
    targets = [one.target for one in judged.base.milestones]
    reached = [target for target in targets if any(_seconds(one, target) > 0 for one in judged.marked)]
    if not reached:
        return []
    target = _COST_TARGET if _COST_TARGET in reached else reached[-1]
    lines = [heading("cost", width, [f"time to {100 * target:g} %, energy in all"])]
    most = max(_seconds(one, target) for one in judged.marked)
    for one in judged.marked:
        mark, role = marks[one.run.id]
        spent = _seconds(one, target)
        text = duration(spent) if spent else "never"
        power = f"{kilowatt_hours(one.energy)} kWh" if math.isfinite(one.energy) else ""
        line: Line = [(f" {mark[0]} {one.run.id[-4:]}  ", role), *bar(spent / most, width - 32, role)]
        lines.append([*line, (f"{text:>11}", "strong" if spent else "dim"), (f"{power:>11}", "dim")])
    devices = list(dict.fromkeys(one.run.device_name for one in judged.marked if one.run.device_name))
    if len(devices) > 1:
        lines.append([(" measured on different devices: not a ranking", "dim")])
    return [clip(line, width) for line in lines]


def _seconds(one: MarkedRun, target: float) -> float:
    found = next((at.seconds for at in one.milestones if at.target == target), math.nan)
    return found if math.isfinite(found) else 0.0


def command_section(command: str, width: int) -> list[Line]:
    """The command that prints this, over several lines where it is long."""
    lines = [heading("same as a command", width, [hints([("y", "copy")])])]
    return [*lines, *([(f" {part}", "")] for part in wrap(command, width - 2))]


def facts_line(judged: Judged, width: int) -> Line:
    """The differing fields of the runs in one line, and the first thing that may not be concluded."""
    texts = [
        one.changes for one in judged.marked if one.run.id != judged.baseline and one.changes not in (NONE, UNREADABLE)
    ]
    what = "; ".join(dict.fromkeys(map(one_line, texts))) or "same recipe"
    note = "n = 1: models, not recipes" if len(judged.marked) > 1 else ""
    unreadable = [one.run.id[-4:] for one in judged.marked if one.recipe is None]
    if unreadable:
        note = f"{unreadable[0]}: its recipe cannot be read"
    tail: Line = [(f"   {note}   ", "warn" if unreadable else "dim"), *hints([("tab", "fields")])]
    room = width - 9 - sum(len(text) for text, _ in tail)
    return clip([(" differs ", "dim"), (fit(what, max(room, 10)).rstrip(), ""), *tail], width)


def equal_section(judged: Judged, width: int, height: int) -> list[Line]:
    """The fields that all recipes share, as many as fit, in two columns."""
    differing = {one.field for one in judged.differing()}
    equal = [one for one in judged.all_fields() if one.field not in differing and one.values]
    if not equal:
        return []
    rows = height - 1
    share = (width - 1) // 2
    lines = [heading(f"{len(equal)} fields are the same", width)]
    for at in range(min(rows, (len(equal) + 1) // 2)):
        line: Line = []
        for one in equal[at :: min(rows, (len(equal) + 1) // 2)][:2]:
            value = one_line(one.values[0])
            name = max(share - min(len(value), share // 2) - 2, 4)
            line += [(f" {fit(one.field, name - 1)}", "dim"), (f"{fit(value, share - name - 1)} ", "")]
        lines.append(clip(line, width))
    return lines
