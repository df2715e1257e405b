"""The trainer process around the loop: reads the run folder, gets the data, writes every event, tells how it ended."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

import torch

from engine.contract.errors import BadInput
from engine.contract.files import PRIVATE
from engine.contract.home import GONE, FolderLost, Home
from engine.contract.lines import open_regular
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.lenient import known_placement
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run import own_code
from engine.contract.run.checkpoints import newest_position
from engine.contract.run.events import Event, EventWriter, Failed, Finished, Message, Phase, Stopped
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder, written_by
from engine.data.load import load
from engine.launch import compile_cache
from engine.launch.supervise import PLACEMENT
from engine.loop.evaluate import Interrupted
from engine.loop.failures import describe
from engine.loop.probe import choose_device
from engine.loop.system import MachineSampler, sampling
from engine.train import fit


def carry_out(run: RunFolder, stopping: Callable[[], bool]) -> int:
    """Write the events of one attempt, the last of which tells its end; the exit code.

    A run folder that is moved meanwhile ends the attempt after the step at work: it is saved there and called stopped.

    Raises OSError where the disk takes not even that.
    """
    began = time.monotonic()
    home = Home(run.path)
    os.umask(PRIVATE)
    os.environ.update(compile_cache.environment())  # a supervisor has set it; whoever starts this by hand has not
    number, earlier = attempts(run) + 1, RunFold(run.events).poll().seconds
    recipe: Recipe | None = None
    sampler: MachineSampler | None = None
    last: Event = Stopped()

    def ending() -> bool:
        return stopping() or not home.in_place()

    with EventWriter(run.events, began, earlier) as writer:
        try:
            placement = read_placement(run)
            if unknown := known_placement(run.info().placement)[1]:
                told = f"not known to this version, and left out: placement.{', placement.'.join(unknown)}"
                writer.write(Message(level="warning", text=f"{told}; the run was {written_by(run.info())}"))
            own_code.check(run)
            parts = catalog(tuple(own_code.code_of(run)))
            recipe = run.recipe(parts)
            device = choose_device(placement.device)
            sampler = MachineSampler(run.path, gpu_uuids(device), torch.cuda.memory_reserved)

            def say(name: str, note: str) -> None:
                writer.write(Phase(name=name, note=note))
                if ending():
                    raise Interrupted

            with sampling(sampler, writer.write):
                data = load(recipe.data, placement.data_dir, say, parts)
                for event in fit(
                    recipe,
                    run,
                    data,
                    seed=run.info().seed,
                    device=device,
                    placement=placement,
                    attempt=number,
                    stopping=ending,
                    parts=parts,
                    home=home,
                ):
                    if isinstance(event, Finished | Stopped):
                        last = event  # written below, where no sample can follow it
                    else:
                        writer.write(event)
        except Interrupted:  # while the data were on their way: nothing has been trained in this attempt
            last = stopped_short(home)
        except Exception as error:  # the top of the process: every end is told in the run's own words
            moved = isinstance(error, OSError) and error.errno in GONE and not home.in_place()
            last = stopped_short(home) if moved else describe(error, recipe, sampler)
            if isinstance(last, Failed):
                sys.stderr.write(f"{last.detail}error: {last.message}\n")
        writer.write(last)
    if isinstance(last, Failed):
        return 2 if last.reason == "bad_input" else 1
    return 0


def stopped_short(home: Home) -> Event:
    """The closing event of an attempt that ended without a checkpoint of its own: its run stands where it stood."""
    try:
        epoch, step = newest_position(RunFolder(home.now()).checkpoints)
    except FolderLost:
        return folder_lost()
    return Stopped(epoch=epoch, step=step, reason="stopped" if home.in_place() else "moved")


def folder_lost() -> Failed:
    """The closing event of an attempt whose folder is nowhere to be found: the file of events is still open."""
    message = "the run folder was moved or deleted while it trained; what came after its last checkpoint is lost"
    return Failed(reason="moved", message=message)


def attempts(run: RunFolder) -> int:
    """How often the run was started before."""
    try:
        fd = open_regular(run.events)
    except FileNotFoundError:
        return 0
    with os.fdopen(fd, "rb") as lines:
        return sum(line.startswith(b'{"event": "run_started"') for line in lines)


def read_placement(run: RunFolder) -> Placement:
    """Where to run: as the supervisor says, else as the run was created. Raises BadInput for what cannot be."""
    given = os.environ.get(PLACEMENT)
    try:
        placement = Placement.model_validate(json.loads(given) if given else known_placement(run.info().placement)[0])
    except ValueError as error:  # JSON and pydantic errors are ValueErrors
        raise BadInput(f"the placement of run {run.id} cannot be read: {error}") from error
    if placement.gpus > 1:
        raise BadInput(f"gpus = {placement.gpus}: a run trains on one GPU")
    return placement


def gpu_uuids(device: torch.device) -> list[str]:
    """The device as NVML names it; empty where it is no NVIDIA GPU."""
    if device.type != "cuda":
        return []
    return [f"GPU-{torch.cuda.get_device_properties(device).uuid}"]
