"""The user's defaults for runs on a cluster: the tables `[slurm]` and `[command]` of the configuration file.

    [slurm]
    partition = "gpu"
    time = "8:00:00"
    setup = "module load cuda"

The keys are the fields of a placement that such a run has; a flag or a field of the form comes before them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from engine.contract.errors import BadInput, nearest_or_all
from engine.contract.recipe.resolve import explain
from engine.contract.recipe.schema import Placement
from engine.contract.user_config import config_file, read_table

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "slurm": (
        "partition", "account", "qos", "time", "gpus", "nodes", "cpus", "memory", "constraint", "sbatch", "setup",
        "resubmit",
    ),
    "command": ("template", "gpus", "cpus", "setup"),
}  # fmt: skip
"""The keys of each table, which has the name of its launcher."""


def with_defaults(
    placement: Placement, path: Path | None = None, *, chosen: Collection[str] | None = None
) -> Placement:
    """The placement, with the user's defaults in the fields that were not chosen.

    Args:
        path: the configuration file; by default the user's.
        chosen: the fields that the table may not change; by default all that are set.

    Raises:
        BadInput: the file cannot be read, or its table for this launcher has an unknown key or a bad value.
    """
    name = placement.launcher
    if name not in KEYS:
        return placement
    path = path or config_file()
    table = read_table(name, path)
    if unknown := [key for key in table if key not in KEYS[name]]:
        raise BadInput([f"{path}: {name}.{key} is not a setting{nearest_or_all(key, KEYS[name])}" for key in unknown])
    given = {field: getattr(placement, field) for field in placement.model_fields_set}
    kept = given if chosen is None else {field: value for field, value in given.items() if field in chosen}
    try:
        return Placement.model_validate({**given, **table, **kept})
    except ValidationError as error:
        raise BadInput([f"{path}: {name}.{problem}" for problem in explain(error, Placement)]) from None
