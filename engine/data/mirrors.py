"""From where a file may be downloaded: the environment, else the user's `mirrors.toml` and then the built-in list.

# ~/.config/cifar-tui/mirrors.toml, tried from the top; {file} stands for cifar-10-python.tar.gz and its like, {name}
# for cifar10 and its like, which tells apart the files of MNIST and Fashion-MNIST
    mirrors = ["https://mirror.example.org/{name}/{file}"]      # or https://user:password@mirror.example.org/...
    builtin = true          # false leaves out the built-in list
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
    """The addresses of a file, best first: only those of $CIFAR_TUI_MIRRORS (separated by spaces) if that is set.

    Args:
        source: the data set that the file is of, with its built-in mirrors.

    Raises:
        BadInput: for an address that is not http(s), or a `mirrors.toml` that cannot be used.
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
    except (FileNotFoundError, NotADirectoryError):  # the latter of a home that is no folder
        return {}
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
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


def shown(text: str) -> str:
    """A text with its addresses cut to host and port: what stands before and after may be a password or a key."""
    return re.sub(r"\w+://[^\s'\"]+", lambda found: host_of(found[0]), text)


def host_of(url: str) -> str:
    """Host and port of an address, without the user name and password that may stand before them."""
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]


def without_secrets(url: str) -> str:
    """An address that may be wrong in any way, without what stands before an @ or after a ?."""
    _, at, place = url.rpartition("@")
    return f"{'…@' if at else ''}{place.partition('?')[0]}"


def _fill(templates: Sequence[str], name: str, file: str, origin: str) -> tuple[str, ...]:
    for url in templates:
        if not _is_address(url):
            raise BadInput(f"mirror {without_secrets(url)!r} from {origin} is no http or https address")
    whole = (url if "{file}" in url else f"{url.rstrip('/')}/{{file}}" for url in templates)
    return tuple(url.replace("{name}", name).replace("{file}", file) for url in whole)


def _is_address(url: str) -> bool:
    """Whether somebody can be asked there: http or https, a host that a name server can be asked for, a port."""
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        _ = parts.port
    except ValueError:  # an IPv6 address without its bracket, a port that is no number, a host name that is too long
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
