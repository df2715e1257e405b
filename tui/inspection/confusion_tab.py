"""Confusion: the matrix as heat, the images of the chosen cell, and where the mistakes of each class go."""

from __future__ import annotations

from typing import Final

from engine.analysis.confused import Confused
from engine.analysis.judged_images import JudgedImages
from engine.contract.errors import BadInput
from engine.contract.text import one_line
from tui.drawing.confusion import Grid, confusion, frequent, grid_for, in_words, where_mistakes_go
from tui.drawing.confusion_tables import frequent_table, lost_table, matrix_table
from tui.drawing.format import counted, percent
from tui.drawing.image_tables import images_table
from tui.drawing.lines import Line, heading, wrap
from tui.drawing.per_class import per_class_table
from tui.drawing.picture_lines import PITCH, SMALL, Tile, columns_in, tiles
from tui.drawing.typeset import Table
from tui.inspection.choice import TabOptions, picked
from tui.inspection.facts import Facts
from tui.inspection.gallery import name_of, page_size, pages, tile, verdict_caption
from tui.inspection.no_matrix import NO_MATRIX, classes_by_accuracy, why_no_classes, without_matrix
from tui.inspection.tab import GAP, WIDE, Canvas, Tab, beside, explained

LARGEST_COUNT: Final = 9999
"""The largest count that a cell of the matrix shows."""
_ORDERS: Final = {"data": False, "similarity": True}
"""Whether classes that are confused stand together, by the names of the orders on the command line."""


