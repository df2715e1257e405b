"""Labels that users give to a run: a name, tags, notes, a pin, an exclusion. Appended under a lock, folded on reading.

All of it is data. A name is never used as a path.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from engine.contract.errors import BadInput
from engine.contract.files import locked, read_bytes
from engine.contract.lines import LineWriter
from engine.contract.text import clean
from engine.contract.values import parse_lines

LONGEST_NAME: Final = 200
LONGEST_TAG: Final = 64
LONGEST_NOTE: Final = 10_000
LONGEST_REASON: Final = 200
_CAN_BE_EMPTY: Final = ("name", "excluded")


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a run; tags in the order they were added, notes oldest first.

    `garbage` counts lines that are no JSON object and labels with a value of a wrong type.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pinned: bool = False
    excluded: str = ""
    """Why the run is left out of means, verdicts and grids; "" if it counts."""
    garbage: int = 0


def read_labels(path: Path) -> Labels:
    """Read and fold the file; labels of unknown kinds are skipped. Never raises."""
    tables, garbage = parse_lines(read_bytes(path) or b"")
    name, pinned, excluded = "", False, ""
    tags: dict[str, None] = {}
    notes: list[str] = []
    for table in tables:
        for key, value in table.items():
            match key, value:
                case "name", str():
                    name = value
                case "tag", str():
                    tags[value] = None
                case "untag", str():
                    tags.pop(value, None)
                case "note", str():
                    notes.append(value)
                case "unnote", str() if value in notes:
                    del notes[len(notes) - 1 - notes[::-1].index(value)]  # the newest note with this text
                case "pinned", bool():
                    pinned = value
                case "excluded", str():
                    excluded = value
                case (("name" | "tag" | "untag" | "note" | "pinned" | "excluded"), _):
                    garbage += 1
    return Labels(name, tuple(tags), tuple(notes), pinned, excluded, garbage)


class LabelChanges(TypedDict, total=False):
    """What can be appended to the labels: a new name, a tag or note to add or to remove, the pin, the exclusion.

    An empty name or exclusion takes the present one away; any other empty text changes nothing.
    """

    name: str
    tag: str
    untag: str
    note: str
    unnote: str
    pinned: bool
    excluded: str
    """Why the run is left out of means, verdicts and grids; "" makes it count again."""


def add_label(path: Path, **changes: Unpack[LabelChanges]) -> None:
    """Append changes to the labels. BadInput if one is invalid or the file cannot be written."""
    given: dict[str, Any] = {key: value for key, value in changes.items() if value != "" or key in _CAN_BE_EMPTY}
    if "name" in given:
        given["name"] = check_name(given["name"])
    if "tag" in given:
        check_tag(given["tag"])
    if "note" in given:
        _within(given["note"], LONGEST_NOTE, "note")
    if given.get("excluded"):
        given["excluded"] = check_reason(given["excluded"])
    if not given:
        return
    try:
        with locked(path, wait=True), LineWriter(path) as lines:
            lines.write(json.dumps({"t": time.time()} | given))
    except OSError as error:
        raise BadInput(f"cannot label run {path.parent.name}: {error.strerror} ({path})") from error


def check_name(name: str) -> str:
    """The name without surrounding white space. BadInput if it could not be shown or referred to."""
    name = _within(name.strip(), LONGEST_NAME, "name")
    if name.startswith("@"):
        raise BadInput(f"name {name!r}: a leading @ is reserved for @last and @live")
    if "\n" in name or "\t" in name:
        raise BadInput(f"name {name!r}: a name must be a single line")
    return name


def check_tag(tag: str) -> str:
    """The tag. BadInput if it could not be typed into a filter."""
    if not tag or any(letter.isspace() or letter in ",\"'" for letter in tag) or tag.startswith("-"):
        raise BadInput(f"tag {tag!r}: a tag must be one word without commas or quotes, and must not begin with a minus")
    return _within(tag, LONGEST_TAG, "tag")


def check_reason(text: str) -> str:
    """The reason for which a run is left out, without surrounding white space. BadInput if it says nothing."""
    text = _within(text.strip(), LONGEST_REASON, "reason")
    if not text or "\n" in text or "\t" in text:
        raise BadInput(f"reason {text!r}: a reason must be a single line that says why the run does not count")
    return text


def _within(text: str, longest: int, what: str) -> str:
    if clean(text) != text:
        raise BadInput(f"{what} {clean(text)!r}: control, invisible or reordering characters are not allowed")
    if len(text) > longest:
        raise BadInput(f"{what} {text[:20] + '…'!r}: {len(text)} characters, at most {longest} are allowed")
    return text
