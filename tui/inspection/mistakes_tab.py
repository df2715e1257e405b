"""Mistakes: the images that are misclassified, with what the run and the other marked runs make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.analysis.judged_images import JudgedImages
from engine.analysis.mistakes import ORDERS, ClassMistakes, Order, RunAnswer, answers_to, by_class, mistaken, sureness
from engine.analysis.pairing import Unpaired
from engine.contract.errors import BadInput
from tui.dashboard.options import next_value
from tui.drawing.confusion import frequent
from tui.drawing.confusion_tables import frequent_table
from tui.drawing.format import whole
from tui.drawing.image_panes import by_class_pane, considered, others_say, suspects_pane
from tui.drawing.image_tables import by_class_table, considered_table, images_table, others_table, suspects_table
from tui.drawing.lines import Line, heading, hints, wrap
from tui.drawing.picture_lines import PITCH, tiles
from tui.drawing.typeset import Table
from tui.inspection.choice import TabOptions, by_name, picked
from tui.inspection.facts import Facts
from tui.inspection.gallery import captions, name_of, page_size, pages, tile, verdict_caption
from tui.inspection.tab import GAP, WIDE, Canvas, Tab, beside, explained

_ORDERS: Final[dict[str, Order]] = {
    order.removeprefix("by ").removesuffix(" first").replace(" ", "-"): order for order in ORDERS
}
"""The orders by their names on the command line: most-confident, least-confident, highest-loss, index."""
LEAST_SIDE = 21
"""Cells of the pane at the side at least."""


class MistakesTab(Tab):
    """Pictures in rows; arrows choose one, enter shows everything about it."""

    title = "Mistakes"
    short = "Mist"
    draws_pictures = True

    def __init__(self) -> None:
        self._chosen = 0
        self._order: Order = ORDERS[0]
        self._class: int | None = None
        self._suspects = False
        self._open = False
        self._across = self._down = 1

    def forget(self) -> None:
        self._chosen, self._class, self._open, self._suspects = 0, None, False, False

    def _places(self, facts: Facts, judged: JudgedImages) -> list[int]:
        if self._suspects:
            return list(facts.doubt.places)
        which = self._order, self._class
        return facts.kept.get("mistaken", which, lambda: [int(place) for place in mistaken(judged, *which)])

    def take(self, facts: Facts, choice: TabOptions) -> None:
        choice.refuse_all_but(("order", "label", "image", "suspects"), self.title)
        judged = facts.judged
        if choice.order:
            self._order = picked("order", choice.order, _ORDERS)
        if choice.suspects and not facts.doubt.places:
            raise BadInput(f"--suspects: {_no_suspects(facts)}")
        self._suspects = choice.suspects
        if isinstance(judged, Unpaired):
            if choice.label or choice.image:
                raise BadInput(_why_unknown(judged))
            return
        if choice.label:
            self._class = picked("label", choice.label, by_name(judged.classes))
        if choice.image:
            shown = {str(judged.answers.index[place]): at for at, place in enumerate(self._places(facts, judged))}
            if choice.image not in shown:
                raise BadInput(f"--image {choice.image!r}: not the index of one of the {len(shown)} images shown")
            self._chosen = shown[choice.image]

    def options(self, facts: Facts) -> list[str]:
        judged, found = facts.judged, list[str]()
        if self._order != ORDERS[0]:
            found += ["--order", next(name for name, order in _ORDERS.items() if order == self._order)]
        found += ["--suspects"] if self._suspects else []
        if isinstance(judged, Unpaired):
            return found
        if self._class is not None:
            found += ["--class", judged.classes[self._class]]
        places = self._places(facts, judged)
        if 0 < self._chosen < len(places):
            found += ["--image", str(judged.answers.index[places[self._chosen]])]
        return found

    def compared(self, facts: Facts) -> list[str]:
        return [one.run for one in facts.others]

    def listed(self, facts: Facts) -> tuple[str, list[int]]:
        if not isinstance(facts.judged, JudgedImages):
            return "", []
        which = "" if self._class is None or self._suspects else f" of class {name_of(facts.judged, self._class)}"
        title = "suspect labels" if self._suspects else f"mistakes{which}, {self._order}"
        return title, self._places(facts, facts.judged)

    def tables(self, facts: Facts) -> list[Table]:
        judged = facts.judged
        if not isinstance(judged, JudgedImages):
            return [explained("mistakes", _why_unknown(judged))]
        title, places = self.listed(facts)
        names = judged.classes
        found = [by_class_table(_by_class(facts, judged), names), suspects_table(judged, facts.doubt)]
        if places:
            place = places[min(self._chosen, len(places) - 1)]
            answers = _answers(facts, judged, place)
            found.append(considered_table(judged, place, sureness(judged, place)))
            found.append(others_table(answers, names, _doubt(facts, judged, place, answers)))
        found += [frequent_table(facts.confused)] if facts.confused is not None else []
        title = f"{title}: {len(places)} of {whole(len(judged.answers.labels))} images"
        return [*found, images_table(title, judged, places, facts.others)]

    # --- drawing ----------------------------------------------------------------------------------------------

    def draw(self, facts: Facts, canvas: Canvas) -> list[Line]:
        judged = facts.judged
        if not isinstance(judged, JudgedImages):
            why = _why_unknown(judged)
            title = f"mistakes on {facts.set_name}" if facts.on else "mistakes"
            return [heading(title, canvas.width), *([(f" {part}", "dim")] for part in wrap(why, canvas.width - 2))]
        places = self._places(facts, judged)
        self._chosen = min(self._chosen, max(len(places) - 1, 0))
        top = self._heading(facts, judged, places, canvas.width)
        if not places:
            return [top, [(" none: every image is recognized", "dim")]]
        rows = canvas.height - 1
        if self._open:
            return [top, *self._details(facts, judged, canvas, places, rows)]
        width = canvas.width
        if width >= WIDE:
            across = max((width - LEAST_SIDE - GAP) // PITCH, 1)
            width = across * PITCH
        left = Canvas(width, rows, canvas.glyphs, canvas.color, canvas.waits)
        self._across, self._down = page_size(facts, left, rows)
        drawn = pages(facts, left, places, self._chosen, lambda at, cells: verdict_caption(judged, at, cells), rows)
        if width == canvas.width:
            return [top, *drawn]
        side = canvas.width - width - GAP
        return [top, *beside([(drawn, width), (self._side(facts, judged, places, side, rows), side)], rows)]

    def _heading(self, facts: Facts, judged: JudgedImages, places: Sequence[int], width: int) -> Line:
        which = "all classes" if self._class is None else f"{name_of(judged, self._class)} only"
        count = f"{len(places)} of {whole(len(judged.answers.labels))}"
        title = ("suspects" if self._suspects else "mistakes") + (f" on {facts.set_name}" if facts.on else "")
        keys = hints([("c", which), ("o", self._order), ("s", f"suspects {len(facts.doubt.places)}")], "   ")
        short = hints([("c", which), ("o", self._order.removesuffix(" first"))])
        return heading(title, width, [[(f"{count}   ", "dim"), *keys], [(f"{count}  ", "dim"), *short], count])

    def _side(self, facts: Facts, judged: JudgedImages, places: Sequence[int], width: int, height: int) -> list[Line]:
        """From top to bottom: how sure, what others say, which classes, which labels are suspect."""
        blocks = self._about(facts, judged, places, width)
        air: list[Line] = [[]] if height >= 36 else []
        lines: list[Line] = []
        for block in blocks:
            lines += [*block, *air]
        if height - len(lines) > 2:
            cells = width, height - len(lines)
            lines += facts.kept.get(
                "suspects", cells, lambda: suspects_pane(judged, facts.doubt, 1 + len(facts.others), *cells)
            )
        rest, confused = height - len(lines) - len(air), facts.confused
        if rest > 2 and confused is not None:
            most = facts.kept.get("frequent", (width, rest), lambda: frequent(confused, width, rest))
            lines += [*air, *most]
        return lines

    def _about(self, facts: Facts, judged: JudgedImages, places: Sequence[int], width: int) -> list[list[Line]]:
        place = places[self._chosen]
        count = f"{self._chosen + 1} of {len(places)}"
        chosen = -1 if self._class is None else self._class
        return [
            considered(judged, place, sureness(judged, place), count, width),
            self._others(facts, judged, place, width),
            by_class_pane(_by_class(facts, judged), judged.classes, chosen, width),
        ]

    def _others(self, facts: Facts, judged: JudgedImages, place: int, width: int) -> list[Line]:
        answers = _answers(facts, judged, place)
        looks = [facts.look, *(facts.looks[one.run] for one in answers[1:])]
        rows = [(one, look.mark, look.role) for one, look in zip(answers, looks, strict=True)]
        label = int(judged.answers.labels[place])
        return others_say(rows, label, judged.classes, _doubt(facts, judged, place, answers), width)

    def _details(
        self, facts: Facts, judged: JudgedImages, canvas: Canvas, places: Sequence[int], rows: int
    ) -> list[Line]:
        """The chosen picture, and everything about it at its right."""
        place = places[self._chosen]
        caption = verdict_caption(judged, place)
        if canvas.pictures and not isinstance(facts.images, str):
            left = tiles([tile(facts, canvas, place, caption)], 1)
        else:
            within = Canvas(PITCH + GAP, rows, canvas.glyphs, canvas.color)
            left = captions(facts, within, [place], 0, lambda at, cells: verdict_caption(judged, at, cells), rows)
        side = canvas.width - PITCH - 2 * GAP
        return beside([(left, PITCH + GAP), (self._side(facts, judged, places, side, rows), side)])

    # --- keys -------------------------------------------------------------------------------------------------

    @property
    def page_rows(self) -> int:
        return self._down if not self._open else 0

    def move(self, facts: Facts, right: int, down: int) -> bool:
        if not isinstance(facts.judged, JudgedImages):
            return False
        last = max(len(self._places(facts, facts.judged)) - 1, 0)
        step = right + down * (1 if self._open else self._across)
        self._chosen = min(max(self._chosen + step, 0), last)
        return True

    def enter(self, facts: Facts) -> str:
        if not isinstance(facts.judged, JudgedImages):
            return f"there are no images to show: {facts.judged.reason}"
        self._open = not self._open
        return ""

    def close(self) -> bool:
        was, self._open = self._open, False
        return was

    def order(self, facts: Facts) -> str:
        self._order, self._chosen = next_value(ORDERS, self._order), 0
        return ""

    def choose_class(self, facts: Facts) -> str:
        """The class with most mistakes, then the next, then all."""
        if isinstance(facts.judged, JudgedImages):
            wanted = [None, *(one.label for one in _by_class(facts, facts.judged) if one.images)]
            here = wanted.index(self._class) if self._class in wanted else 0
            self._class, self._chosen = wanted[(here + 1) % len(wanted)], 0
        return ""

    def suspects(self, facts: Facts) -> str:
        if not facts.doubt.places:
            return _no_suspects(facts)
        self._suspects, self._chosen = not self._suspects, 0
        return ""


def _no_suspects(facts: Facts) -> str:
    return facts.doubt.why or "no image is given the same wrong class by all marked runs"


def _by_class(facts: Facts, judged: JudgedImages) -> list[ClassMistakes]:
    return facts.kept.get("by class", (), lambda: by_class(judged))


def _why_unknown(judged: Unpaired) -> str:
    return f"the mistakes of this run are not known image by image: {judged.reason}"


def _answers(facts: Facts, judged: JudgedImages, place: int) -> list[RunAnswer]:
    """What the run and then the other marked ones say about an image."""
    own = RunAnswer(judged.run, int(judged.answers.predicted[place]), judged.probability(place))
    return [own, *answers_to(facts.others, int(judged.answers.index[place]))]


def _doubt(facts: Facts, judged: JudgedImages, place: int, answers: Sequence[RunAnswer]) -> str:
    """How many runs give the same answer, and whether the label of the image is suspect."""
    if len(answers) == 1:
        return "no other run is marked that was tested on this image"
    agree = sum(one.predicted == answers[0].predicted for one in answers)
    kind = "a suspect" if place in facts.doubt.places else "not a suspect"
    return f"{agree} of {len(answers)} say {name_of(judged, answers[0].predicted)}: {kind}"
