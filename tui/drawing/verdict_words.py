"""The words of verdicts: what a comparison shows, in the fewest words that claim no more than the data do.

No verdict says that a difference is real or equal, or gives odds. Points are percentage points of accuracy.
"""

from __future__ import annotations

import math
from typing import Final

from engine.analysis.between_models import ModelVerdict
from engine.analysis.between_recipes import RecipeVerdict
from engine.analysis.stats import Interval, Spread
from engine.analysis.together import Suspects
from engine.analysis.verdict import Outcome, Rules
from tui.drawing.format import NONE, counted, delta, percent, whole

MOST_SUSPECTS: Final = 3
"""How many suspect images a sentence names."""


def short(run: str) -> str:
    """The last four characters of a run's id, by which tables and sentences name it."""
    return run[-4:]


def p_text(p: float) -> str:
    """A p value in at most two digits: .31 -> ".31", 7e-5 -> "7e-5", 1e-12 -> "<1e-9"."""
    if math.isnan(p):
        return NONE
    if p < 1e-9:
        return "<1e-9"
    if p >= 0.001:
        return f"{p:.2g}".removeprefix("0")
    digits, exponent = f"{p:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def points(difference: float) -> str:
    """A share of images as points without sign and leading zero: .002 -> ".2", 0.0061 -> ".61"."""
    return f"{100 * abs(difference):.2f}".rstrip("0").rstrip(".").removeprefix("0") or "0"


def range_text(interval: Interval | None) -> str:
    """An interval of a difference in points: "+0.31 .. +0.91"."""
    return f"{delta(interval.low, 2)} .. {delta(interval.high, 2)}" if interval else NONE


def mean_sd(values: Spread) -> str:
    """Mean, standard deviation and number of seeds: "96.25 ± .10 sd (n = 3)"; a single run has no spread."""
    if not values.n:
        return NONE
    spread = f" ± {f'{100 * values.sd:.2f}'.removeprefix('0')} sd" if values.n > 1 else ""
    return f"{percent(values.mean)}{spread} (n = {values.n})"


def comparisons(size: int) -> str:
    """The size of a family, for the heading above its verdicts: "3 comparisons"."""
    return counted(size, "comparison")


def word(outcome: Outcome, rules: Rules, size: int, *, models: bool) -> str:
    """The verdict as a table shows it.

    Args:
        size: number of comparisons in the family.
        models: whether single runs are compared, of which only their mistakes are known, and not their recipes.
    """
    match outcome:
        case "better":
            return "▲ fewer mistakes" if models else "▲ better"
        case "worse":
            return "▼ more mistakes" if models else "▼ worse"
        case "same":
            return f"same within {points(rules.smallest)}"
        case "not after correction":
            return f"? not after {comparisons(size)}"
        case "open":
            return "? open"
        case "untested":
            return "no test"


def model_sentence(verdict: ModelVerdict, baseline: str, rules: Rules, size: int) -> str:
    """What two runs show about these two models, as a sentence that names the counts behind it."""
    name, base = short(verdict.run), short(baseline)
    if verdict.pair is None:
        return f"{name}: no test ({verdict.reason}){_unpaired(verdict)}."
    counts = verdict.pair.counts
    images = f"the same {whole(counts.images)} images"
    facts = f"{counts.won} fixed, {counts.lost} new"
    family = f" after {comparisons(size)}" if size > 1 else ""
    p = f"p {p_text(verdict.adjusted)}{family}"
    made = f"{name} made {_mistakes(counts.lost - counts.won)} {base} on {images} ({facts})"
    match verdict.outcome:
        case "better" | "worse":
            return f"{made}: more than chance on images explains ({p}). Another seed may differ."
        case "same":
            return f"{name} and {base} are the same within {points(rules.smallest)} on {images} {_range(verdict)}."
        case "not after correction":
            return f"{made}: ? not after {comparisons(size)} ({p})."
        case _:
            return f"{name}: ? open: {_anything(verdict.interval)} ({facts}, {p})."


def _mistakes(more: int) -> str:
    if not more:
        return "as many mistakes as"
    return f"{abs(more)} {'more' if more > 0 else 'fewer'} {'mistake' if abs(more) == 1 else 'mistakes'} than"


