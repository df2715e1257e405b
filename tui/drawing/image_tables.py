"""Single images with what runs make of them, as tables: the panes print their cells, and exports write them whole."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.analysis.judged_images import JudgedImages
from engine.analysis.mistakes import ClassMistakes, Doubts, RunAnswer, Sureness, answers_to, sureness
from engine.contract.text import one_line
from tui.drawing.format import NONE
from tui.drawing.typeset import Column, Table
from tui.drawing.verdict_words import short


def image_cells(judged: JudgedImages, place: int) -> tuple[str, str, str, str]:
    """Index of an image in the test set, its class, the class that it is given, and the probability of that."""
    answers = judged.answers
    truth, taken = (one_line(judged.classes[int(one[place])]) for one in (answers.labels, answers.predicted))
    return str(int(answers.index[place])), truth, taken, f"{judged.probability(place):.3f}"


def sure_cells(sure: Sureness) -> tuple[str, str, str]:
    """Margin of the logits, entropy and loss; "infinite" where the float of a probability is 0."""
    figures = ((sure.margin, ".1f"), (sure.entropy, ".2f"), (sure.loss, ".2f"))
    margin, entropy, loss = (f"{value + 0.0:{form}}" if math.isfinite(value) else "infinite" for value, form in figures)
    return margin, entropy, loss


def images_table(title: str, judged: JudgedImages, places: Sequence[int], others: Sequence[JudgedImages] = ()) -> Table:
    """A row for each image: how sure the run is of its answer, and what other runs answer.

    Args:
        places: of the images in the predictions of the run, in the order of the rows.
    """
    heads = ["probability", "margin", "entropy", "loss"]
    columns = [Column("image", right=True), Column("truth"), Column("answer")]
    columns += [Column(head, right=True) for head in heads]
    for other in others:
        columns += [Column(f"{short(other.run)} says"), Column(f"p of {short(other.run)}", right=True)]
    rows = []
    for place in places:
        answers = {one.run: one for one in answers_to(others, int(judged.answers.index[place]))}
        cells = [*image_cells(judged, place), *sure_cells(sureness(judged, place))]
        for other in others:
            one = answers.get(other.run)
            cells += [one_line(judged.classes[one.predicted]), f"{one.probability:.3f}"] if one else [NONE, NONE]
        rows.append(tuple(cells))
    legend = ("image: index in the test set; margin: logit of the answer minus the next one; entropy and loss in nats",)
    return Table(title, tuple(columns), tuple(rows), legend=legend)


def considered_table(judged: JudgedImages, place: int, sure: Sureness) -> Table:
    """The five most probable classes of an image; the true one takes the last place where it is not among them."""
    index, truth, answer, _ = image_cells(judged, place)
    label = int(judged.answers.labels[place])
    top = judged.top(place)
    if label not in [one for one, _ in top]:
        top[-1] = (label, float(judged.probabilities[place, label]))
    rows = [(one_line(judged.classes[one]), f"{share:.3f}", "truth" if one == label else "") for one, share in top]
    heads = (Column("class"), Column("probability", right=True), Column(""))
    figures = tuple(
        f"{name} {value}" for name, value in zip(("margin", "entropy", "loss"), sure_cells(sure), strict=True)
    )
    return Table(f"image {index}: {truth} taken for {answer}", heads, tuple(rows), legend=figures)


def others_table(answers: Sequence[RunAnswer], names: Sequence[str], doubt: str) -> Table:
    """What each run says about an image.

    Args:
        names: of the classes.
        doubt: whether its label is suspect, as a sentence.
    """
    heads = (Column("run"), Column("answer"), Column("probability", right=True))
    rows = tuple((short(one.run), one_line(names[one.predicted]), f"{one.probability:.3f}") for one in answers)
    return Table("marked runs on this image", heads, rows, legend=(doubt,))


def by_class_table(rows: Sequence[ClassMistakes], names: Sequence[str]) -> Table:
    """The mistakes of each class, most first, and what its images are taken for most often."""
    heads = (Column("class"), Column("mistakes", right=True), Column("most often taken for"))
    cells = [
        (one_line(names[one.label]), str(one.images), one_line(names[one.most]) if one.most >= 0 else "")
        for one in rows
    ]
    return Table("mistakes by class", heads, tuple(cells))


def suspects_table(judged: JudgedImages, doubt: Doubts) -> Table:
    """The images whose labels are worth a look; without any, why none can be named stands above."""
    heads = (Column("image", right=True), Column("truth"), Column("all runs say"), Column("probability", right=True))
    rows = tuple(image_cells(judged, place) for place in doubt.places)
    return Table("suspects", heads, rows, lead=(doubt.why,) if doubt.why else ())
