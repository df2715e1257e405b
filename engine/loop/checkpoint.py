"""The checkpoints of a run: when one is due, which ones are kept, and which one a resumed run starts from.

Their format on disk, and how their weights are read, is in `checkpoint_files`.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

from engine.contract.errors import BadInput
from engine.contract.home import Home
from engine.contract.run.checkpoints import (
    BEST,
    CHECKPOINT_SCHEMA,
    STATE,
    WEIGHTS,
    committed,
    drop_state,
    keep_only,
    name_of,
    newer_checkpoint,
)
from engine.contract.run.events import Checkpoint
from engine.contract.run.folder import RunFolder
from engine.contract.run.links import refuse_links
from engine.contract.run.provenance import versions
from engine.distributed import World
from engine.loop.checkpoint_files import UNREADABLE, Saved, Tree, read, snapshot, write

INTERVAL: Final = 60.0  # seconds between regular checkpoints
KEPT_WHILE_RUNNING: Final = 2  # a crash may damage the newest


class Checkpoints:
    """The checkpoints of one run: snapshots taken before the next step and written by one thread.

    If the run folder is moved, later checkpoints are written to its new place.

    Args:
        home: the run folder.
        identity: recipe, seed and data set; a checkpoint made with others is not loaded.
        made_on: the machine, recorded in meta.json so that a resumed run knows whether it will be bit-identical.
        interval: seconds between regular checkpoints.
    """

    def __init__(self, home: Home, *, identity: Tree, made_on: Tree, interval: float = INTERVAL) -> None:
        self._home = home
        self._identity = identity
        self._made_on = made_on
        self._interval = interval
        self._saved_at = time.monotonic()
        self._saved_position: tuple[int, int] | None = None
        self._good: list[str] = []  # names, oldest first
        self._best_epoch = 0  # of the best.pt that has been written or queued
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._writes: list[Future[Checkpoint]] = []

    @property
    def folder(self) -> Path:
        """The folder of the checkpoints. Raises FolderLost if the run folder has been deleted."""
        return RunFolder(self._home.now()).checkpoints

    def load(self) -> tuple[Saved | None, list[str]]:
        """The newest intact checkpoint, if any, and a warning about each damaged file that was skipped.

        Raises:
            BadInput: that checkpoint belongs to another recipe, seed or data set, was written by a newer version, or
                the run folder contains a link.
        """
        refuse_links(self.folder.parent)
        warnings: list[str] = []
        candidates = committed(self.folder)
        while candidates:
            path = candidates.pop()
            try:
                saved = read(path)
            except UNREADABLE as error:
                warnings.append(f"checkpoint {path.name} is damaged ({error}); using the one before it")
                continue
            if saved.meta.get("schema", 0) > CHECKPOINT_SCHEMA:
                raise BadInput(newer_checkpoint(path.name, saved.meta))
            problems = [
                f"checkpoint {path.name} was made with {key} {saved.meta.get(key)}, but this run has {value}"
                for key, value in self._identity.items()
                if saved.meta.get(key) != value
            ]
            if problems:
                raise BadInput(problems)
            if saved.best is None and BEST in saved.meta["files"]:
                text = f"{BEST} of checkpoint {path.name} is damaged; the best epoch is selected from here on"
                warnings.append(text)
            self._good = [good.name for good in (*candidates[-1:], path)]
            self._best_epoch = saved.best["epoch"] if saved.best else 0
            self._saved_position = saved.position
            return saved, warnings
        return None, warnings

    def due(self) -> bool:
        """Whether the interval has passed and the writer is idle."""
        idle = all(write.done() for write in self._writes)
        return idle and time.monotonic() - self._saved_at >= self._interval

    def save(
        self,
        position: tuple[int, int],
        weights: Tree,
        best: Tree | None,
        state: Tree,
        why: Literal["interval", "stop", "end"],
    ) -> None:
        """Copy everything to the host and queue it for the writer thread.

        Args:
            position: completed epochs, and completed steps of the next one.
            weights, best: weights together with their "epoch" (1-based). A best epoch that has been queued before is
                not copied again. If both are of the same epoch, they share one file.
            state: everything else that a resumed run needs.
        """
        started = time.monotonic()
        if position == self._saved_position:
            self._writes.append(self._thread.submit(self._event, position, why, 0.0))
            return
        files: dict[str, Tree | Path | None] = snapshot({WEIGHTS: weights, STATE: state})
        if best is not None:
            if best["epoch"] == self._best_epoch:
                files[BEST] = None  # shared with the checkpoint before, which may still be queued
            else:
                files[BEST] = files[WEIGHTS] if (best["epoch"], 0) == position else snapshot(best)
            self._best_epoch = best["epoch"]
        meta: Tree = {"schema": CHECKPOINT_SCHEMA, "made_by": f"cifar-tui {versions()['cifar-tui']}".strip()}
        meta |= {"epoch": position[0], "step": position[1], "why": why, "created": time.time()}
        meta |= {"best_epoch": self._best_epoch, "made_on": self._made_on} | self._identity
        waited = time.monotonic() - started
        self._writes.append(self._thread.submit(self._write, position, meta, files, waited))
        self._saved_at, self._saved_position = time.monotonic(), position

    def written(self, wait: bool = False) -> list[Checkpoint]:
        """Events for the checkpoints written since the last call; with `wait`, waits for all that are queued.

        Raises:
            OSError: writing failed, for example on a full disk.
            BadInput: the run folder contains a link.
        """
        done = []
        while self._writes and (wait or self._writes[0].done()):
            done.append(self._writes.pop(0).result())
        return done

    def finish(self, keep: Literal["all", "resumable", "weights", "none"]) -> None:
        """Remove what `keep` does not ask for. The run is complete, and no checkpoint may be queued."""
        if keep == "all":
            return
        self._good = [] if keep == "none" else self._good[-1:]
        self._home.write(lambda run: self._keep_good(RunFolder(run).checkpoints, with_state=keep != "weights"))

    def _keep_good(self, folder: Path, *, with_state: bool) -> None:
        """Remove all checkpoints but the good ones and, unless `with_state`, the optimizer state."""
        refuse_links(folder.parent)
        if self._good and not with_state:
            drop_state(folder / self._good[0])
        keep_only(folder, self._good)

    def close(self) -> None:
        """Wait for the writer thread to finish."""
        self._thread.shutdown(wait=True)

    def _write(
        self, position: tuple[int, int], meta: Tree, files: dict[str, Tree | Path | None], waited: float
    ) -> Checkpoint:
        self._home.write(lambda run: self._put(RunFolder(run).checkpoints, name_of(*position), meta, files))
        return self._event(position, meta["why"], waited)

    def _put(self, folder: Path, name: str, meta: Tree, files: dict[str, Tree | Path | None]) -> None:
        """Write one checkpoint and remove those that are no longer needed."""
        shared = {file: folder / self._good[-1] if tree is None else tree for file, tree in files.items()}
        refuse_links(folder.parent)  # every time, since one may have been created in the meantime
        try:
            write(folder / name, meta, shared)
        except OSError:
            refuse_links(folder.parent)  # a link created during the write explains the error
            raise
        self._good = [*(good for good in self._good if good != name), name][-KEPT_WHILE_RUNNING:]
        keep_only(folder, self._good)

    def _event(self, position: tuple[int, int], why: str, waited: float) -> Checkpoint:
        epoch, step = position
        return Checkpoint(epoch=epoch, step=step, file=f"checkpoints/{name_of(*position)}", seconds=waited, why=why)


class Follower(Checkpoints):
    """The checkpoints of a rank that only reads them: the first rank alone writes the run folder."""

    def due(self) -> bool:
        return False

    def save(
        self,
        position: tuple[int, int],
        weights: Tree,
        best: Tree | None,
        state: Tree,
        why: Literal["interval", "stop", "end"],
    ) -> None:
        """Nothing: the first rank saves."""

    def finish(self, keep: Literal["all", "resumable", "weights", "none"]) -> None:
        """Nothing: the first rank removes what is not kept."""


def checkpoints_of(world: World, home: Home, *, identity: Tree, made_on: Tree, interval: float) -> Checkpoints:
    """The checkpoints of a run, which only the first rank writes; for the arguments see `Checkpoints`."""
    kind = Checkpoints if world.leads else Follower
    return kind(home, identity=identity, made_on=made_on, interval=interval)
