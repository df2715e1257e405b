"""Many runs at once: the rows of a suite, the cells of a grid.

Everything is resolved and checked first; one bad cell and nothing starts. What has been run already is looked up by
(recipe, seed), so the same command given again goes on where it stopped: finished runs are left, waiting and working
ones too, stopped and lost ones are resumed, the missing ones are started. Nothing of it is stored anywhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import psutil

from engine.contract.errors import BadInput, StartFailed
from engine.contract.files import locked
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run import pulse
from engine.contract.run.index import Index
from engine.contract.run.roots import make_root
from engine.contract.run.status import DENIED
from engine.contract.run.store import RunFolder, Summary
from engine.contract.run.teacher import with_teacher
from engine.launch import control, local
from tui.drawing.format import file_size
from tui.plans.draft import Draft
from tui.plans.plan import Plan, launch, need_room, plan

Fate = Literal["start", "resume", "live", "finished", "failed", "repeat"]

GOES_ON: Final = ("start", "resume")
RESUMABLE: Final = ("stopped", "preempted", "lost")
LOCK: Final = ".batch"  # in the runs folder, so that two commands do not both start what is missing
WAITING_BYTES: Final = 21_000_000
"""Memory that a waiting run's supervisor has for itself (measured: 20.7 MB, and 0.04 % of a core)."""
MOST_RUNS: Final = 10_000
NAMED_LABELS: Final = 3  # in front of a problem that several cells share


@dataclass(frozen=True, slots=True)
class Cell:
    """One recipe of a batch under the name that the user knows it by; `source` is the file or name of its preset."""

    label: str
    draft: Draft
    source: str


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a batch, and what is to be done about it."""

    label: str
    recipe: Recipe
    seed: int
    fate: Fate
    run: Summary | None = None
    """The run that there is already."""
    plan: Plan | None = None
    """How to start it, where there is none."""
    same_as: str = ""
    """The cell that has this very recipe and seed already."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs in the order in which they are to run; all checks have passed."""

    jobs: tuple[Job, ...]

    def count(self, *fates: Fate) -> int:
        return sum(job.fate in fates for job in self.jobs)

    @property
    def to_do(self) -> tuple[Job, ...]:
        """What has to be started or resumed."""
        return tuple(job for job in self.jobs if job.fate in GOES_ON)


