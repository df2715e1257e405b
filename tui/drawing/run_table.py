"""The table of Results: its columns, and one line per run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.contract.clock import local_time
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.drawing.format import NONE, age, file_size, percent, picked, work
from tui.drawing.lines import Line, clip, fit, rule
from tui.drawing.marks import mark_of, role_of
from tui.drawing.run_rows import SORTS, ListRow

SHORT_REASON: Final = {
    "gpu_memory": "mem",
    "out_of_memory": "mem",
    "killed": "kill",
    "diverged": "nan",
    "disk_full": "disk",
    "data": "data",
    "bad_input": "bad",
    "supervisor_lost": "lost",
    "reboot": "boot",
    "moved": "move",
    "permission_denied": "perm",
}
LONG_REASON: Final = {
    "gpu_memory": "GPU memory",
    "out_of_memory": "memory",
    "supervisor_lost": "lost",
    "traceback": "failed",
    "permission_denied": "perm. denied",
}
STATE, STATE_IN_WORDS = 5, 14
"""Width of the status column in cells: a sign and an abbreviation, or full words."""
STATES: Final = {
    "running": ("●", "live"),
    "starting": ("◌", "live"),
    "stopping": ("◍", "warn"),
    "queued": ("◌", "warn"),
    "finished": ("✓", "ok"),
    "stopped": ("■", "warn"),
    "preempted": ("■", "warn"),
    "failed": ("✗", "bad"),
    "lost": ("?", "bad"),
}
WORDS: Final = {"stopped": "stop", "preempted": "pre", "failed": "err", "lost": "lost"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns in cells; 0 leaves a column out."""

    recipe: int = 16
    changes: int = 13
    label: int = 0
    took: int = 0
    size: int = 0
    device: int = 0
    state: int = STATE

    @classmethod
    def for_width(cls, width: int) -> Columns:
        """80 cells hold the essential columns; more add the status in words, the working time, size and device."""
        extra = max(width - 80, 0)
        state = STATE_IN_WORDS if extra >= 20 else STATE
        took = 9 if extra >= 28 else 0
        size = 8 if extra >= 40 else 0
        device = 14 if extra >= 60 else 0
        extra -= (took + 1 if took else 0) + size + device + state - STATE
        label = min(24, max(extra // 3, 10)) if extra >= 20 else 0
        extra -= label + 1 if label else 0
        recipe = 16 + min(extra // 3, 16)
        changes = 13 + extra - (recipe - 16) if width >= 80 else max(width - 67, 4)
        return cls(recipe, changes, label, took, size, device, state)

    @property
    def gap(self) -> str:
        """The gap before "when": without it, two times side by side would read as one."""
        return "  " if self.took else " "


@dataclass(frozen=True, slots=True)
class Marks:
    """The slots of the marked runs by id, and the id of the baseline."""

    slots: Mapping[str, int | None] = field(default_factory=dict)
    baseline: str = ""


def header(columns: Columns, sort: str, reverse: bool) -> Line:
    """The column heads; an arrow shows the column that the rows are sorted by, and its direction."""
    arrow = "↓" if SORTS[sort].falling != reverse else "↑"

    def title(key: str, text: str, width: int, align: str = "left") -> tuple[str, str]:
        name = text + arrow if key == sort else text
        return fit(name, width, align), "strong" if key == sort else "dim"

    line: Line = [("   id    ", "dim"), title("recipe", "recipe", columns.recipe + 2)]
    line.append(title("changes", "changes", columns.changes + 1))
    if columns.label:
        line.append((fit("name, tags", columns.label + 1), "dim"))
    line += [title("seed", "seed", 4, "right"), title("epoch", "epoch", 8, "right"), title("last", "last", 6, "right")]
    line += [title("best", "best", 7, "right")]
    if columns.took:
        line.append(title("seconds", "took", columns.took, "right"))
    if columns.size:
        line.append(title("size", "size", columns.size, "right"))
    if columns.device:
        line.append(("  " + fit("device", columns.device - 2), "dim"))
    line += [(columns.gap, ""), title("when", "when", 7)]
    line.append((fit("st", STATE, "right") if columns.state == STATE else fit("  status", columns.state), "dim"))
    return line


def sort_of(head: str) -> str:
    """The sort of the column with this head, as `header` writes it; "" for a column that cannot be sorted by."""
    name = head.strip(" ↑↓")
    key = {"took": "seconds"}.get(name, name)
    return key if key in SORTS else ""


def draw_row(row: ListRow, width: int, columns: Columns, marks: Marks, at_cursor: bool, now: float) -> Line:
    """The line of one row."""
    run = row.run
    if run is None:
        return rule(row.heading, width)
    marked, slot = run.id in marks.slots, marks.slots.get(run.id)
    plain = "strong" if at_cursor else ""
    line: Line = [
        ("▸" if at_cursor else " ", "mark"),
        ("b" if run.id == marks.baseline else " ", "mark"),
        (mark_of(slot)[0] if marked else " ", role_of(slot) if marked else ""),
        (run.id[-4:], role_of(slot) if marked else "id"),
        ("  ", ""),
    ]
    line.append((fit(one_line(run.preset or run.model), columns.recipe) + "  ", plain))
    line.append(
        (fit(one_line(run.changes) or "-", columns.changes) + " ", "dim" if run.changes in ("", "-") else plain)
    )
    if columns.label:
        line.append((fit(label_of(run), columns.label) + " ", plain))
    line.append((fit(str(run.seed), 4, "right"), plain))
    line.append((fit(epochs_of(run), 8, "right"), plain))
    line.append((fit(accuracy(run.last_accuracy), 6, "right"), "strong"))
    line.append((fit(best_of(run), 7, "right"), "dim"))
    if columns.took:
        line.append((fit(took_of(run), columns.took, "right"), "dim"))
    if columns.size:
        line.append((fit(file_size(run.size_bytes), columns.size, "right"), "dim"))
    if columns.device:
        line.append(("  " + fit(one_line(run.device), columns.device - 2), "dim"))
    line += [(columns.gap, ""), (fit(when_of(run, now), 7), "dim")]
    if columns.state == STATE:
        state, role = state_of(run)
        line.append((fit(state, STATE, "right"), role))
    else:
        state, role = state_in_words(run)
        line.append(("  " + fit(state, columns.state - 2), role))
    return line


def label_of(run: Summary) -> str:
    """Name and tags as one text."""
    return " ".join(filter(None, [one_line(run.name), *(f"#{one_line(tag)}" for tag in run.tags)]))


def accuracy(value: float | None) -> str:
    """Percent, or "-" if there is none yet."""
    return NONE if value is None else percent(value)


def epochs_of(run: Summary) -> str:
    """Completed and planned epochs: "12/500"."""
    return f"{run.epoch}/{run.epochs}"


def took_of(run: Summary) -> str:
    """Working time, or "-" if there is none yet."""
    return work(run.seconds, run.estimated) if run.seconds else NONE


def best_of(run: Summary) -> str:
    """The best accuracy, with a star if its epoch was picked on the test set."""
    return NONE if run.best_accuracy is None else picked(run.best_accuracy, run.best_on)


def state_of(run: Summary) -> tuple[str, str]:
    """(sign and abbreviated reason in at most five cells, role): `✓`, `✗ mem`, `■stop`, `◌`."""
    sign, role = STATES.get(run.status, ("?", "bad"))
    word = "" if run.live or run.status == "finished" else SHORT_REASON.get(run.reason, WORDS.get(run.status, ""))
    return (f"{sign} {word}" if len(word) < 4 else f"{sign}{word}").strip(), role


def state_in_words(run: Summary) -> tuple[str, str]:
    """(sign and reason in words, role): `✓ finished`, `✗ GPU memory`, `■ stopped`."""
    sign, role = STATES.get(run.status, ("?", "bad"))
    word = "" if run.live or run.status == "finished" else LONG_REASON.get(run.reason, run.reason.replace("_", " "))
    return f"{sign} {one_line(word or run.status)}", role


def when_of(run: Summary, now: float) -> str:
    """`now` for a live run, `#3` for the 3rd in line, else when it started: `5 min` or `3 h` ago, `20 Nov`."""
    if run.status == "queued":
        return f"#{run.place}" if run.place else "waiting"
    if run.live:
        return "now"
    if not run.started:
        return NONE
    ago = max(now - run.started, 0.0)
    if ago < 5400:
        return f"{ago / 60:.0f} min"
    if ago < 36 * 3600:
        return f"{ago / 3600:.0f} h"
    moment, today = local_time(run.started), local_time(now)
    if moment is None or today is None:
        return NONE
    return f"{moment.day} {moment:%b}" if (today - moment).days < 330 else f"{moment:%m/%Y}"


def news(since: Counter[str], left: float, now: float, runs: Sequence[Summary], width: int) -> Line:
    """The top line: what ended since the workbench was closed, and what is running or queued."""
    live = Counter(run.status for run in runs if run.live)
    parts: list[tuple[str, str]] = []
    for state, words, role in (
        ("finished", "finished", "ok"),
        ("failed", "failed", "bad"),
        ("lost", "lost", "bad"),
        ("stopped", "stopped", "warn"),
        ("preempted", "preempted", "warn"),
    ):
        if since[state]:
            parts.append((f"{since[state]} {words}", role))
    start = f" since you left {age(now - left)}: " if parts else " "
    running = sum(live.values()) - live["queued"]
    parts += [(f"{running} running", "live")] if running else []
    parts += [(f"{live['queued']} queued", "warn")] if live["queued"] else []
    if not parts:
        parts = [("nothing is running", "dim")]
    line: Line = [(start, "dim")]
    for i, part in enumerate(parts):
        line += [(" · ", "dim")] if i else []
        line.append(part)
    return clip(line, width)


def footnote(runs: Sequence[Summary], width: int) -> Line:
    """The meaning of the star, if any row has one."""
    if not any(run.best_on == "test" and run.best_accuracy is not None for run in runs):
        return []
    return [(fit(" * best epoch picked on test; compare only with papers that did the same", width), "dim")]
