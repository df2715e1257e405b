"""`python -m engine.incoming.check`: whether given weights fit the model of a recipe, before a run is made of both.

Reads one JSON object from stdin, the arguments of `check`, and writes one to stdout: {"note": ..., "problems": [...]}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.contract.run.initial import Initial, file_of
from engine.contract.values import build
from engine.launch import package
from engine.loop.initial import fit_state
from engine.loop.state_files import read_state
from engine.models.build import build_model


def check(initial: Mapping[str, Any], model: Mapping[str, Any], facts: Mapping[str, int], parts: Sequence[str]) -> str:
    """Read the weights and compare them with the model, which is built without memory for its own weights.

    Args:
        initial: as `with_initial` returns it.
        model: the recipe's model as a table.
        facts: "num_classes", "in_channels" and "image_size".
        parts: files with the user's own parts.

    Returns:
        What will be left out of the weights, for people; "" if they fit as they are.

    Raises:
        BadInput: they cannot be read, or do not fit.
    """
    given = build(Initial, dict(initial))
    choice = Choice.model_validate(model)
    with torch.device("meta"):
        built = build_model(choice, **facts, catalog=catalog(tuple(map(Path, parts))))
    state = read_state(file_of(given), given.sha256)
    return fit_state(state, built, choice.name, facts["num_classes"], given.words()).head.removeprefix("; ")


def main() -> int:
    """Answer the request on stdin and return the exit code."""
    try:
        if problem := package.problem():
            raise BadInput(problem)
        answer = {"note": check(**json.loads(sys.stdin.read())), "problems": []}
    except BadInput as error:
        answer = {"note": "", "problems": error.problems}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
