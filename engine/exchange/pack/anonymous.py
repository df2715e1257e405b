"""Remove from the files of a run what tells who made it, and where: host, user, paths and notes.

What is structure (the recipe, numbers, names of devices and classes) stays as it is. In free text, such as a message of
the trainer, names of host and user are replaced by `(host)` and `(user)`, and every absolute path by `(path)`. Notes,
tracebacks, the programs of other users on the GPU and the identifiers of GPUs are removed; the log is not packed.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import pwd
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import tomli_w

from engine.contract.errors import BadInput
from engine.contract.files import read_json
from engine.contract.run.folder import RunFolder
from engine.contract.run.initial import FIELD, without_folder
from engine.contract.run.process import host_name
from engine.contract.values import encode_table, parse, parse_toml

_PATH: Final = re.compile(
    r"""(["'])(?:/|~)[^"'\n]*\1|file:/[^\s"'<>]+|(?<![\w./~+)])(?:~[\w.-]*)?/[\w.@][^\s"'<>|;,()\[\]{}]*"""
)
"""An absolute path, in quotes or by itself; `1/2` and `and/or` are none."""
_NODE: Final = re.compile(r"(?:^|(?<=; ))(nodes? )[\w.-]+(?:, [\w.-]+)*(?=: | failed\b)")
"""The names of other nodes of a run, where their messages begin with it and where they have failed."""
_REMOVED: Final = {
    "others": [], "uuid": "", "detail": "", "host": "", "folder": "", "data_dir": "", "parts": [],
}  # fmt: skip
"""Keys whose values are removed wherever they stand, and what replaces them."""
_SITE: Final = ("parts", "partition", "account", "qos", "constraint", "sbatch", "setup", "template")
"""Fields of a placement that name the user's files, cluster, accounts or machines."""
_FREE: Final = ("text", "message", "note", "why", "gpu_note", "name", "tags", "changes", "preset", "tag", "untag",
                "excluded", "title", "description", "source", "reported_by")  # fmt: skip
"""Keys of free text. Other texts are structure, in which only whole absolute paths are replaced."""
_NOTES: Final = ("note", "unnote")
"""The keys of labels that are left out."""
_ABOUT: Final = ("title", "description", "promise")
"""The keys of a recipe that do not belong to its identity."""
_EVERYBODY: Final = ("root", "localhost", "")
"""Names that tell nothing."""