def _unpaired(verdict: ModelVerdict) -> str:
    if verdict.interval is None:
        return ""
    return f"; unpaired interval of the difference {range_text(verdict.interval)}"


def _range(verdict: ModelVerdict) -> str:
    return f"(95 % {range_text(verdict.interval)})"


def _anything(interval: Interval | None) -> str:
    if interval is None:
        return "no interval"
    low, high = f"{100 * abs(interval.low):.2f}", f"{100 * abs(interval.high):.2f}"
    return f"anything from {low} worse to {high} better"


def plan_words(row: RecipeVerdict) -> str:
    """How far the plan of a recipe is carried out: "planned n = 6, 3 done: interim"."""
    return f"planned n = {row.planned}, {row.recipe.last.n} done{': interim' if row.interim else ''}"


def recipe_sentence(verdict: RecipeVerdict, label: str, rules: Rules, size: int) -> str:
    """What the seeds of two recipes show, as a sentence.

    Args:
        label: the recipe's name, or how it differs from the baseline.
    """
    sentence = _recipe_sentence(verdict, label, rules, size)
    return f"{_capital(plan_words(verdict))}. {sentence}" if verdict.interim else sentence


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _recipe_sentence(verdict: RecipeVerdict, label: str, rules: Rules, size: int) -> str:
    found = verdict.difference
    if found is None:
        return f"{label}: no test ({verdict.reason}).{_seeds(verdict, rules)}"
    n = f"n = {found.n[0]} and {found.n[1]}"
    interval = f"(95 % {range_text(found.interval)}, {n})"
    by = f"{100 * abs(found.difference):.2f}"
    match verdict.outcome:
        case "better" | "worse":
            return f"{label} is {verdict.outcome} by {by} {interval}."
        case "same":
            return f"{label} is the same within {points(rules.smallest)} {interval}."
        case "not after correction":
            p = p_text(verdict.adjusted)
            return f"{label}: ? not after {comparisons(size)}: p {p} {interval}.{_seeds(verdict, rules)}"
        case _:
            return f"{label}: ? open: {_anything(found.interval)} ({n}).{_seeds(verdict, rules)}"


def _seeds(verdict: RecipeVerdict, rules: Rules) -> str:
    """How many seeds would show the smallest difference that matters, after a blank; "" if there are enough."""
    found = verdict.difference.n if verdict.difference else (verdict.recipe.last.n,)
    if verdict.seeds_needed <= min(found):
        return ""
    have = " and ".join(map(str, dict.fromkeys(found)))
    needed = f"{'at least ' if verdict.at_least else ''}{verdict.seeds_needed} seeds each"
    return f" To see {points(rules.smallest)}: {needed}; you have {have}."


def churn_sentence(verdict: ModelVerdict, baseline: str) -> str:
    """How often two runs predict different classes, beside its two references; "" without a pair."""
    churn = verdict.churn
    if churn is None:
        return ""
    references = [f"{percent(churn.independent)} % if they erred independently"]
    if churn.pairs:
        references.append(f"{percent(churn.two_seeds)} % between two seeds of one recipe here")
    share = f"{short(verdict.run)} and {short(baseline)} predict different classes for {percent(churn.share)} %"
    return f"{share} of the images ({'; '.join(references)})."


def ensemble_sentence(verdict: RecipeVerdict, label: str) -> str:
    """What the seeds of a recipe predict together; "" where that is not known."""
    found = verdict.ensemble
    if found is None:
        return ""
    together = f"the mean of the probabilities of its {found.runs} seeds is right for {percent(found.accuracy)} %"
    return f"{label}: {together}, each seed alone for {percent(found.alone)} %."


def suspects_sentence(suspects: Suspects) -> str:
    """How many labels are worth a look, and the surest of them; "" if there are none."""
    if not suspects.images:
        return ""
    names = suspects.classes
    shown = [
        f"{one.image} {names[one.label]} → {names[one.predicted]} {percent(one.probability, 0)} %"
        for one in suspects.images[:MOST_SUSPECTS]
    ]
    more = ", ..." if len(suspects.images) > len(shown) else ""
    agree = f"all {len(suspects.runs)} runs of {suspects.recipes} recipes agree on another class"
    return f"{counted(len(suspects.images), 'suspect label')}, worth a look: {agree} ({', '.join(shown)}{more})."
