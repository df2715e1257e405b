"""The placement of a new run: what its draft says, else the user's defaults in the configuration file.

The table `placement` is for all runs, `slurm` and `command` are for those of that launcher:

    [placement]
    tensorboard = true
    keep = "resumable"
"""

from __future__ import annotations

from typing import Any

from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.schema import Placement
from engine.contract.user_config import config_file, read_table
from engine.launch.cluster_defaults import with_defaults
from tui.plans.draft import Draft
from tui.plans.placement import PLACE, checked

TABLE = "placement"


def placement_of(draft: Draft) -> Placement:
    """The placement of a draft, completed by the table of its launcher, then by the table `placement`.

    Raises:
        BadInput: a field of the draft or of the file is not valid, or the file cannot be read.
    """
    return with_defaults(checked({**configured(), **draft.place}), chosen=draft.place.keys())


def configured() -> dict[str, str]:
    """The defaults for all runs by field, as typed text; none without the file or the table.

    Raises:
        BadInput: the file cannot be read, or a field or its value is not valid.
    """
    path, table = config_file(), read_table(TABLE)
    if unknown := [key for key in table if key not in PLACE]:
        raise BadInput([f"{path}: {TABLE}.{key} is not a placement field{nearest(key, PLACE)}" for key in unknown])
    texts = {key: _text(value) for key, value in table.items()}
    try:
        checked(texts)
    except BadInput as error:
        raise BadInput([f"{path}: {TABLE}.{problem}" for problem in error.problems]) from None
    return texts


def _text(value: Any) -> str:
    """A TOML value as it would be typed into the form."""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