class Anonymizer:
    """Removes what identifies the maker of one run."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        names = [(host, "(host)") for host in _hosts(run)] + [(user, "(user)") for user in _users(run)]
        self._names = {name.lower(): instead for name, instead in names}
        self._pattern = _whole_words(self._names)

    def text(self, text: str) -> str:
        """Free text without paths and names."""
        text = _PATH.sub(lambda found: f"{found[1] or ''}(path){found[1] or ''}", text)
        text = _NODE.sub(r"\1(host)", text)
        return self._pattern.sub(lambda found: self._names[found[0].lower()], text) if self._pattern else text

    def table(self, table: dict[str, Any]) -> dict[str, Any]:
        """A JSON object with all its texts treated by their keys."""
        return {key: self._value(key, value) for key, value in table.items()}

    def _value(self, key: str, value: Any) -> Any:
        if key in _REMOVED and isinstance(value, str | list):
            return _REMOVED[key]
        if isinstance(value, dict):
            return self.table(value)
        if isinstance(value, list):
            return [self._value(key, item) for item in value]
        if isinstance(value, str):
            return self.text(value) if key in _FREE else "(path)" if value.startswith(("/", "~")) else value
        return value

    def run_json(self, data: bytes) -> bytes:
        """`run.json`, with a command that repeats the run by its id."""
        table = _object(data, self._run)
        system = str(table.get("versions", {}).get("system", ""))
        found = self.table(table | {"command": f"cifar-tui --preset run:{self._run.id} --headless"})
        found["placement"] = {key: value for key, value in found.get("placement", {}).items() if key not in _SITE}
        found["parts"] = table.get("parts", {})  # hashes, by file name
        if system:
            found["versions"] = found["versions"] | {"system": system.split()[0]}  # kernels are named after machines
        return encode_table(found)

    def record(self, data: bytes) -> bytes:
        """Any other small JSON file: an exit record, the decisions of the probe."""
        return encode_table(self.table(_object(data, self._run)))

    def predicted(self, data: bytes) -> bytes:
        """The results on a further test set.

        Raises:
            BadInput: its name, or that of an image, contains a name of host or user; it is also that of a file.
        """
        table = _object(data, self._run)
        files = table.get("files", [])
        texts = [table.get("name", ""), *(file.get("role", "") for file in files if isinstance(file, dict))]
        if self._pattern and (named := next((text for text in texts if self._pattern.search(str(text))), "")):
            raise BadInput(
                f"run {self._run.id}: {named!r}, of a further test set, names this host or this user, so the run "
                "cannot be packed anonymously; predict under another --name, or remove its files from predicted/"
            )
        return encode_table(self.table(table) | {"name": table.get("name", "")})

    def lines(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Lines of JSON: events or labels. Lines that cannot be read, and notes, are left out."""
        for line in lines:
            table = parse(line)
            if table is not None and "event" not in table:
                table = {key: value for key, value in table.items() if key not in _NOTES}
            if table is None or not table.keys() - {"t"}:
                continue
            with contextlib.suppress(ValueError):  # NaN, which our own lines never hold
                yield json.dumps(self.table(table), allow_nan=False).encode() + b"\n"

    def recipe(self, data: bytes) -> bytes:
        """`recipe.toml`. Title, description and promise may change, as they do not belong to the recipe's identity.

        Raises:
            BadInput: another field holds an absolute path, which cannot be removed without making another recipe of it.
        """
        try:
            table = parse_toml(data.decode())
        except ValueError as error:
            raise BadInput(f"run {self._run.id}: recipe.toml is not valid TOML: {error}") from error
        about: dict[str, Any] = {key: table[key] for key in _ABOUT if key in table}
        rest = {key: value for key, value in table.items() if key not in about}
        rest |= {FIELD: without_folder(rest[FIELD])} if isinstance(rest.get(FIELD), str) else {}
        if path := next((text for text in _texts(rest) if text.startswith(("/", "~"))), ""):
            raise BadInput(f"run {self._run.id}: recipe.toml names the path {path!r}, which belongs to the recipe")
        if about == (found := self.table(about)) and rest.get(FIELD) == table.get(FIELD):
            return data
        return tomli_w.dumps(rest | found).encode()

    def part(self, name: str, data: bytes) -> bytes:
        """A file of the user's own parts, unchanged, since the run records its SHA-256.

        Raises:
            BadInput: it contains a name of host or user, or the path of a home folder.
        """
        for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
            if (self._pattern and self._pattern.search(line)) or re.search(r"/(home|Users)/\w", line):
                raise BadInput(
                    f"run {self._run.id}: line {number} of parts/{name} names this host, this user or a home folder; "
                    "the code belongs to the run and is not changed, so the run cannot be packed anonymously"
                )
        return data


def _hosts(run: RunFolder) -> Iterator[str]:
    """The names of the machines of a run, long and short."""
    proc = read_json(run.proc) or {}
    for name in (run.info().host, str(proc.get("host", "")), host_name()):
        yield from (name, name.partition(".")[0])


def _users(run: RunFolder) -> Iterator[str]:
    """The names of the user who owns the run and of the one who packs it, and of their home folders."""
    for find in (run.path.owner, getpass.getuser, lambda: pwd.getpwuid(run.path.stat().st_uid).pw_dir, Path.home):
        yield Path(_found(find)).name


def _found(find: Callable[[], object]) -> str:
    """What a question to the system answers; "" where it has no answer, as in a container without user names."""
    try:
        return str(find())
    except (KeyError, OSError, RuntimeError):
        return ""


def _whole_words(names: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern for any of these names as a whole word, in upper or lower case; None if there is none."""
    listed = sorted({name for name in names if name not in _EVERYBODY}, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, listed))})(?!\w)", re.IGNORECASE) if listed else None


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested tables and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _object(data: bytes, run: RunFolder) -> dict[str, Any]:
    table = parse(data)
    if table is None:
        raise BadInput(f"run {run.id}: a damaged file cannot be packed anonymously; `runs verify` names it")
    return table
