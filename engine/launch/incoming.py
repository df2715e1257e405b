"""Have a process that imports torch compare given weights with a recipe's model, before a run is made of both."""

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


@lru_cache(maxsize=256)
def _answer(request: str) -> bytes:
    """The child's answer; a grid asks the same question for many of its runs. BadInput if the child fails."""
    child = PipedChild("engine.incoming.check", json.loads(request))
    try:
        answer, code = child.read(), child.wait()
    finally:
        child.stop()
    if code:
        raise BadInput(f"{FIELD}: the weights could not be checked: {child.last_error() or f'exit code {code}'}")
    return answer
