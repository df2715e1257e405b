"""The mirrors of a file: those of the environment, or else of the user's `mirrors.toml` and the built-in list.

# ~/.config/cifar-tui/mirrors.toml, tried from the top; {file} stands for a file name such as cifar-10-python.tar.gz,
# {name} for a data set such as cifar10, which tells apart the files of MNIST and Fashion-MNIST
    mirrors = ["https://mirror.example.org/{name}/{file}"]      # or https://user:password@mirror.example.org/...
    builtin = true          # false disables the built-in list
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import platformdirs

from engine.contract.errors import BadInput, nearest
from engine.contract.files import read_file
from engine.contract.values import parse_toml
from engine.data.sources import Source

KEYS: Final = ("mirrors", "builtin")


def mirrors_file() -> Path:
    return platformdirs.user_config_path("cifar-tui") / "mirrors.toml"


def mirror_urls(source: Source, file: str) -> tuple[str, ...]:
    """The URLs of a file, best first; only those of $CIFAR_TUI_MIRRORS (separated by spaces) if that is set.

    Args:
        source: the data set of the file, with its built-in mirrors.

    Raises:
        BadInput: a URL is not http(s), or `mirrors.toml` is invalid.
    """
    if set_here := os.environ.get("CIFAR_TUI_MIRRORS", "").split():
        return _fill(set_here, source.name, file, "$CIFAR_TUI_MIRRORS")
    path = mirrors_file()
    table = _read(path)
    own = _fill(table.get("mirrors", []), source.name, file, str(path))
    return own + _fill(source.mirrors, source.name, file, "") if table.get("builtin", True) else own


def _read(path: Path) -> dict[str, Any]:
    try:
        table = parse_toml(read_file(path, follow=True).decode())
    except (FileNotFoundError, NotADirectoryError):  # the latter if the home is not a folder
        return {}
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
        raise BadInput(f"cannot read {path}: {error}") from None
    problems = [f"{path}: unknown key {key}{nearest(key, KEYS)}" for key in table.keys() - set(KEYS)]
    own = table.get("mirrors", [])
    if not (isinstance(own, list) and all(isinstance(url, str) for url in own)):
        problems.append(f"{path}: mirrors must be a list of URLs")
    if not isinstance(table.get("builtin", True), bool):
        problems.append(f"{path}: builtin must be true or false")
    if not own and table.get("builtin") is False:
        problems.append(f"{path}: no mirror is left, because builtin is false and mirrors is empty")
    if problems:
        raise BadInput(problems)
    return table


def shown(text: str) -> str:
    """A text with its URLs cut to host and port, since the rest may contain a password or a key."""
    return re.sub(r"\w+://[^\s'\"]+", lambda found: host_of(found[0]), text)


def host_of(url: str) -> str:
    """Host and port of a URL, without a user name and password."""
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]


def without_secrets(url: str) -> str:
    """A possibly invalid URL without everything before an @ or after a ?."""
    _, at, place = url.rpartition("@")
    return f"{'…@' if at else ''}{place.partition('?')[0]}"


def _fill(templates: Sequence[str], name: str, file: str, origin: str) -> tuple[str, ...]:
    for url in templates:
        if not _is_url(url):
            raise BadInput(f"mirror {without_secrets(url)!r} from {origin} is not an http or https URL")
    whole = (url if "{file}" in url else f"{url.rstrip('/')}/{{file}}" for url in templates)
    return tuple(url.replace("{name}", name).replace("{file}", file) for url in whole)


def _is_url(url: str) -> bool:
    """Whether a URL can be requested: http or https, a valid host name and a valid port."""
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        _ = parts.port
    except (
        ValueError
    ):  # for example an unclosed IPv6 bracket, a port that is not a number, a host name that is too long
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
