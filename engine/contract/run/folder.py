"""The run folder: the only truth about a run. Every file has one writer; all other facts are derived from the files.

run.json        the creator, once          what was asked for, where, and with which versions
recipe.toml     the creator, once          the resolved recipe, itself a valid preset
parts/          the creator, once          copies of the user's own parts
labels.jsonl    anyone, under a lock       name, tags, notes, pin, exclusion
events.jsonl    the trainer                what happened (of an imported run: its creator, once)
scalars.npz     the creator, once          scalars of an imported run that have no series of ours
probe.json      the trainer, once          precision, threads and compile mode, from which a resume takes them; figures
checkpoints/    the trainer                weights, and the state to resume from
predictions.npz the trainer                test logits and labels (of imported weights: the process that tests them)
predicted/      `runs predict`             answers for further test sets: see `engine.contract.run.predicted`
unpacked.json   `runs unpack`, once        the archive that the run came in, by name and SHA-256
failures/       each rank but the first    why it failed, in a run on several GPUs
requests/       anyone                     requests to a supervisor that no signal reaches
job.json, job.sh                           whoever hands the run to a scheduler: its job, and what the job executes
rendezvous.json the supervisor             the port where the nodes of a job meet
attempts/N      the supervisor             that attempt N is its own, created exclusively
proc.json, heartbeat.json, exit.json       the supervisor: its processes, that it is alive, how it ended
exits/N.json    the supervisor             how earlier attempts ended
log.txt         the processes              their raw output
log.1.txt       the supervisor             the end of log.txt before it was last emptied
reserve         removed on a full disk, so that exit.json can still be written
lock            held by the process that changes the run as a whole: a supervisor, a resume, a removal
adopt           held by a supervisor that has taken over a trainer without one
"""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Unpack

from engine.contract.errors import BadInput
from engine.contract.files import is_denied, locked, make_folder, owned_by, read_bytes, read_json
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.lenient import known_only
from engine.contract.recipe.resolve import resolve, with_younger_fields
from engine.contract.recipe.schema import Recipe
from engine.contract.run.checkpoints import CHECKPOINT_SCHEMA, newer_checkpoint
from engine.contract.run.erase import files_in, used_bytes
from engine.contract.run.labels import LabelChanges, Labels, add_label, read_labels
from engine.contract.run.links import refuse_links
from engine.contract.run.process import ExitRecord
from engine.contract.run.provenance import versions
from engine.contract.run.status import Status, status
from engine.contract.values import Count, Moment, build, parse_toml

SCHEMA: Final = 1
RUN_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-z]{4}")
NEEDED: Final = {"id", "created", "seed", "recipe_id", "model", "epochs"}
"""What every version has written into `run.json`, and what identifies a run."""
RESERVE_BYTES: Final = 16384  # room for an exit record with a long traceback


@dataclass(frozen=True, slots=True)
class RunInfo:
    """`run.json`. `model`, `epochs` and `data` repeat the recipe, so that listings need not parse TOML."""

    schema: int = SCHEMA
    id: str = ""
    created: Moment = 0.0
    seed: int = 0
    recipe_id: str = ""
    model: str = ""
    data: str = ""
    epochs: Count = 0
    preset: str = ""
    changes: str = ""
    command: str = ""
    host: str = ""
    placement: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each file in `parts/`, by file name."""
    teacher: dict[str, Any] = field(default_factory=dict)
    """The run that this one is distilled from, and with which weights: see `engine.contract.run.teacher`."""
    initial: dict[str, Any] = field(default_factory=dict)
    """The weights that the run starts from, see `engine.contract.run.initial`; empty for random weights."""
    imported: dict[str, Any] = field(default_factory=dict)
    """Of a run that another program has trained: its layout, files and series, see `engine.exchange.imports.write`."""

    @property
    def layout(self) -> str:
        """The program or format that the run was imported from; "" for a run of our own."""
        return str(self.imported.get("layout", ""))

    @property
    def recipe_name(self) -> str:
        """What listings call the recipe, see the function of this name."""
        return recipe_name(self.preset, self.model)


def recipe_name(preset: str, model: str) -> str:
    """What listings call a run's recipe: its preset, without the folder if that is a file, or else its model."""
    return (Path(preset).name if preset.endswith(".toml") else preset) or model


def written_by(info: RunInfo) -> str:
    """Which version wrote a run: "written by cifar-tui 0.1.0, this is 0.2.0"."""
    theirs, ours = info.versions.get("cifar-tui") or "of an unknown version", versions()["cifar-tui"]
    return f"written by cifar-tui {theirs}" + (f", this is {ours or 'a checkout'}" if ours != theirs else "")