def prepare(
    cells: Sequence[Cell],
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
        roots: folders with runs; new ones go to the first, and only runs there are resumed.
        own_parts: files with parts of the user's own, which `parts` knows already.
        retry: resume failed runs as well; else they are left as they are.
        trust: run the code that other runs bring along even where it is another user's or has changed.
        known: the runs that there are; by default the index is asked.

    Raises:
        BadInput: with every problem of every cell.
    """
    if len(cells) * len(seeds) > MOST_RUNS:
        raise BadInput(f"{len(cells) * len(seeds):,} runs in one batch; at most {MOST_RUNS:,}")
    recipes = _each(cells, lambda cell: with_teacher(cell.draft.recipe(cell.source, parts), roots, parts)[0])
    runs = _by_recipe(Index().rows(roots) if known is None else known)
    jobs: list[Job] = []
    taken: dict[tuple[str, int], str] = {}
    for cell, recipe in zip(cells, recipes, strict=True):
        for seed in seeds:
            key = recipe.recipe_id, seed
            if key in taken:
                jobs.append(Job(cell.label, recipe, seed, "repeat", same_as=taken[key]))
                continue
            taken[key] = cell.label
            run = _best(runs.get(key, ()), roots[0])
            jobs.append(Job(cell.label, recipe, seed, _fate(run, roots[0], retry), run))
    batch = Batch(_planned(jobs, cells, roots, parts, own_parts, trust))
    wanted = [(job.recipe, 1) for job in batch.jobs if job.fate == "start"]
    need_room(roots[0], wanted, parts)
    _need_memory(len(batch.to_do))
    return batch


def _each(cells: Sequence[Cell], work: Callable[[Cell], Any]) -> list[Any]:
    """`work` done for every cell. Raises BadInput with all problems, each once with the cells that have it."""
    done, problems = [], dict[str, list[str]]()
    for cell in cells:
        try:
            done.append(work(cell))
        except BadInput as error:
            for problem in error.problems:
                problems.setdefault(problem, []).append(cell.label)
    if problems:
        raise BadInput([f"{named(labels)}: {problem}" for problem, labels in problems.items()])
    return done


def named(labels: Sequence[str]) -> str:
    """The cells that something is said of: the first three by name."""
    more = f" and {len(labels) - NAMED_LABELS} more" if len(labels) > NAMED_LABELS else ""
    return ", ".join(labels[:NAMED_LABELS]) + more


def _by_recipe(known: Sequence[Summary]) -> Mapping[tuple[str, int], list[Summary]]:
    found: dict[tuple[str, int], list[Summary]] = {}
    for run in known:
        found.setdefault((run.recipe_id, run.seed), []).append(run)
    return found


def _best(runs: Sequence[Summary], root: Path) -> Summary | None:
    """Of several runs of one recipe and seed the one that is furthest."""

    def rank(run: Summary) -> tuple[bool, bool, bool, int, float]:
        resumable = run.status in RESUMABLE and _is_ours(run, root)
        return run.status == "finished", run.live, resumable, run.epoch, run.created

    return max(runs, key=rank, default=None)


def _is_ours(run: Summary, root: Path) -> bool:
    """Whether it can be gone on with: it lies where runs are written, and is not closed to this user."""
    return run.reason != DENIED and Path(run.folder).parent.resolve() == root.resolve()


def _fate(run: Summary | None, root: Path, retry: bool) -> Fate:
    if run is None:
        return "start"
    if run.status == "finished":
        return "finished"
    if run.live:
        return "live"
    if run.status == "failed" and not retry:
        return "failed"
    return "resume" if _is_ours(run, root) else "start"


def _planned(
    jobs: Sequence[Job],
    cells: Sequence[Cell],
    roots: Sequence[Path],
    parts: Catalog,
    own_parts: Sequence[str],
    trust: bool,
) -> tuple[Job, ...]:
    """The jobs, those that begin anew with a plan of their own: device, data and placement are checked by it."""
    missing: dict[str, list[int]] = {cell.label: [] for cell in cells}
    for job in jobs:
        if job.fate == "start":
            missing[job.label].append(job.seed)

    def make(cell: Cell) -> Plan | None:
        seeds = missing[cell.label]
        if not seeds:
            return None
        place = {**cell.draft.place, "seeds": ",".join(map(str, seeds))}
        draft = dataclasses.replace(cell.draft, place=place)
        return plan(draft, cell.source, roots[0], parts, own_parts, roots, trust=trust)

    plans = dict(zip(missing, _each(cells, make), strict=True))
    return tuple(
        dataclasses.replace(job, plan=_of_seed(whole, job.seed))
        if job.fate == "start" and (whole := plans[job.label]) is not None
        else job
        for job in jobs
    )


def _of_seed(whole: Plan, seed: int) -> Plan:
    at = whole.seeds.index(seed)
    return dataclasses.replace(whole, seeds=(seed,), commands=(whole.commands[at],))


def _need_memory(waiting: int) -> None:
    """Refuse more waiting supervisors than fit into half of the free memory."""
    needed, free = waiting * WAITING_BYTES, psutil.virtual_memory().available
    if needed > free / 2:
        raise BadInput(
            f"{waiting} runs that wait take {file_size(needed)} of memory ({file_size(WAITING_BYTES)} each), and "
            f"{file_size(free)} are free; start fewer of them now and give the same command again later"
        )


# --- starting -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """What became of a job: the run's id, and "" or why it could not be started."""

    job: Job
    run: str
    error: str = ""


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep other batches from being prepared and started at the same time. Raises BadInput when one is."""
    make_root(root)
    refusal = f"another command is starting runs in {root}; try again when it is done"
    with locked(root / LOCK, wait=False, refusal=refusal):
        yield


def carry_out(
    batch: Batch,
    changed: Mapping[str, Any],
    *,
    start: Callable[..., object] = local.start,
    resume: Callable[..., object] = control.resume,
    say: Callable[[str], object] = lambda text: None,
) -> Iterator[Started]:
    """Start and resume what is to be done, one by one, in order. A run that cannot be started holds up no other.

    Args:
        changed: what differs in the placement of resumed runs.
        say: is told where a resume takes long.
    """
    for job in batch.to_do:
        if job.run is not None:
            pulse.feel(Path(job.run.folder))  # where heartbeats must be watched, all of them are watched at once
    for job in batch.to_do:
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