class ConfusionTab(Tab):
    """Arrows choose a cell, enter shows its images on the whole page."""

    title = "Confusion"
    short = "Conf"
    draws_pictures = True

    def __init__(self) -> None:
        self._percent = False
        self._similar = False
        self._row, self._column = -1, -1
        """Places of the chosen cell in the order shown; -1 until it is first drawn."""
        self._open = False
        """Whether the images of the cell are shown."""
        self._image = 0
        self._across = self._down = 1

    def forget(self) -> None:
        self._row = self._column = -1
        self._open, self._image = False, 0

    def take(self, facts: Facts, choice: TabOptions) -> None:
        choice.refuse_all_but(("order", "cell", "percent"), self.title)
        one = facts.confused
        if one is None:
            if choice != TabOptions():
                raise BadInput(NO_MATRIX if classes_by_accuracy(facts) else why_no_classes(facts))
            return
        self._percent = choice.percent
        self._similar = bool(choice.order) and picked("order", choice.order, _ORDERS)
        if choice.cell:
            self._stand_on(one, *picked("cell", choice.cell, _cells(one)))

    def options(self, facts: Facts) -> list[str]:
        one = facts.confused
        if one is None:
            return []
        found = [*(["--order", "similarity"] if self._similar else []), *(["--percent"] if self._percent else [])]
        cell = self._cell(one)
        return found if cell == _first_cell(one) else [*found, "--cell", ":".join(one.names[i] for i in cell)]

    def listed(self, facts: Facts) -> tuple[str, list[int]]:
        if facts.confused is None or not isinstance(facts.judged, JudgedImages):
            return "", []
        cell = self._cell(facts.confused)
        return _cell_words(facts.confused, cell)[0], facts.judged.cell(*cell).tolist()

    def tables(self, facts: Facts) -> list[Table]:
        one = facts.confused
        if one is None:
            rows = classes_by_accuracy(facts)
            return [per_class_table(rows, facts.set_name)] if rows else [explained("confusion", why_no_classes(facts))]
        order = self._order(one)
        title, places = self.listed(facts)
        return [
            matrix_table(one, order, as_percent=self._percent or _too_long(one), name=facts.set_name),
            lost_table(one, order),
            frequent_table(one),
            *([images_table(title, facts.judged, places)] if isinstance(facts.judged, JudgedImages) else []),
        ]

    # --- drawing ----------------------------------------------------------------------------------------------

    def draw(self, facts: Facts, canvas: Canvas) -> list[Line]:
        one = facts.confused
        if one is None:
            return without_matrix(facts, canvas.width, canvas.height)
        cell = self._cell(one)
        if self._open and isinstance(facts.judged, JudgedImages):
            return self._images(facts, facts.judged, canvas, cell)
        narrow = canvas.width < WIDE
        room = canvas.width if narrow else canvas.width - PITCH - GAP
        grid = grid_for(one.names, room, canvas.height - 1 - (0 if narrow else 8))
        if narrow:
            lines = self._matrix(facts, one, grid, canvas.width, cell)
            return [*lines, *frequent(one, canvas.width, max(canvas.height - len(lines), 4), cell)]
        left = grid.width(len(one.names))
        right = canvas.width - left - GAP
        matrix = self._matrix(facts, one, grid, left, cell)
        rest = canvas.height - len(matrix)
        air: list[Line] = [[]] if rest > len(one.names) + 3 else []
        lost = facts.kept.get(
            "lost", (self._similar, left, rest - len(air)), lambda: self._lost(one, left, rest - len(air))
        )
        side = self._side(facts, canvas, one, cell, right)
        return beside([([*matrix, *air, *lost], left), (side, right)], canvas.height)

    def _lost(self, one: Confused, width: int, height: int) -> list[Line]:
        """Where the mistakes of each class go, and below it the classes confused most in words where they fit."""
        lines = where_mistakes_go(one, self._order(one), width, height)
        return [*lines, [], *in_words(one, width)] if height - len(lines) >= 3 else lines

    def _order(self, one: Confused) -> list[int]:
        return one.by_similarity() if self._similar else list(range(len(one.names)))

    def _cell(self, one: Confused) -> tuple[int, int]:
        """The chosen cell as (true class, class given): at first the most frequent mistake."""
        if self._row < 0:
            self._stand_on(one, *_first_cell(one))
        order = self._order(one)
        return order[self._row], order[self._column]

    def _stand_on(self, one: Confused, label: int, given: int) -> None:
        order = self._order(one)
        self._row, self._column = order.index(label), order.index(given)

    def _matrix(self, facts: Facts, one: Confused, grid: Grid, width: int, cell: tuple[int, int]) -> list[Line]:
        as_percent = self._percent or _too_long(one)
        what = "percent of the class" if as_percent else "images"
        right: Line = [("rows are the truth · ", "dim"), (f"{percent(one.accuracy)} % right", "strong")]
        after: Line = [(f"epoch {one.epoch} · ", "dim"), *right]
        order = self._order(one)
        drawn = facts.kept.get(
            "matrix",
            (order, grid, cell, as_percent),
            lambda: confusion(one, order, grid, cell, as_percent=as_percent),
        )
        return [heading(f"confusion, {facts.set_name}, {what}", width, [after, right]), *drawn]

    def _side(self, facts: Facts, canvas: Canvas, one: Confused, cell: tuple[int, int], width: int) -> list[Line]:
        """The images of the cell, as many as fit, then the most frequent mistakes."""
        title, right = _cell_words(one, cell)
        lines = [heading(title, width, [right], "strong", focused=True)]
        if not isinstance(facts.judged, JudgedImages) or isinstance(facts.images, str) or not canvas.pictures:
            lines += self._words(facts, canvas, cell, width)
        else:
            lines += self._pictures(facts, facts.judged, canvas, cell, width)
        return [*lines, *frequent(one, width, max(canvas.height - len(lines), 0), cell)][: canvas.height]

    def _pictures(
        self, facts: Facts, judged: JudgedImages, canvas: Canvas, cell: tuple[int, int], width: int
    ) -> list[Line]:
        places = judged.cell(*cell).tolist()
        across = min(columns_in(width), 2)
        rows = 2 if canvas.height >= 46 and across > 1 else 1
        large = [
            tile(facts, canvas, place, verdict_caption(judged, place), at)
            for at, place in enumerate(places[: across * rows])
        ]
        lines = tiles(large, across)
        rest = places[len(large) :][: 2 * rows]
        small = [self._thumbnail(facts, judged, canvas, place, at) for at, place in enumerate(rest)]
        if width - across * PITCH >= SMALL + 2:
            thumbnails = tiles(small, 1, side=SMALL)
            lines = beside([(lines, across * PITCH - GAP), (thumbnails, SMALL + 2)])
        elif across == 1 and canvas.height >= 36:
            lines += tiles(small[:2], 2, side=SMALL)[1:]
        return lines or [[], [(" no image in this cell", "dim")], []]

    def _thumbnail(self, facts: Facts, judged: JudgedImages, canvas: Canvas, place: int, at: int) -> Tile:
        caption: Line = [(f"{judged.probability(place):.2f}", "strong"), (f" #{judged.answers.index[place]}", "dim")]
        return tile(facts, canvas, place, caption, at)

    def _words(self, facts: Facts, canvas: Canvas, cell: tuple[int, int], width: int) -> list[Line]:
        """What is said in place of pictures, and the images of the cell by their index."""
        if not isinstance(facts.judged, JudgedImages):
            return [[(f" {part}", "dim")] for part in wrap(str(facts.images), width - 2)]
        within = Canvas(width, 12, canvas.glyphs, canvas.color)
        judged, places = facts.judged, facts.judged.cell(*cell).tolist()
        lines = pages(facts, within, places, 0, lambda place, cells: verdict_caption(judged, place, cells), 12)
        return [line for line in lines if line]

    def _images(self, facts: Facts, judged: JudgedImages, canvas: Canvas, cell: tuple[int, int]) -> list[Line]:
        """All images of the cell on the whole page."""
        places = judged.cell(*cell).tolist()
        self._image = min(self._image, max(len(places) - 1, 0))
        self._across, self._down = page_size(facts, canvas, canvas.height - 1)
        label, given = (name_of(judged, one) for one in cell)
        title = f"{label} taken for {given}" if label != given else f"{label} recognized"
        shown = f"{self._image + 1} of {counted(len(places), 'image')}" if places else "no images"
        lines = [heading(title, canvas.width, [f"{shown}, the surest first   q back", shown], focused=True)]
        if not places:
            return [*lines, [(" no image in this cell", "dim")]]
        drawn = pages(
            facts, canvas, places, self._image, lambda at, cells: verdict_caption(judged, at, cells), canvas.height - 1
        )
        return [*lines, *drawn]

    # --- keys -------------------------------------------------------------------------------------------------

    @property
    def page_rows(self) -> int:
        return self._down if self._open else 0

    def move(self, facts: Facts, right: int, down: int) -> bool:
        one = facts.confused
        if one is None:
            return False
        label, given = self._cell(one)
        if self._open and isinstance(facts.judged, JudgedImages):
            last = len(facts.judged.cell(label, given)) - 1
            self._image = min(max(self._image + right + down * self._across, 0), max(last, 0))
            return True
        most = len(one.names) - 1
        self._row = min(max(self._row + down, 0), most)
        self._column = min(max(self._column + right, 0), most)
        return True

    def enter(self, facts: Facts) -> str:
        if facts.confused is None:
            return "there is no matrix to open a cell of"
        if not isinstance(facts.judged, JudgedImages):
            return f"the images of a cell are not known: {facts.judged.reason}"
        self._open, self._image = True, 0
        return ""

    def close(self) -> bool:
        was, self._open = self._open, False
        return was

    def numbers(self, facts: Facts) -> str:
        if facts.confused is not None and _too_long(facts.confused):
            return "counts of more than four digits do not fit into the cells"
        self._percent = not self._percent
        return ""

    def order(self, facts: Facts) -> str:
        """Order the classes by similarity, or as the data set has them; the cell stays the same."""
        one = facts.confused
        if one is not None:
            cell = self._cell(one)
            self._similar = not self._similar
            self._stand_on(one, *cell)
        return "classes that are confused stand together" if self._similar else "classes in the order of the data set"


def _first_cell(one: Confused) -> tuple[int, int]:
    """The most frequent mistake as (true class, class given)."""
    label, given, _ = (*one.pairs(1), (0, 0, 0))[0]
    return label, given


def _cells(one: Confused) -> dict[str, tuple[int, int]]:
    """Every cell by the names of its true class and of the class given."""
    return {f"{a}:{b}": (label, given) for label, a in enumerate(one.names) for given, b in enumerate(one.names)}


def _too_long(one: Confused) -> bool:
    """Whether a count has more digits than a cell has room for, as with all versions of a corruption set."""
    return int(one.matrix.max(initial=0)) > LARGEST_COUNT


def _cell_words(one: Confused, cell: tuple[int, int]) -> tuple[str, str]:
    label, given = (one_line(one.names[i], 14) for i in cell)
    title = f"{label} taken for {given}" if cell[0] != cell[1] else f"{label} recognized"
    return title, counted(int(one.matrix[cell]), "image")