class RunFolder:
    """One run on disk. The constructor reads nothing; every method reads the files anew."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()
        self.id = self.path.name
        self.run_json = self.path / "run.json"
        self.recipe_toml = self.path / "recipe.toml"
        self.parts = self.path / "parts"
        self.labels_jsonl = self.path / "labels.jsonl"
        self.events = self.path / "events.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.predictions = self.path / "predictions.npz"
        self.predicted = self.path / "predicted"
        self.proc = self.path / "proc.json"
        self.heartbeat = self.path / "heartbeat.json"
        self.exit = self.path / "exit.json"
        self.exits = self.path / "exits"
        self.log = self.path / "log.txt"
        self.unpacked = self.path / "unpacked.json"
        self.reserve = self.path / "reserve"
        self.lock = self.path / "lock"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunFolder) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def info(self) -> RunInfo:
        """The content of `run.json`. BadInput if it is missing, unreadable, damaged or incomplete."""
        table = read_json(self.run_json)
        try:
            if table is not None and table.keys() >= NEEDED:
                return build(RunInfo, table)
        except TypeError:
            pass  # a value of a wrong type is damage like any other
        self._check_permission(self.run_json)
        raise BadInput(f"run {self.id}: run.json is missing, unreadable or damaged ({self.run_json})")

    def recipe(self, parts: Catalog | None = None) -> Recipe:
        """The resolved recipe. BadInput if `recipe.toml` is missing, damaged or from another version.

        Args:
            parts: the catalog to resolve against; by default the built-in parts and those in the run's `parts/`.
        """
        table = self.recipe_table()
        try:
            return resolve(with_younger_fields(table), parts or self.own_catalog(), str(self.recipe_toml))
        except BadInput as error:
            raise BadInput([*error.problems, *self.origin()]) from error

    def inspect(self) -> tuple[Recipe, list[str]]:
        """The recipe to look at but not to train, and the paths of the keys that this version does not know.

        BadInput if `recipe.toml` is missing or damaged, or needs a part that this version does not have.
        """
        parts = self.own_catalog()
        table, unknown = known_only(self.recipe_table(), parts)
        return resolve(with_younger_fields(table), parts, str(self.recipe_toml)), unknown

    def recipe_table(self) -> dict[str, Any]:
        """The content of `recipe.toml`, not validated. BadInput if it is missing or not TOML."""
        data = read_bytes(self.recipe_toml)
        if data is None:
            self.refuse_imported()
            self._check_permission(self.recipe_toml)
            raise BadInput(f"run {self.id}: recipe.toml is missing or unreadable ({self.recipe_toml})")
        try:
            return parse_toml(data.decode())
        except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
            raise BadInput(f"run {self.id}: recipe.toml is not valid TOML: {error}") from error

    def own_catalog(self) -> Catalog:
        """The catalog of the engine's parts and of those that the run brings along; reads their source, runs none."""
        return catalog(tuple(sorted(self.parts.glob("*.py"))))

    def origin(self) -> list[str]:
        """A line that names the version which wrote the run; none if run.json cannot be read."""
        try:
            return [f"run {self.id} was {written_by(self.info())}"]
        except BadInput:
            return []

    def refuse_newer_checkpoints(self) -> None:
        """BadInput if a checkpoint has a newer layout than this version knows, so that it cannot be resumed."""
        for path in sorted(self.checkpoints.glob("*/meta.json")):
            meta = (read_json(path) or {}).get("checkpoint")
            if not isinstance(meta, dict):  # damaged, which a resume reports
                continue
            if isinstance(schema := meta.get("schema"), int) and schema > CHECKPOINT_SCHEMA:
                raise BadInput(f"run {self.id}: {newer_checkpoint(path.parent.name, meta)}")

    def refuse_newer(self) -> None:
        """BadInput if the run has a newer layout than this version knows: such a run is read-only."""
        try:
            info = self.info()
        except BadInput:  # not complete yet, or damaged, which others report
            return
        if info.schema > SCHEMA:
            raise BadInput(
                f"run {self.id} has layout {info.schema}, newer than {SCHEMA}, the latest that this version knows: "
                f"it is read-only here; it was {written_by(info)}"
            )

    def refuse_imported(self) -> None:
        """BadInput if another program has trained the run: its recipe is unknown, so it is only there to look at."""
        try:
            layout = self.info().layout
        except BadInput:  # damaged, which others report
            return
        if layout:
            raise BadInput(
                f"run {self.id} was imported ({layout}), so its recipe is unknown: it can be shown and compared, but "
                "not resumed, repeated or edited"
            )

    def refuse_closed(self) -> None:
        """BadInput if this user may not read the run."""
        self._check_permission(self.run_json)

    def _check_permission(self, path: Path) -> None:
        """BadInput if a file cannot be read for lack of permission."""
        if is_denied(path):
            raise BadInput(f"run {self.id}: permission denied{owned_by(self.path)} ({path})")

    def labels(self) -> Labels:
        """The current name, tags, notes, pin and exclusion."""
        return read_labels(self.labels_jsonl)

    def add_label(self, **changes: Unpack[LabelChanges]) -> None:
        """Append changes to the labels. BadInput if a label is invalid or the folder cannot be written."""
        refuse_links(self.path)
        self.refuse_newer()
        add_label(self.labels_jsonl, **changes)

    def status(self, now: float | None = None) -> Status:
        """What the run is doing or how it ended: see `engine.contract.run.status`."""
        return status(self.path, now)

    @contextlib.contextmanager
    def hold(self, note: Callable[[str], object] = lambda text: None) -> Iterator[int]:
        """Hold the run's lock, yielding its descriptor, which children may inherit. BadInput if it is taken.

        Args:
            note: receives a message where the file system has no locks.
        """
        with locked(self.lock, wait=False, refusal=f"run {self.id} is in use by another process", note=note) as fd:
            yield fd

    def write_exit(self, record: ExitRecord) -> None:
        """Write `exit.json`, on a full disk in the space of the reserve, which is removed in any case."""
        try:
            record.write(self.exit)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self.reserve.unlink(missing_ok=True)
            record.write(self.exit)
        self.reserve.unlink(missing_ok=True)

    def archive_exit(self) -> None:
        """Move the exit record of the last attempt to `exits/N.json`, before the next attempt begins."""
        record = ExitRecord.read(self.exit)
        make_folder(self.exits, exist_ok=True)
        number = record.attempt if record else 1
        while (target := self.exits / f"{number}.json").exists():
            number += 1
        with contextlib.suppress(FileNotFoundError):  # the attempt left no exit record
            self.exit.rename(target)

    def size_bytes(self) -> int:
        """Bytes of all files in the folder, each counted once; links are not followed."""
        return used_bytes(files_in(self.path))
