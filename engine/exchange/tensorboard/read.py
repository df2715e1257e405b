"""Read the scalars and hyperparameters of an event file of any program, in bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.contract.errors import BadInput
from engine.exchange.imports.points import MOST_TAGS
from engine.exchange.imports.sources import Content, Progress, unwatched
from engine.exchange.tensorboard.needed import require_tensorboard
from engine.exchange.tensorboard.records import Broken, blocks

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

PEEKED: Final = 1000
"""Events from which the tags of a file are guessed."""
_SCALARS, _HPARAMS = "scalars", "hparams"


def read_event_file(path: Path, progress: Progress = unwatched, *, partial: bool = False) -> Content:
    """The scalars of a file. Pictures, histograms and texts are skipped.

    Args:
        partial: of a damaged or truncated file, return what comes before the damage.

    Raises:
        BadInput: TensorBoard's package is missing, or the file is foreign, damaged, truncated, or has too many scalars.
    """
    content = Content()
    add, plugins = content.tracks.add, dict[str, str]()
    try:
        for event in _events(path, progress):
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                if kind == "simple_value":
                    add(value.tag, event.step, event.wall_time, value.simple_value)
                else:
                    _take_other(value, event, content, plugins)
            if content.tracks.too_many:
                raise BadInput(f"{path}: more than {MOST_TAGS:,} scalars, which nobody could tell apart")
    except Broken as broken:
        if not partial:
            raise BadInput(f"{broken}; --partial imports what comes before") from None
        content.notes.append(f"{path.name}: damaged or cut off; only what comes before is imported")
    return content


def tags_at_the_start(path: Path) -> tuple[set[str], bool]:
    """The tags of scalars among the first events of a file, and whether it holds hyperparameters of `add_hparams`."""
    content, plugins = Content(), dict[str, str]()
    try:
        for event in itertools.islice(_events(path, unwatched), PEEKED):
            for value in event.summary.value:
                if value.WhichOneof("value") == "simple_value":
                    content.tracks.add(value.tag, 0, 0, 0)
                else:
                    _take_other(value, event, content, plugins)
    except Broken:  # reported when it is read as a whole
        pass
    return set(content.tracks.by_tag), _HPARAMS in plugins.values()


def _events(path: Path, progress: Progress) -> Iterator[Event]:
    require_tensorboard(f"{path}: an event file")
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    first = True
    for block in blocks(path, progress):
        for data in block:
            try:
                event = Event.FromString(data)
            except DecodeError:
                raise BadInput(f"{path}: not an event file of TensorBoard") from None
            if first and not event.file_version.startswith("brain.Event:"):
                raise BadInput(f"{path}: not an event file of TensorBoard")
            first = False
            yield event


def _take_other(value: Summary.Value, event: Event, content: Content, plugins: dict[str, str]) -> None:
    """Take in a value that is no plain scalar: a tensor with one number, or hyperparameters."""
    plugin = value.metadata.plugin_data.plugin_name
    if plugin:  # written only with the first value of a tag
        plugins[value.tag] = plugin
        if plugin == _HPARAMS:
            content.settings |= _hyperparameters(value.metadata.plugin_data.content)
    if value.HasField("tensor") and plugins.get(value.tag) == _SCALARS:
        number = _number(value.tensor)
        if number is not None:
            content.tracks.add(value.tag, event.step, event.wall_time, number)


def _number(tensor: Any) -> float | None:
    """The number in a tensor; None if it does not hold exactly one."""
    if len(tensor.float_val) == 1:
        return float(tensor.float_val[0])
    from tensorboard.util.tensor_util import make_ndarray

    try:
        array = make_ndarray(tensor)
        return float(array.item()) if array.size == 1 else None
    except (TypeError, ValueError):
        return None


def _hyperparameters(content: bytes) -> dict[str, str | float | bool]:
    """The values of a session's start; empty for the other messages of the plugin."""
    from google.protobuf.message import DecodeError
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    try:
        given = HParamsPluginData.FromString(content).session_start_info.hparams
    except DecodeError:
        return {}
    kinds = {name: value.WhichOneof("kind") for name, value in given.items()}
    return {name: getattr(given[name], kind) for name, kind in kinds.items() if kind in _PLAIN}


_PLAIN: Final = ("number_value", "string_value", "bool_value")
