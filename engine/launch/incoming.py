"""Have a process that imports torch look at given weights: whether they fit a recipe's model, and what they predict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run.initial import FIELD
from engine.launch.piped import PipedChild

FACTS: Final = {"num_classes": "classes", "in_channels": "channels", "image_size": "image_size"}
"""What a model is built for, and where the mark of a data set says it."""


def check_initial(recipe: Recipe, initial: Mapping[str, Any], parts: Catalog, own_parts: Sequence[str]) -> str:
    """Whether the initial weights fit the recipe's model; takes a few seconds for weights that are new.

    Data sets of one's own may not say how many classes they have; then only the trainer can tell.

    Args:
        initial: as `with_initial` returns it; nothing is checked if it is empty.
        own_parts: files with the user's own parts, which are executed if the model is one of them.

    Returns:
        What will be left out of the weights, for people; "" if they fit as they are.

    Raises:
        BadInput: they cannot be read, or do not fit.
    """
    mark = parts.get("dataset", recipe.data.name).meta
    if not initial or not mark.keys() >= set(FACTS.values()):
        return ""
    request = {
        "initial": initial,
        "model": recipe.model.table(),
        "facts": {name: mark[key] for name, key in FACTS.items()},
        "parts": [str(user_path(file).absolute()) for file in own_parts],
    }
    answer = json.loads(_answer(json.dumps(request)))
    if answer["problems"]:
        raise BadInput([f"{FIELD}: {problem}" for problem in answer["problems"]])
    return str(answer["note"])


def evaluated(request: Mapping[str, Any]) -> dict[str, Any]:
    """What weights predict for all test images of a data set: see `engine.incoming.evaluate`.

    Raises:
        BadInput: they cannot be read, do not fit the model or the classes, or the process fails.
    """
    answer: dict[str, Any] = json.loads(_from_child("engine.incoming.evaluate", request))
    if "problems" in answer:
        raise BadInput(answer["problems"])
    return answer


@lru_cache(maxsize=256)
def _answer(request: str) -> bytes:
    """What is said about initial weights; a grid asks the same question for many of its runs. Raises BadInput."""
    try:
        return _from_child("engine.incoming.check", json.loads(request))
    except BadInput as error:
        raise BadInput([f"{FIELD}: {problem}" for problem in error.problems]) from None


def _from_child(module: str, request: Mapping[str, Any]) -> bytes:
    """The answer of a process that imports torch. BadInput if it fails."""
    child = PipedChild(module, request)
    try:
        answer, code = child.read(), child.wait()
    finally:
        child.stop()
    if code:
        raise BadInput(f"the weights could not be read: {child.last_error() or f'exit code {code}'}")
    return answer
