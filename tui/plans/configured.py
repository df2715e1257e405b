"""The user's defaults for the placement of new runs, from the table `placement` of the configuration file.

[placement]
tensorboard = true
keep = "resumable"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import platformdirs

from engine.contract.errors import BadInput, nearest
from engine.contract.files import read_file
from engine.contract.values import parse_toml
from tui.plans.placement import PLACE, checked

TABLE = "placement"


def configured() -> dict[str, str]:
    """The defaults by field, as typed text; none without the file or the table.

    Raises:
        BadInput: the file cannot be read, or a field or its value is not valid.
    """
    path = platformdirs.user_config_path("cifar-tui") / "config.toml"
    try:
        table = parse_toml(read_file(path, follow=True).decode()).get(TABLE, {})
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
        raise BadInput(f"cannot read {path}: {error}") from None
    if not isinstance(table, Mapping):
        raise BadInput(f"{path}: {TABLE} is not a table")
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
