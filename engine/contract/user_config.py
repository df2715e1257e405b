"""The user's configuration file, `config.toml` in the configuration folder, whose tables several modules read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs

from engine.contract.errors import BadInput
from engine.contract.files import read_file
from engine.contract.values import parse_toml


def config_file() -> Path:
    """Where the configuration file is looked for."""
    return platformdirs.user_config_path("cifar-tui") / "config.toml"


def read_tables(path: Path | None = None) -> dict[str, Any]:
    """What the configuration file says; nothing where there is no file.

    Args:
        path: the file; by default the user's.

    Raises:
        BadInput: the file cannot be read, or is not TOML.
    """
    path = path or config_file()
    try:
        return parse_toml(read_file(path, follow=True).decode())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
        raise BadInput(f"cannot read {path}: {error}") from None


def read_table(name: str, path: Path | None = None) -> dict[str, Any]:
    """One table of the configuration file; empty where there is none.

    Raises:
        BadInput: the file cannot be read, or `name` is not a table in it.
    """
    table = read_tables(path).get(name, {})
    if not isinstance(table, dict):
        raise BadInput(f"{path or config_file()}: {name} is not a table")
    return table
