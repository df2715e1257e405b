"""Many runs at once: the rows of a suite, or the items of a grid.

Everything is resolved and checked first, and nothing starts where one item is wrong. Runs that exist already are found
by recipe and seed, so repeating a command continues where it stopped: finished, queued and training runs are left
alone, stopped and lost ones are resumed, missing ones are started. None of this is stored anywhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from engine.analysis.seeds import left_out
from engine.contract.errors import BadInput, StartFailed
from engine.contract.files import locked
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run import pulse
from engine.contract.run.index import Index
from engine.contract.run.initial import with_initial
from engine.contract.run.roots import make_root
from engine.contract.run.store import RunFolder, Summary
from engine.contract.run.teacher import with_teacher
from engine.contract.text import file_size
from engine.launch import restart
from engine.launch.start import start as start_run
from tui.plans.earlier import TO_DO, Action, action_for, by_recipe_and_seed, furthest
from tui.plans.jobs import ARRAY_ABOVE, submit_arrays
from tui.plans.plan import Plan, launch, need_room, plan
from tui.plans.resolution import Resolution

LOCK: Final = ".batch"  # in the runs folder, so that two commands do not both start the missing runs
WAITING_BYTES: Final = 21_000_000
"""Memory of the supervisor of a waiting run (measured: 20.7 MB, and 0.04 % of a core)."""
MOST_RUNS: Final = 10_000
NAMED_LABELS: Final = 3
"""How many items a problem that they share names."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One recipe of a batch, under the name that the user knows it by."""

    label: str
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a batch, and what to do about it."""

    label: str
    recipe: Recipe
    seed: int
    action: Action
    run: Summary | None = None
    """The run that exists already."""
    plan: Plan | None = None
    """How to start it, where it does not exist yet."""
    same_as: str = ""
    """The label of the earlier item that has the same recipe and seed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs in the order in which they will run; all checks have passed."""

    jobs: tuple[Job, ...]
    left_out: str = ""
    """How many runs of these recipes and seeds the user has left out, and why; the batch starts them anew."""

    def count(self, *actions: Action) -> int:
        return sum(job.action in actions for job in self.jobs)

    @property
    def to_do(self) -> tuple[Job, ...]:
        """The jobs to start or resume."""
        return tuple(job for job in self.jobs if job.action in TO_DO)


def prepare(
    items: Sequence[BatchItem],
    seeds: Sequence[int],
    roots: Sequence[Path],
    parts: Catalog,
    *,
    own_parts: Sequence[str] = (),
    retry: bool = False,
    trust: bool = False,
    known: Sequence[Summary] | None = None,
) -> Batch:
    """Resolve and check a whole batch.

    Args:
        roots: folders with runs; new runs go to the first, and only runs in it are resumed.
        own_parts: files with the user's own parts, which `parts` includes already.
        retry: resume failed runs too; by default they are left alone.
        trust: run the code of other runs even if another user wrote it or it has changed.
        known: the runs that exist; by default those in the index.

    Raises:
        BadInput: with every problem of every item.
    """
    if len(items) * len(seeds) > MOST_RUNS:
        raise BadInput(f"{len(items) * len(seeds):,} runs in one batch; the limit is {MOST_RUNS:,}")
    recipes = _for_each(items, lambda item: _identified(item.resolution.recipe, roots, parts))
    known = Index().rows(roots) if known is None else known
    runs = by_recipe_and_seed(known)
    jobs: list[Job] = []
    taken: dict[tuple[str, int], str] = {}
    for item, recipe in zip(items, recipes, strict=True):
        for seed in seeds:
            key = recipe.recipe_id, seed
            if key in taken:
                jobs.append(Job(item.label, recipe, seed, "repeat", same_as=taken[key]))
                continue
            taken[key] = item.label
            run = furthest(runs.get(key, ()), roots[0])
            jobs.append(Job(item.label, recipe, seed, action_for(run, roots[0], retry), run))
    reasons = (run.excluded for run in known if (run.recipe_id, run.seed) in taken)
    batch = Batch(_with_plans(jobs, items, roots, own_parts, trust), left_out(reasons))
    need_room(roots[0], [(job.recipe, 1) for job in batch.jobs if job.action == "start"], parts)
    _need_memory(sum(_waits_here(job) for job in batch.to_do))
    return batch


def _identified(recipe: Recipe, roots: Sequence[Path], parts: Catalog) -> Recipe:
    """The recipe with the full ids of its teacher and its initial weights. Raises BadInput."""
    return with_initial(with_teacher(recipe, roots, parts)[0], roots)[0]


def _for_each(items: Sequence[BatchItem], work: Callable[[BatchItem], Any]) -> list[Any]:
    """`work` done for every item. Raises BadInput with all problems, each once with the items that have it."""
    done, problems = [], dict[str, list[str]]()
    for item in items:
        try:
            done.append(work(item))
        except BadInput as error:
            for problem in error.problems:
                problems.setdefault(problem, []).append(item.label)
    if problems:
        raise BadInput([f"{first_labels(labels)}: {problem}" for problem, labels in problems.items()])
    return done


def first_labels(labels: Sequence[str]) -> str:
    """The first three labels, and how many more there are."""
    more = f" and {len(labels) - NAMED_LABELS} more" if len(labels) > NAMED_LABELS else ""
    return ", ".join(labels[:NAMED_LABELS]) + more


def _with_plans(
    jobs: Sequence[Job], items: Sequence[BatchItem], roots: Sequence[Path], own_parts: Sequence[str], trust: bool
) -> tuple[Job, ...]:
    """The jobs, with a plan for each that starts anew; planning checks device, data and placement."""
    missing: dict[str, list[int]] = {item.label: [] for item in items}
    for job in jobs:
        if job.action == "start":
            missing[job.label].append(job.seed)

    def make(item: BatchItem) -> Plan | None:
        seeds = missing[item.label]
        return plan(item.resolution, roots[0], own_parts, roots, seeds=seeds, trust=trust) if seeds else None

    plans = dict(zip(missing, _for_each(items, make), strict=True))
    return tuple(
        dataclasses.replace(job, plan=_of_seed(whole, job.seed))
        if job.action == "start" and (whole := plans[job.label]) is not None
        else job
        for job in jobs
    )


def _of_seed(whole: Plan, seed: int) -> Plan:
    at = whole.seeds.index(seed)
    return dataclasses.replace(whole, seeds=(seed,), commands=(whole.commands[at],))


def _waits_here(job: Job) -> bool:
    """Whether the run waits for its device in a process on this machine."""
    return job.plan is None or job.plan.placement.launcher == "local"


def _need_memory(waiting: int) -> None:
    """Refuse more waiting supervisors than fit into half of the free memory. Raises BadInput."""
    needed, free = waiting * WAITING_BYTES, psutil.virtual_memory().available
    if needed > free / 2:
        raise BadInput(
            f"{waiting} waiting runs need {file_size(needed)} of memory ({file_size(WAITING_BYTES)} each), and only "
            f"{file_size(free)} is free; start fewer runs now and repeat the command later"
        )


# --- starting -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """What happened to a job: the id of its run, and why it could not be started, else ""."""

    job: Job
    run: str
    error: str = ""


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep other batches from being prepared and started meanwhile. Raises BadInput where one is under way."""
    make_root(root)
    refusal = f"another command is starting runs in {root}; try again when it has finished"
    with locked(root / LOCK, wait=False, refusal=refusal):
        yield


