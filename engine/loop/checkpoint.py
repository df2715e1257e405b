"""The checkpoints of a run: when one is due, which ones stay, and which one a resume starts from.

What one looks like on disk, and how its weights are read, is in `checkpoint_files`.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

from engine.contract.errors import BadInput
from engine.contract.home import Home
from engine.contract.run.checkpoints import BEST, STATE, WEIGHTS, committed, drop_state, keep_only, name_of
from engine.contract.run.events import Checkpoint
from engine.contract.run.folder import CHECKPOINT_SCHEMA, RunFolder, newer_checkpoint
from engine.contract.run.links import refuse_links
from engine.contract.run.provenance import versions
from engine.loop.checkpoint_files import UNREADABLE, Saved, Tree, read, snapshot, write

INTERVAL: Final = 60.0  # seconds between the checkpoints that nobody asked for
KEPT_WHILE_RUNNING: Final = 2  # the newest may be the one that a crash has damaged


class Checkpoints:
    """The checkpoints of one run: snapshots taken before the next step, written by one thread.

    They follow a run folder that is moved: what is written lies where the folder lies then.

    Args:
        home: the run folder.
        identity: what a checkpoint must have been made with to be loaded: recipe, seed, data.
        made_on: the machine, kept in meta.json so that a resume can tell whether bits will be equal.
    """

    def __init__(self, home: Home, *, identity: Tree, made_on: Tree, interval: float = INTERVAL) -> None:
        self._home = home
        self._identity = identity
        self._made_on = made_on
        self._interval = interval
        self._saved_at = time.monotonic()
        self._saved_position: tuple[int, int] | None = None
        self._good: list[str] = []  # names, oldest first
        self._best_epoch = 0  # of the best.pt that is written, or queued to be
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._writes: list[Future[Checkpoint]] = []

    @property
    def folder(self) -> Path:
        """Where they lie now. FolderLost where the run folder is gone."""
        return RunFolder(self._home.now()).checkpoints

    def load(self) -> tuple[Saved | None, list[str]]:
        """The newest whole checkpoint, if any, and a line about everything damaged on the way to it.

        Raises BadInput where that checkpoint belongs to another recipe, seed or data set, or a link is in the way.
        """
        refuse_links(self.folder.parent)
        notes: list[str] = []
        candidates = committed(self.folder)
        while candidates:
            path = candidates.pop()
            try:
                saved = read(path)
            except UNREADABLE as error:
                notes.append(f"checkpoint {path.name} is damaged ({error}); going back to the one before")
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
                notes.append(f"{BEST} of checkpoint {path.name} is damaged; the best epoch is chosen anew from here")
            self._good = [good.name for good in (*candidates[-1:], path)]
            self._best_epoch = saved.best["epoch"] if saved.best else 0
            self._saved_position = saved.position
            return saved, notes
        return None, notes

    def due(self) -> bool:
        """Whether the interval is over and the writer is idle."""
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
            position: whole epochs done, and steps done in the epoch after them.
            weights, best: weights with the "epoch" (1-based) that they are of. A best epoch that is queued already is
                not copied again, and shares its file with `weights` where both are the same.
        """
        started = time.monotonic()
        if position == self._saved_position:
            self._writes.append(self._thread.submit(self._event, position, why, 0.0))
            return
        files: dict[str, Tree | Path | None] = snapshot({WEIGHTS: weights, STATE: state})
        if best is not None:
            if best["epoch"] == self._best_epoch:
                files[BEST] = None  # as in the checkpoint before, which may still be queued
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
        """What has reached the disk since the last call; with `wait`, all that was queued.

        Raises what the writer met, such as OSError on a full disk, or BadInput for a link in the run folder.
        """
        done = []
        while self._writes and (wait or self._writes[0].done()):
            done.append(self._writes.pop(0).result())
        return done

    def finish(self, keep: Literal["all", "resumable", "weights", "none"]) -> None:
        """The run is complete: leave what `keep` asks for. Nothing may be queued any more."""
        if keep == "all":
            return
        self._good = [] if keep == "none" else self._good[-1:]
        self._home.write(lambda run: self._leave(RunFolder(run).checkpoints, with_state=keep != "weights"))

    def _leave(self, folder: Path, *, with_state: bool) -> None:
        """Leave the good checkpoints alone."""
        refuse_links(folder.parent)
        if self._good and not with_state:
            drop_state(folder / self._good[0])
        keep_only(folder, self._good)

    def close(self) -> None:
        """Wait for the writer thread and end it."""
        self._thread.shutdown(wait=True)

    def _write(
        self, position: tuple[int, int], meta: Tree, files: dict[str, Tree | Path | None], waited: float
    ) -> Checkpoint:
        self._home.write(lambda run: self._put(RunFolder(run).checkpoints, name_of(*position), meta, files))
        return self._event(position, meta["why"], waited)

    def _put(self, folder: Path, name: str, meta: Tree, files: dict[str, Tree | Path | None]) -> None:
        """Write one checkpoint and remove those that it makes superfluous."""
        shared = {file: folder / self._good[-1] if tree is None else tree for file, tree in files.items()}
        refuse_links(folder.parent)  # each time: somebody may have put one there meanwhile
        try:
            write(folder / name, meta, shared)
        except OSError:
            refuse_links(folder.parent)  # or in the middle of it, which explains the rest
            raise
        self._good = [*(good for good in self._good if good != name), name][-KEPT_WHILE_RUNNING:]
        keep_only(folder, self._good)

    def _event(self, position: tuple[int, int], why: str, waited: float) -> Checkpoint:
        epoch, step = position
        return Checkpoint(epoch=epoch, step=step, file=f"checkpoints/{name_of(*position)}", seconds=waited, why=why)
