"""Disagree: the run and another marked one on the same images."""

from __future__ import annotations

from engine.analysis.disagree import Disagreement
from engine.analysis.judged_images import JudgedImages
from engine.contract.errors import BadInput
from engine.contract.text import one_line
from tui.drawing import disagree_tables as tables
from tui.drawing.disagree_panes import Names, churn_pane, reading_pane, right_by_class, table_pane, together_pane
from tui.drawing.lines import Line, clip, fit, heading, hints, wrap
from tui.drawing.picture_lines import PITCH
from tui.drawing.typeset import Table
from tui.inspection.choice import TabOptions, by_name, picked
from tui.inspection.facts import Facts
from tui.inspection.gallery import name_of, page_size, pages
from tui.inspection.tab import GAP, WIDE, Canvas, Tab, beside, explained


class DisagreeTab(Tab):
    """The table first, then churn with its references; the images carry the mark of the run that is right."""

    title = "Disagree"
    short = "Dis"
    draws_pictures = True

    def __init__(self) -> None:
        self._with = 0
        self._wanted = ""
        """The run to compare with, by its id, until it has been found among the marked ones; "" for none."""
        self._chosen = 0
        self._class: int | None = None
        self._open = False
        self._across = self._down = 1

    def forget(self) -> None:
        self._with, self._chosen, self._class, self._open = 0, 0, None, False

    def take(self, facts: Facts, choice: TabOptions) -> None:
        choice.refuse_all_but(("label",), self.title)
        if choice.label:
            if not isinstance(facts.judged, JudgedImages):
                raise BadInput(_why_nothing(facts))
            self._class = picked("label", choice.label, by_name(facts.judged.classes))

    def options(self, facts: Facts) -> list[str]:
        if self._class is None or not isinstance(facts.judged, JudgedImages):
            return []
        return ["--class", facts.judged.classes[self._class]]

    def compared(self, facts: Facts) -> list[str]:
        first = [self._pair(facts).other.run] if facts.disagreements else []
        return [*first, *(one.run for one in facts.others if one.run not in first)]

    def listed(self, facts: Facts) -> tuple[str, list[int]]:
        if not isinstance(facts.judged, JudgedImages) or not facts.disagreements:
            return "", []
        one = self._pair(facts)
        title = f"images that only this run or only {one.other.run[-4:]} has right"
        return title, list(self._places(facts.judged, one))

    def tables(self, facts: Facts) -> list[Table]:
        if not isinstance(facts.judged, JudgedImages) or not facts.disagreements:
            return [explained("disagree", _why_nothing(facts))]
        one = self._pair(facts)
        ids = facts.id, one.other.run[-4:]
        title, _ = self.listed(facts)
        places = list(self._places(facts.judged, one).items())
        return [
            tables.pair_table(one, *ids),
            tables.churn_table(one, *ids),
            tables.by_class_table(one, *ids),
            tables.together_table(one, *ids),
            tables.disagreed_table(title, facts.judged, one, places, *ids),
        ]

    def choose(self, run: str) -> None:
        """Compare with this run, by its id, as soon as it has been read."""
        self._wanted, self._chosen, self._class, self._open = run, 0, None, False

    def _pair(self, facts: Facts) -> Disagreement:
        """The run and the one that it is compared with."""
        found = [i for i, one in enumerate(facts.disagreements) if one.other.run == self._wanted]
        if found:
            self._with, self._wanted = found[0], ""
        return facts.disagreements[self._with % len(facts.disagreements)]

    # --- drawing ----------------------------------------------------------------------------------------------

    def draw(self, facts: Facts, canvas: Canvas) -> list[Line]:
        judged = facts.judged
        if not isinstance(judged, JudgedImages) or not facts.disagreements:
            return _nothing(facts, canvas.width)
        one = self._pair(facts)
        other = facts.looks[one.other.run]
        names = Names(
            (f"{facts.look.mark} {facts.id}", facts.look.role), (f"{other.mark} {one.other.run[-4:]}", other.role)
        )
        if self._open:
            return self._images(facts, judged, one, canvas)
        if canvas.width < WIDE:
            return self._figures(one, names, canvas.width, canvas.height)
        across = 1 if canvas.width < 2 * WIDE - 40 else 2 if canvas.width < 190 else 3
        left = canvas.width - across * PITCH - GAP
        right = Canvas(across * PITCH, canvas.height, canvas.glyphs, canvas.color, canvas.waits)
        figures = facts.kept.get(
            "disagreement",
            (one.other.run, names, left, canvas.height),
            lambda: self._figures(one, names, left, canvas.height),
        )
        return beside([(figures, left), (self._images(facts, judged, one, right), right.width)], canvas.height)

    def _figures(self, one: Disagreement, names: Names, width: int, height: int) -> list[Line]:
        airy = height >= 36
        rows = 5 if height >= 40 else 3 if airy else 1
        air: list[Line] = [[]] if airy else []
        lines = [*table_pane(one, names, width, rows), *air, *churn_pane(one, names, width), *air]
        together = together_pane(one, names, width)
        by_class = right_by_class(one, names, width, len(one.pair.classes) + 1)
        lines += [*by_class, *air, *together]
        return [*lines, *air, *reading_pane(width)] if height - len(lines) >= 6 else lines

    def _places(self, judged: JudgedImages, one: Disagreement) -> dict[int, int]:
        """The places of the images that only one has right, and where they stand in the other run."""
        labels = judged.answers.labels
        return {mine: theirs for mine, theirs in one.places if self._class is None or labels[mine] == self._class}

    def _images(self, facts: Facts, judged: JudgedImages, one: Disagreement, canvas: Canvas) -> list[Line]:
        shown = self._places(judged, one)
        places, looks = list(shown), (facts.look, facts.looks[one.other.run])
        self._chosen = min(self._chosen, max(len(places) - 1, 0))
        which = "all classes" if self._class is None else f"{name_of(judged, self._class)} only"
        count = f"{self._chosen + 1 if places else 0} of {len(places)}"
        rights: list[str | Line] = [[(f"{count}   ", "dim"), *hints([("c", which)])], count]
        lines = [heading("only one is right", canvas.width, rights, focused=self._open)]

        def caption(place: int, cells: int) -> Line:
            theirs = shown[place]
            label, mine = int(judged.answers.labels[place]), int(judged.answers.predicted[place])
            look = looks[0] if mine == label else looks[1]
            wrong = int(one.other.answers.predicted[theirs]) if mine == label else mine
            line: Line = [(f"{look.mark} ", look.role), (name_of(judged, label)[:9], "ok"), (" not ", "dim")]
            line.append((name_of(judged, wrong)[:9], "warn"))
            return clip([*line, (fit(f" #{judged.answers.index[place]}", 7), "dim")], cells)

        if not places:
            return [*lines, [(" no such image: both are right or wrong alike", "dim")]]
        self._across, self._down = page_size(facts, canvas, canvas.height - 1)
        drawn = pages(facts, canvas, places, self._chosen, caption, canvas.height - 1)
        lines += drawn
        if canvas.height - len(lines) >= 4 and not self._open:
            lines += _answers(judged, one, (places[self._chosen], shown[places[self._chosen]]), facts, canvas.width)
        return lines[: canvas.height]

    # --- keys -------------------------------------------------------------------------------------------------

    @property
    def page_rows(self) -> int:
        return self._down if self._open else 0

    def move(self, facts: Facts, right: int, down: int) -> bool:
        if not isinstance(facts.judged, JudgedImages) or not facts.disagreements:
            return False
        one = self._pair(facts)
        last = max(len(self._places(facts.judged, one)) - 1, 0)
        self._chosen = min(max(self._chosen + right + down * self._across, 0), last)
        return True

    def enter(self, facts: Facts) -> str:
        self._open = bool(facts.disagreements) and not self._open
        return "" if facts.disagreements else "mark another run in Results first"

    def close(self) -> bool:
        was, self._open = self._open, False
        return was

    def choose_class(self, facts: Facts) -> str:
        if isinstance(facts.judged, JudgedImages):
            wanted = [None, *range(len(facts.judged.classes))]
            self._class, self._chosen = wanted[(wanted.index(self._class) + 1) % len(wanted)], 0
        return ""

    def other(self, facts: Facts) -> str:
        self._with, self._chosen = self._with + 1, 0
        return "" if len(facts.disagreements) > 1 else "no further run is marked that can be paired with this one"


def _answers(judged: JudgedImages, one: Disagreement, place: tuple[int, int], facts: Facts, width: int) -> list[Line]:
    """What both runs say about the chosen image, two classes each."""
    lines: list[Line] = []
    truth = one_line(judged.classes[int(judged.answers.labels[place[0]])])
    for run, at, look in ((judged, place[0], facts.look), (one.other, place[1], facts.looks[one.other.run])):
        line: Line = [(f" {look.mark} {run.run[-4:]}  ", look.role)]
        first, share, second, rest = tables.answer_cells(run, at)
        for name, figure in ((first, share), (second, rest)):
            line += [(f"{name[:9]} ", "ok" if name == truth else "warn"), (f"{figure}  ", "strong")]
        lines.append(clip(line, width))
    return lines


def _why_nothing(facts: Facts) -> str:
    """Why there is nothing to compare with, and what to do."""
    if isinstance(facts.judged, JudgedImages):
        return "no other marked run can be paired with this one: mark one with space in Results"
    return f"this run cannot be compared image by image: {facts.judged.reason}"


def _nothing(facts: Facts, width: int) -> list[Line]:
    return [heading("disagree", width), *([(f" {part}", "dim")] for part in wrap(_why_nothing(facts), width - 2))]