def _apart(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """The jobs to start one by one, and those to submit as arrays: new runs for Slurm, if they are many."""
    new = [job for job in jobs if job.plan and job.plan.placement.launcher == "slurm"]
    if len(new) <= ARRAY_ABOVE:
        return list(jobs), []
    arrayed = set(map(id, new))  # a job has tables in it and so no hash
    return [job for job in jobs if id(job) not in arrayed], new


def carry_out(
    batch: Batch,
    changed: Mapping[str, Any],
    *,
    start: Callable[..., object] = start_run,
    resume: Callable[..., object] = restart.resume,
    say: Callable[[str], object] = lambda text: None,
    prepared: Callable[[int], object] = lambda count: None,
) -> Iterator[Started]:
    """Start and resume the jobs one by one, in order. A run that fails to start does not hold up the others.

    More than 50 new runs for Slurm are submitted as arrays, before the others.

    Args:
        changed: placement fields that change in the runs that are resumed.
        say: receives a message where resuming takes long.
        prepared: receives how many runs of arrays have been prepared.
    """
    one_by_one, arrayed = _apart(batch.to_do)
    plans = [job.plan for job in arrayed if job.plan]
    for job, (run, error) in zip(arrayed, submit_arrays(plans, prepared), strict=True):
        yield Started(job, run, error)
    for job in batch.to_do:
        if job.run is not None:
            pulse.read_pulse(Path(job.run.folder))  # so that heartbeats are watched for all runs at the same time
    for job in one_by_one:
        begun: list[RunFolder] = []

        def begin(folder: RunFolder, begun: list[RunFolder] = begun, **options: Any) -> None:
            begun.append(folder)
            start(folder, **options)

        try:
            if job.plan is not None:
                launch(job.plan, begin)
            elif job.run is not None:
                begun.append(RunFolder(Path(job.run.folder)))
                resume(begun[0], changed, say=say)
        except (BadInput, StartFailed) as error:
            yield Started(job, begun[0].id if begun else "", str(error))
        else:
            yield Started(job, begun[0].id)
