"""One checkpoint on disk: written whole or not at all, read back only if every byte is right.

    epoch-0007/          written beside as .tmp-*, synced, then renamed
        weights.pt       what the run is judged by at this point (averaged weights where averaging is on)
        best.pt          the same of the best epoch so far; a hard link for as long as it does not change
        state.pt         raw weights, averages, optimizer, torch RNG, running totals; gone when the run has finished
        meta.json        position, recipe, seed, machine, and the SHA-256 of every file; written last

The name is for people (`epoch-0007-step-00123` is 123 steps into the eighth epoch); the position is read from
meta.json. All `.pt` files hold tensors and plain Python only and load with `weights_only=True`. `torch.load` alone
accepts a flipped byte without a word, hence the checksums.
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
    """None before the first evaluation, and where only this file was damaged."""
    state: Tree | None
    """None where the optimizer state was dropped because the run had finished."""

    @property
    def position(self) -> tuple[int, int]:
        """Whole epochs done, and steps done in the epoch after them."""
        return self.meta["epoch"], self.meta["step"]

    @property
    def made_on(self) -> Tree:
        """The machine and how the arithmetic was done, as the version that wrote it put it down."""
        found = self.meta.get("made_on")
        return found if isinstance(found, dict) else {}

    @property
    def made_by(self) -> str:
        """The version that wrote it; the first ones did not say."""
        return str(self.meta.get("made_by") or "an unknown version of cifar-tui")


def snapshot(value: Any, where: str = "", copies: dict[Any, Tensor] | None = None) -> Any:
    """A copy on the host that later steps cannot change: tensors cloned, NumPy scalars made plain.

    A tensor that is met twice (an average is both what counts and a state) is copied once.

    Raises TypeError, naming the place, for anything that `weights_only` loading would refuse.
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
    """Load one checkpoint, every file held to its checksum. Raises one of `UNREADABLE` where it is damaged."""
    meta = read_meta(path)
    files = meta["files"]
    int(meta["epoch"]), int(meta["step"])
    try:
        best = _read_tree(path / BEST, files[BEST]) if BEST in files else None
    except UNREADABLE:
        best = None  # a loss, but no reason to lose the epochs that are in the other files
    state = _read_tree(path / STATE, files[STATE]) if STATE in files else None
    return Saved(path, meta, _read_tree(path / WEIGHTS, files[WEIGHTS]), best, state)


def load_weights(folder: Path, which: Literal["last", "best"] = "last") -> Tree:
    """The weights that a run left in its `checkpoints` folder, as saved by the loop:
    {"model": state dict, "epoch": 1-based, "weights": "raw" | "ema", "logits": (N, classes) float16 or absent}.

    Raises FileNotFoundError where there are none, one of `UNREADABLE` where they are damaged.
    """
    name = WEIGHTS if which == "last" else BEST
    for path in reversed(committed(folder)):
        files = read_meta(path)["files"]
        if name in files:
            return _read_tree(path / name, files[name])
    raise FileNotFoundError(f"{folder} holds no {which} weights")


def write(target: Path, meta: Tree, files: dict[str, Tree | Path]) -> None:
    """Make the checkpoint `target`, replacing one of the same name.

    Args:
        meta: all of meta.json but the files' entries.
        files: what goes into each .pt file: a tree, or the checkpoint whose file of that name is shared. A tree that
            stands twice is written once.

    Raises:
        OSError: a full disk among others; nothing is left behind.
    """
    fresh = target.with_name(f"{HALF}{target.name}")
    _clear(fresh)
    make_folder(target.parent, exist_ok=True)  # the run folder itself is never made again: it may have been moved
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
        with suppress(OSError):  # what went wrong first is what counts
            _clear(fresh)  # on a full disk, half a checkpoint is in the way
        raise


def _clear(path: Path) -> None:
    """Remove what has the name of a checkpoint that is to be written."""
    with suppress(FileNotFoundError), opened(path.parent) as folder:
        erase(path.name, folder)


def _write_tree(path: Path, tree: Tree) -> Tree:
    """Write one .pt file and return its entry for meta.json.

    The bytes are made in memory first: torch's own file writer hides errno, and a full disk must be told from a bug.
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
    except pickle.UnpicklingError:  # torch's message goes on for a page on how to load it all the same, which runs it
        raise ValueError(f"{path.name} holds something other than tensors and plain values: not loaded") from None
    return tree


def _share(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links
        write_atomic(target, source.read_bytes())
