"""`cifar-tui runs pack`, `unpack` and `verify`: runs as one file, and whether a run is still what was written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engine.contract.errors import BadInput
from tui.commands.common import FAILED, Json, Refs, RunsDirs, print_json, print_table, roots, say
from tui.drawing.format import counted, file_size

if TYPE_CHECKING:
    from engine.exchange.pack.manifest import Manifest

SUFFIX = ".tar.zst"


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    for name, command in (("pack", pack), ("unpack", unpack), ("verify", verify)):
        app.command(name)(command)


def pack(
    refs: list[str] = Refs,
    out: Path = typer.Option(..., "--out", "-o", help="File to write; its name ends in .tar.zst.", metavar="FILE"),
    weights: bool = typer.Option(False, "--weights", help="Pack the final and the best weights, too."),
    anonymous: bool = typer.Option(
        False, "--anonymous", help="Leave out host, user, paths, notes and the log, for a review that is blind."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would be packed; write nothing."),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Pack runs that have ended into one file, to mail it or to publish it beside a paper.

    The file holds recipe, events, predictions, labels and log of each run, with a SHA-256 of every file, but no weights
    unless --weights is given, and never the state to resume from. What is packed is listed before it is written.
    `runs unpack` makes runs of it again.
    """
    from engine.contract.run.store import find
    from engine.exchange.pack.write import prepare, write

    if not out.name.endswith(SUFFIX):
        raise BadInput(f"--out {out}: the name has to end in {SUFFIX}")
    if out.exists():
        raise BadInput(f"--out {out}: exists already")
    places = roots(runs_dir)
    runs = list(dict.fromkeys(find(places, ref) for ref in refs))
    packing = prepare(runs, weights=weights, anonymous=anonymous)
    _say_sizes(packing.manifest)
    size = 0 if dry_run else write(packing, out)
    if as_json:
        print_json(_listed(packing.manifest) | {"file": str(out), "bytes": size, "dry_run": dry_run})
    elif not dry_run:
        typer.echo(f"packed {counted(len(runs), 'run')} into {out}, {file_size(size)}")


def unpack(
    archive: Path = typer.Argument(..., help="A file that `runs pack` wrote.", metavar="FILE"),
    dry_run: bool = typer.Option(False, "--dry-run", help="Check the file and show what is in it; write nothing."),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Unpack the runs in a file into the runs folder.

    The whole file is checked before anything is written: names, sizes and the SHA-256 of every member. A run that is
    there already is left as it is; another run with the same id is an error. Code that a run brings along is never
    executed here, and later only after you have confirmed it (--trust-parts).
    """
    from engine.exchange.pack.unpack import examine
    from engine.exchange.pack.unpack import unpack as unpack_runs

    found = examine(archive, roots(runs_dir)[0])
    _say_sizes(found.manifest)
    runs = [] if dry_run else unpack_runs(found)
    if as_json:
        there = {"new": found.new, "present": list(found.present), "folder": str(found.root)}
        print_json(_listed(found.manifest) | there | {"dry_run": dry_run})
        return
    for run in runs:
        typer.echo(f"{run.id} unpacked into {run.path}")
        if brought := sorted(path.name for path in run.parts.glob("*.py")):
            say(f"{run.id} brings code along ({', '.join(brought)}); read it before you use --trust-parts")
    for run_id in found.present:
        typer.echo(f"{run_id} is there already; nothing to do")


def verify(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Check every hash of runs: recipe, parts, checkpoints, predictions, events and records.

    Each line says what was checked and how; what has no hash of its own is read and compared with the rest. The exit
    code is 1 if anything is bad.
    """
    from engine.contract.run.store import find
    from engine.exchange.pack.verify import verify as check

    places = roots(runs_dir)
    found = {run.id: check(run) for run in dict.fromkeys(find(places, ref) for ref in refs)}
    bad = sum(one.result == "bad" for checks in found.values() for one in checks)
    if as_json:
        print_json(
            [
                {
                    "id": run_id,
                    "ok": all(one.result != "bad" for one in checks),
                    "checks": [dataclasses.asdict(one) for one in checks],
                }
                for run_id, checks in found.items()
            ]
        )
    else:
        for run_id, checks in found.items():
            typer.echo(f"run {run_id}")
            print_table(["checked", "result", "what was found"], [(one.what, one.result, one.note) for one in checks])
    if bad:
        say(f"{counted(bad, 'check')} failed")
        raise SystemExit(FAILED)


def _say_sizes(manifest: Manifest) -> None:
    """What is in an archive, on stderr: files and bytes of each run, before anything is written."""
    for run_id in manifest.runs:
        entries = manifest.of(run_id)
        largest = sorted(entries, key=lambda entry: entry.bytes, reverse=True)[:3]
        names = ", ".join(f"{entry.file} {file_size(entry.bytes)}" for entry in largest)
        size = file_size(sum(entry.bytes for entry in entries))
        say(f"{run_id}: {counted(len(entries), 'file')}, {size} unpacked ({names})")
    how = [counted(len(manifest.runs), "run"), f"{file_size(manifest.size)} unpacked"]
    how += ["with weights" if manifest.weights else "without weights"]
    how += ["anonymous"] if manifest.anonymous else []
    say(", ".join(how))


def _listed(manifest: Manifest) -> dict[str, Any]:
    """The manifest as the JSON of both commands."""
    runs: Sequence[dict[str, Any]] = [
        {"id": run, "files": [dataclasses.asdict(entry) | {"path": entry.file} for entry in manifest.of(run)]}
        for run in manifest.runs
    ]
    return {
        "runs": runs,
        "unpacked_bytes": manifest.size,
        "weights": manifest.weights,
        "anonymous": manifest.anonymous,
        "made_by": manifest.made_by,
    }
