"""One checkpoint on disk: written completely or not at all, and read only if every byte is correct.

    epoch-0007/          written under the name .tmp-*, synced, then renamed
        weights.pt       the weights that are evaluated at this point (with averaging, the averaged weights)
        best.pt          the same for the best epoch so far; a hard link as long as it does not change
        state.pt         raw weights, averages, optimizer, torch RNG, running totals; removed when the run has finished
        meta.json        position, recipe, seed, machine, and the SHA-256 of every file; written last

The name is for people (`epoch-0007-step-00123` is 123 steps into the eighth epoch); the position is read from
meta.json. All `.pt` files hold only tensors and plain Python values and load with `weights_only=True`. `torch.load`
by itself accepts a flipped byte silently, hence the checksums.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor

from engine.contract.files import make_folder, read_file, sync_folder, write_atomic
from engine.contract.run.checkpoints import (
    BEST,
    HALF,
    STATE,
    WEIGHTS,
    committed,
    digest,
    read_meta,
    write_meta,
)
from engine.contract.run.erase import erase, opened

Tree = dict[str, Any]  # nested dicts and lists of tensors and plain Python values

UNREADABLE: Final = (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, pickle.UnpicklingError)


@dataclass(frozen=True, slots=True)
class Saved:
    """One checkpoint, read back and verified."""

    path: Path
    meta: Tree
    weights: Tree
    best: Tree | None
    """None before the first evaluation, or if only this file is damaged."""
    state: Tree | None
    """None if the optimizer state was removed because the run had finished."""

    @property
    def position(self) -> tuple[int, int]:
        """Completed epochs, and completed steps of the next one."""
        return self.meta["epoch"], self.meta["step"]

    @property
    def made_on(self) -> Tree:
        """The machine and how the arithmetic was done, as recorded by the version that wrote the checkpoint."""
        recorded = self.meta.get("made_on")
        return recorded if isinstance(recorded, dict) else {}

    @property
    def made_by(self) -> str:
        """The version that wrote the checkpoint; the first versions did not record it."""
        return str(self.meta.get("made_by") or "an unknown version of cifar-tui")


def snapshot(value: Any, where: str = "", copies: dict[Any, Tensor] | None = None) -> Any:
    """A copy on the host that later steps cannot change: tensors are cloned, NumPy scalars become Python values.

    A tensor that occurs twice is copied once: an average, for example, is part of both the weights and the state.

    Args:
        where: path of `value` within the whole, for error messages.
        copies: the copies made so far, by tensor.

    Raises:
        TypeError: `value` contains something that `weights_only` loading would reject; the message says where.
    """
    copies = {} if copies is None else copies
    if isinstance(value, Tensor):
        key = (value.device, value.data_ptr(), value.dtype, value.shape, value.stride())
        if key not in copies or not value.numel():
            copies[key] = value.detach().to("cpu", copy=True)
        return copies[key]
    if isinstance(value, Mapping):
        return {key: snapshot(item, f"{where}.{key}", copies) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(snapshot(item, f"{where}[{i}]", copies) for i, item in enumerate(value))
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__} (at {where.lstrip('.') or 'its root'})")


def read(path: Path) -> Saved:
    """Load one checkpoint and verify the checksum of every file. Raises one of `UNREADABLE` if it is damaged."""
    meta = read_meta(path)
    files = meta["files"]
    int(meta["epoch"]), int(meta["step"])
    try:
        best = _read_tree(path / BEST, files[BEST]) if BEST in files else None
    except UNREADABLE:
        best = None  # the other files still hold all epochs trained so far
    state = _read_tree(path / STATE, files[STATE]) if STATE in files else None
    return Saved(path, meta, _read_tree(path / WEIGHTS, files[WEIGHTS]), best, state)


def load_weights(folder: Path, which: Literal["last", "best"] = "last") -> Tree:
    """The newest weights in a run's `checkpoints` folder, as saved by the loop.

    Returns:
        {"model": state dict, "epoch": 1-based, "weights": "raw", "ema" or "swa", "logits": (N, classes) float16 or
        absent}.

    Raises:
        FileNotFoundError: there are none. Other errors of `UNREADABLE`: they are damaged.
    """
    name = WEIGHTS if which == "last" else BEST
    for path in reversed(committed(folder)):
        files = read_meta(path)["files"]
        if name in files:
            return _read_tree(path / name, files[name])
    raise FileNotFoundError(f"{folder} holds no {which} weights")


def write(target: Path, meta: Tree, files: dict[str, Tree | Path]) -> None:
    """Write the checkpoint `target`, replacing any of the same name.

    Args:
        meta: all of meta.json except the entries of the files.
        files: the content of each .pt file: a tree, or the checkpoint whose file of the same name is shared. A tree
            that is listed twice is written once.

    Raises:
        OSError: for example, the disk is full; nothing is left behind.
    """
    fresh = target.with_name(f"{HALF}{target.name}")
    _clear(fresh)
    make_folder(target.parent, exist_ok=True)  # never the run folder itself, which may have been moved
    make_folder(fresh)
    try:
        entries: Tree = {}
        written: dict[int, str] = {}
        for name, source in files.items():
            if isinstance(source, Path):
                _share(source / name, fresh / name)
                entries[name] = read_meta(source)["files"][name]
            elif twin := written.get(id(source)):
                _share(fresh / twin, fresh / name)
                entries[name] = entries[twin]
            else:
                entries[name] = _write_tree(fresh / name, source)
                written[id(source)] = name
        write_meta(fresh, meta | {"files": entries})
        _clear(target)
        fresh.rename(target)
        sync_folder(target.parent)
    except OSError:
        with suppress(OSError):  # the first error is the one to report
            _clear(fresh)  # half a checkpoint would take up room on a full disk
        raise


def _clear(path: Path) -> None:
    """Remove whatever has the name of a checkpoint that is about to be written."""
    with suppress(FileNotFoundError), opened(path.parent) as folder:
        erase(path.name, folder)


def _write_tree(path: Path, tree: Tree) -> Tree:
    """Write one .pt file and return its entry for meta.json.

    The bytes are assembled in memory first: torch's own file writer hides errno, which tells a full disk from a bug.
    """
    buffer = io.BytesIO()
    torch.save(tree, buffer)
    data = buffer.getvalue()
    write_atomic(path, data)
    return {"sha256": digest(data), "bytes": len(data)}


def _read_tree(path: Path, entry: Tree) -> Tree:
    data = read_file(path, entry["bytes"])
    if digest(data) != entry["sha256"]:
        raise ValueError(f"{path.name}: SHA-256 differs")
    try:
        tree: Tree = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # torch's message explains at length how to load it anyway, which would execute it
        raise ValueError(f"{path.name} holds something other than tensors and plain values: not loaded") from None
    return tree


def _share(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links
        write_atomic(target, source.read_bytes())
