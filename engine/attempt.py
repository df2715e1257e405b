"""One attempt at a run, in the trainer process: read the run folder, load the data, train, and write every event."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch

from engine.contract.errors import BadInput
from engine.contract.files import PRIVATE
from engine.contract.home import GONE, FolderLost, Home
from engine.contract.lines import open_regular
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.lenient import known_placement
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run import own_code, rank_failure
from engine.contract.run.checkpoints import newest_position
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Event, Failed, Finished, Message, Phase, Stopped
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder, written_by
from engine.data.load import load
from engine.exchange.tensorboard.live import mirrored
from engine.launch import compile_cache
from engine.launch.supervisor import PLACEMENT
from engine.loop.evaluate import Interrupted
from engine.loop.failures import describe
from engine.loop.hardware import choose_device
from engine.loop.meeting import Meeting
from engine.loop.rank_endings import give_up, why_lost
from engine.loop.system import MachineSampler
from engine.ranks import RankLost
from engine.train import fit


def carry_out(run: RunFolder, stopping: Callable[[], bool]) -> int:
    """Carry out one attempt at a run and return the exit code. The last event says how the attempt ended.

    Of several ranks, only the first one writes events; see `take_part`.

    If the run folder is moved during training, the attempt ends after the current step: the run is saved in the new
    place and counts as stopped.

    Args:
        stopping: returns True once a stop has been requested.

    Raises:
        OSError: not even the last event can be written.
    """
    if rank := int(os.environ.get("RANK", 0)):
        return take_part(run, rank, stopping)
    began = time.monotonic()
    home = Home(run.path)
    os.umask(PRIVATE)
    os.environ.update(compile_cache.environment())  # already set by a supervisor, but not when started by hand
    number, earlier = count_attempts(run) + 1, RunFold(run.events).poll().seconds
    with EventWriter(run.events, began, earlier) as writer:
        attempt = Attempt(run, home, writer, number, lambda: stopping() or not home.in_place())
        try:
            last = attempt.train()
        except Interrupted:  # the data were still being loaded: this attempt has trained nothing
            last = stopped_without_saving(home)
        except Exception as error:  # the top of the process: every failure becomes the run's last event
            moved = isinstance(error, OSError) and error.errno in GONE and not home.in_place()
            lost = isinstance(error, RankLost)
            failed = why_lost(run) if lost else attempt.describe(error)
            last = stopped_without_saving(home) if moved else failed
            if isinstance(last, Failed):
                sys.stderr.write(f"{last.detail}error: {last.message}\n")
        writer.write(last)
    if isinstance(last, Failed):
        return 2 if last.reason == "bad_input" else 1
    return 0


class Writer(Protocol):
    """What receives events."""

    def write(self, event: Event) -> None: ...


class Unwritten:
    """Receives the events of a rank other than the first, which are those of the first rank again."""

    def write(self, event: Event) -> None:
        """Nothing."""


def take_part(run: RunFolder, rank: int, stopping: Callable[[], bool]) -> int:
    """Take part in an attempt as one of the ranks that do not write events, and return the exit code.

    If this rank fails, the reason goes to `failures/rank-N.json`.
    """
    home = Home(run.path)
    os.umask(PRIVATE)
    os.environ.update(compile_cache.environment())
    attempt = Attempt(run, home, Unwritten(), 1, lambda: stopping() or not home.in_place())
    try:
        attempt.train()
    except Interrupted:
        return 0
    except Exception as error:  # the top of the process: every failure is recorded
        found = attempt.describe(error)
        reason = rank_failure.LOST if isinstance(error, RankLost) else found.reason
        home.write(rank_failure.RankFailure(rank, reason, found.message, found.detail).write)
        return 1
    return 0


class Attempt:
    """One attempt at a run, up to its last event.

    Args:
        home: the run folder, held open.
        writer: receives every event but the last one.
        number: 1 for the first attempt.
        ending: returns True once the attempt is to end early.
    """

    def __init__(self, run: RunFolder, home: Home, writer: Writer, number: int, ending: Callable[[], bool]) -> None:
        self._run, self._home, self._writer, self._number, self._ending = run, home, writer, number, ending
        self._recipe: Recipe | None = None  # this and the following are known once `train` has determined them
        self._sampler: MachineSampler | None = None
        self._gpu = ""  # UUID of the GPU of this process
        self._ranks = 1

    def train(self) -> Event:
        """Load the data and train, writing events; returns the last event for the caller to write.

        Raises:
            Interrupted: the attempt was to end before the data were loaded.
            Exception: whatever `load` and `fit` raise.
        """
        run = self._run
        placement = read_placement(run)
        self._warn_about_unknown_placement()
        own_code.check(run)
        parts = catalog(tuple(own_code.code_of(run)))
        self._recipe = run.recipe(parts)
        meeting, recipe = Meeting(), self._recipe
        if meeting.size != placement.gpus:
            raise BadInput(
                f"gpus = {placement.gpus}: this process is one of {meeting.size}; torchrun starts the others"
            )
        device = choose_device(placement.device, meeting.local)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        uuids = gpu_uuids(device, all_visible=meeting.several)
        self._gpu, self._ranks = next(iter(gpu_uuids(device)), ""), meeting.size
        self._sampler = MachineSampler(
            run.path, uuids, torch.cuda.memory_reserved, ranks=meeting.several, node=meeting.node
        )
        last: Event = Stopped()
        give_up_here = partial(give_up, self._home, meeting.rank)
        with meeting.watched(give_up_here), meeting.sampled(self._sampler, self._writer.write):
            data = meeting.rank_0_first(
                lambda: load(recipe.data, placement.data_dir, self._report_phase, parts), self._end_if_asked
            )
            world = meeting.world(device)
            events = fit(
                self._recipe,
                run,
                data,
                seed=run.info().seed,
                device=device,
                placement=placement,
                attempt=self._number,
                stopping=self._ending,
                parts=parts,
                home=self._home,
                world=world,
            )
            # the other ranks have the same events, and only the first writes them
            for event in mirrored(events, run) if placement.tensorboard and world.leads else events:
                if isinstance(event, Finished | Stopped):
                    last = event  # written once sampling has stopped, so that no sample can follow it
                else:
                    self._writer.write(event)
            world.close()
        return last

    def describe(self, error: Exception) -> Failed:
        """The last event of an attempt that failed with `error`."""
        return describe(error, self._recipe, self._sampler, gpu=self._gpu, ranks=self._ranks)

    def _warn_about_unknown_placement(self) -> None:
        info = self._run.info()
        if unknown := known_placement(info.placement)[1]:
            names = ", ".join(f"placement.{name}" for name in unknown)
            text = f"ignored because this version does not know it: {names}; the run was {written_by(info)}"
            self._writer.write(Message(level="warning", text=text))

    def _report_phase(self, name: str, note: str) -> None:
        self._writer.write(Phase(name=name, note=note))
        self._end_if_asked()

    def _end_if_asked(self) -> None:
        if self._ending():
            raise Interrupted


def stopped_without_saving(home: Home) -> Event:
    """The last event of an attempt that saved no checkpoint of its own: the run is where it was before."""
    try:
        epoch, step = newest_position(RunFolder(home.now()).checkpoints)
    except FolderLost:
        return folder_lost()
    return Stopped(epoch=epoch, step=step, reason="stopped" if home.in_place() else "moved")


def folder_lost() -> Failed:
    """The last event of an attempt whose folder cannot be found; the events file itself is still open."""
    message = "the run folder was moved or deleted during training; everything after its last checkpoint is lost"
    return Failed(reason="moved", message=message)


def count_attempts(run: RunFolder) -> int:
    """How many attempts at the run have started training so far."""
    try:
        fd = open_regular(run.events)
    except FileNotFoundError:
        return 0
    with os.fdopen(fd, "rb") as lines:
        return sum(line.startswith(b'{"event": "run_started"') for line in lines)


def read_placement(run: RunFolder) -> Placement:
    """Where to run: the supervisor's choice if there is one, otherwise the placement that the run was created with.

    Raises:
        BadInput: the placement is not valid.
    """
    given = os.environ.get(PLACEMENT)
    try:
        placement = Placement.model_validate(json.loads(given) if given else known_placement(run.info().placement)[0])
    except ValueError as error:  # JSON and pydantic errors are ValueErrors
        raise BadInput(f"the placement of run {run.id} is not valid: {error}") from error
    return placement


def gpu_uuids(device: torch.device, *, all_visible: bool = False) -> list[str]:
    """The device's UUID as NVML spells it, or those of all visible GPUs; empty for anything but an NVIDIA GPU."""
    if device.type != "cuda":
        return []
    numbers = range(torch.cuda.device_count()) if all_visible else (device.index or 0,)
    return [f"GPU-{torch.cuda.get_device_properties(number).uuid}" for number in numbers]
