"""The user's defaults for runs on a cluster: the tables `[slurm]` and `[command]` of the configuration file.

    [slurm]
    partition = "gpu"
    time = "8:00:00"
    setup = "module load cuda"

The keys are the fields of a placement that such a run has; a flag or a field of the form comes before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import platformdirs
from pydantic import ValidationError

from engine.contract.errors import BadInput, nearest_or_all
from engine.contract.files import read_file
from engine.contract.recipe.resolve import explain
from engine.contract.recipe.schema import Placement
from engine.contract.values import parse_toml

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "slurm": (
        "partition", "account", "qos", "time", "gpus", "cpus", "memory", "constraint", "sbatch", "setup", "resubmit",
    ),
    "command": ("template", "gpus", "cpus", "setup"),
}  # fmt: skip
"""The keys of each table, which has the name of its launcher."""


def with_defaults(placement: Placement, path: Path | None = None) -> Placement:
    """The placement, with the user's defaults in the fields that were not given.

    Args:
        path: the configuration file; by default the user's.

    Raises:
        BadInput: the file cannot be read, or its table for this launcher has an unknown key or a bad value.
    """
    if placement.launcher not in KEYS:
        return placement
    path = path or platformdirs.user_config_path("cifar-tui") / "config.toml"
    table = _table(path, placement.launcher)
    given = {name: getattr(placement, name) for name in placement.model_fields_set}
    try:
        return Placement.model_validate({**table, **given})
    except ValidationError as error:
        raise BadInput([f"{path}: {placement.launcher}.{problem}" for problem in explain(error, Placement)]) from None


def _table(path: Path, name: str) -> Mapping[str, Any]:
    try:
        table = parse_toml(read_file(path, follow=True).decode()).get(name, {})
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
        raise BadInput(f"cannot read {path}: {error}") from None
    if not isinstance(table, dict):
        raise BadInput(f"{path}: {name} is not a table")
    if unknown := [key for key in table if key not in KEYS[name]]:
        raise BadInput([f"{path}: {name}.{key} is not a setting{nearest_or_all(key, KEYS[name])}" for key in unknown])
    return table
