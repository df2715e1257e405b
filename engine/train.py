"""The training loop, to be read from top to bottom. `fit` trains one run and yields what happens as a stream of events.

It never prints and never draws on the screen. No step waits for the device: sums and losses are read once they have
arrived on the host. The order of the images, their augmentation and the learning rate are functions of (seed, epoch,
step); where a recipe trains on hard examples only, the order also depends on their latest losses. A run can therefore
resume in the middle of an epoch from its weights, optimizer, averages, running totals, these losses and torch's random
state, and it computes what an uninterrupted run would have computed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict
from functools import partial

import torch
from torch import Tensor

from engine.contract.home import Home
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run.events import Event, Phase, Stopped
from engine.contract.run.folder import RunFolder
from engine.data.load import DataSet
from engine.distributed import ALONE, World
from engine.loop.checkpoint import INTERVAL, checkpoints_of
from engine.loop.initial import load_initial
from engine.loop.observe import Live, measure_health
from engine.loop.opening import opening
from engine.loop.session import Session
from engine.loop.setup import Setup, prepare
from engine.loop.steps import CudaRecorder, Outcome, Recorded, TrainStep
from engine.loop.teacher import load_teachers
from engine.optim.param_groups import follow
from engine.optim.rules import end_groups


def fit(
    recipe: Recipe,
    run: RunFolder,
    data: DataSet,
    *,
    seed: int,
    device: torch.device,
    placement: Placement | None = None,
    attempt: int = 1,
    stopping: Callable[[], bool] = lambda: False,
    parts: Catalog | None = None,
    interval: float = INTERVAL,
    home: Home | None = None,
    world: World = ALONE,
) -> Generator[Event, None, None]:
    """Train from scratch, or resume from the run's newest intact checkpoint.

    Args:
        run: the folder that receives checkpoints, predictions and probe.json. Writing the events is up to the caller.
        attempt: 1 for the first attempt at the run; a later one also yields Resumed.
        stopping: called before every step. Once it returns True, the run is saved, and Stopped is the last event.
        interval: seconds between regular checkpoints.
        home: the same folder, held open, so that files still reach it after it has been moved.
        world: the ranks that train the run together. Each calls this function; the first one writes the run folder.

    Raises:
        BadInput: the recipe does not fit the data, the checkpoint belongs to another recipe, seed or data set, or the
            teacher of a distilled run or the initial weights are missing or have changed.
        Diverged: the loss, or the model's output for some image, is no longer finite.
        OSError: for example, the disk is full or the run folder has been deleted.
        torch.OutOfMemoryError: the GPU has too little memory.
    """
    placement, parts, home = placement or Placement(), parts or catalog(), home or Home(run.path)
    stopping = world.agreed(stopping)
    yield Phase(name="starting", note=f"building {recipe.model.name}")
    teachers = load_teachers(recipe, run, data, data_dir=placement.data_dir, device=device, parts=parts)
    start_from = load_initial(recipe, run)
    setup = prepare(
        recipe,
        data,
        home.now() / "probe.json",
        seed=seed,
        device=device,
        threads=placement.threads,
        parts=parts,
        teachers=teachers,
        world=world,
        start_from=start_from,
    )
    identity = {"recipe_id": recipe.recipe_id, "seed": seed, "data": data.fingerprint}
    checkpoints = checkpoints_of(world, home, identity=identity, made_on=asdict(setup.decisions), interval=interval)
    session = Session(recipe, data, setup, checkpoints, seed=seed, stopping=stopping)
    live = Live(device)
    step, fast = make_steps(setup, recipe, session.clock.lap)
    if session.cold:
        session.compilations.watch()
    try:
        yield from opening(
            setup, recipe, data, attempt=attempt, best_on=session.results.best_on, notes=session.examples.about()
        )
        yield from session.restore(attempt)
        yield from session.warnings()
        while session.epoch < setup.epochs:
            yield Phase(name="compiling" if session.cold else "training")
            yield from train_epoch(session, live, step, fast)
            if stopping():
                break
            yield Phase(name="evaluating")
            result = session.end_epoch()
            if result is None:  # a stop was requested during the evaluation
                break
            yield result
            yield from session.warnings()
            if checkpoints.due():
                session.save("interval")
        done = session.epoch == setup.epochs
        yield Phase(name="saving")
        session.save("end" if done else "stop")
        yield from checkpoints.written(wait=True)
        home.write(lambda folder: session.results.write_predictions(RunFolder(folder).predictions))
        if done:
            checkpoints.finish(placement.keep)
            yield session.results.finished(session.epoch)
        else:
            reason = "stopped" if home.in_place() else "moved"
            yield Stopped(epoch=session.epoch, step=session.step, reason=reason)
    finally:
        session.compilations.close()
        checkpoints.close()


def train_epoch(session: Session, live: Live, step: TrainStep, fast: TrainStep) -> Iterator[Event]:
    """Take the remaining steps of the session's epoch, or those before a stop is requested.

    Args:
        step: the plain eager step, used for the last step of an epoch, whose gradients are measured.
        fast: the fastest version of the same step, used for all others.
    """
    setup, recipe, totals = session.setup, session.recipe, session.totals
    setup.model.train()
    totals.start()
    live.start_epoch(totals.images)
    batches = session.batches()
    steps = setup.steps_in(session.epoch)
    while session.step < steps and not session.stopping():
        last = session.step == steps - 1
        if not (session.cold or last):
            session.clock.start(session.epoch * setup.steps + session.step)
        x, y = next(batches)  # images float32 (B, C, H, W), soft targets (B, classes)
        session.clock.lap("data")
        ended = end_groups(setup.optimizer, session.done, setup.all_steps)
        if ended or setup.resizing.changes(session.done):
            yield from renew(session, fast)
        scheduled = partial(session.scheduled, session.step)
        follow(setup.optimizer, scheduled, recipe.schedule.options["momentum_low"])
        setup.world.reseed(session.seed, session.epoch, session.step)
        before = [parameter.detach().clone() for parameter in setup.parameters] if last else []
        loss, logits, norm = (step if last else fast)(x, y)
        if setup.decisions.graph:
            session.clock.lap("step")
        session.clock.stop()
        setup.averaging.update()
        session.step += 1
        totals.add(loss, logits, y)
        session.examples.note(logits, y)
        totals.exclude(session.compilations.take())
        if last:
            totals.health.copy_(measure_health(setup.parameters, before, norm))
        if session.cold:
            session.cold = False
            yield Phase(name="training")
        live.offer(session.epoch + 1, session.step, loss, setup.peak_lr * scheduled().factor, totals)
        if event := live.arrived():
            yield event
        yield from session.checkpoints.written()
        if session.checkpoints.due():
            session.save("interval")


def renew(session: Session, fast: TrainStep) -> Iterator[Event]:
    """Have the step recorded and compiled anew, because some parameters are no longer trained or images have grown."""
    if isinstance(fast, Recorded):
        fast.forget()
    session.cold = session.setup.decisions.compile != "off"
    session.compilations.expect()
    if session.cold:
        yield Phase(name="compiling")


def _untimed(part: str) -> None:
    """What replaces `StepClock.lap` where no step is timed."""


def make_steps(setup: Setup, recipe: Recipe, lap: Callable[[str], None] = _untimed) -> tuple[TrainStep, TrainStep]:
    """`train_step` as it is written below, and the fastest version of it on this machine. They are often the same.

    Args:
        lap: ends a timed part of an eager step. A step that is one CUDA graph has no parts.
    """
    options = {"accumulate": recipe.compute.accumulate, "clip_norm": recipe.optimizer.options["clip_norm"]}
    if not setup.decisions.graph:
        step = partial(train_step, setup, lap=lap, **options)
        return step, step
    step = partial(train_step, setup, **options)
    return step, Recorded(step, CudaRecorder(setup.device), setup.warnings.append)


def train_step(
    setup: Setup, x: Tensor, y: Tensor, accumulate: int, clip_norm: float, lap: Callable[[str], None] = _untimed
) -> Outcome:
    """Take one optimizer step on images x (B, C, H, W) and soft targets y (B, classes): the whole, global batch.

    Each rank computes the loss of its share of every part of the batch. Before clipping, the gradients are summed over
    the ranks, together with the loss and the logits.

    Args:
        accumulate: number of parts that the batch is split into; their gradients add up to the batch's. Where the
            machine decided on micro-batches, their size counts instead.
        clip_norm: largest global L2 norm of the gradient; 0 turns clipping off.
        lap: called at the end of each forward and backward pass and of the rest of the step, "optimizer".

    Returns:
        Mean loss, logits (B, classes), and the gradient's norm before clipping (None without clipping), all computed
        with the weights from before the step.
    """
    outcomes: list[Outcome] = []
    size = setup.decisions.micro_batch or -(-len(x) // accumulate)
    world = setup.world

    def closure() -> Tensor:
        setup.optimizer.zero_grad()
        world.share_out(setup.added)
        losses, logits = [], []
        for part_x, part_y in zip(x.split(size), y.split(size), strict=True):
            mine = world.part(len(part_x), setup.group)
            own_x, own_y = part_x[mine], part_y[mine]
            loss, out = setup.objective(own_x, own_y)
            loss = loss * (len(own_x) / len(x))
            lap("forward")
            loss.backward()
            lap("backward")
            losses.append(loss.detach())
            logits.append(world.placed(out.detach(), mine, len(part_x)))
        total, outputs = torch.stack(losses).sum(), torch.cat(logits)
        world.sum_(setup.parameters, [total, outputs, *setup.added])
        norm = torch.nn.utils.clip_grad_norm_(setup.parameters, clip_norm) if clip_norm else None
        outcomes.append((total, outputs, norm))
        return total

    setup.optimizer.step(closure)  # type: ignore[arg-type]  # torch declares a float, but its optimizers take a tensor
    lap("optimizer")
    return outcomes[0]  # a sharpness-aware optimizer calls the closure again, with perturbed weights
