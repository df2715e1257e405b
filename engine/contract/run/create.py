"""Making a run folder."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import string
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from engine.contract.errors import BadInput, user_path
from engine.contract.files import make_folder, read_file, write_atomic
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run.folder import RESERVE_BYTES, RunFolder, RunInfo
from engine.contract.run.labels import check_name, check_tag
from engine.contract.run.process import host_name
from engine.contract.run.provenance import git_state, versions
from engine.contract.run.roots import make_root
from engine.contract.values import encode_table

LETTERS: Final = string.digits + string.ascii_lowercase


def create(
    root: Path,
    recipe: Recipe,
    *,
    seed: int,
    placement: Placement | None = None,
    preset: str = "",
    changes: str = "",
    command: str = "",
    teacher: Mapping[str, Any] = MappingProxyType({}),
) -> RunFolder:
    """Make a run folder that is ready to be started.

    Args:
        root: the runs folder, made when missing.
        preset: name of the preset that the recipe came from; `changes`: how it differs from that, in words.
        command: the command line that repeats the run.
        teacher: of a distilled run, as `with_teacher` has it.

    Raises:
        BadInput: the root cannot be written, the disk is full, or a name, tag or parts file is unfit. Nothing is left.
    """
    placement = placement or Placement()
    name = check_name(placement.name)
    tags = [check_tag(tag) for tag in placement.tags]
    sources = _part_sources(placement.parts)
    shared = placement.share == "group"
    make_root(root, shared=shared)
    path, created = _claim(root, shared)
    run = RunFolder(path)
    info = RunInfo(
        id=run.id,
        created=created,
        seed=seed,
        recipe_id=recipe.recipe_id,
        model=recipe.model.name,
        data=recipe.data.name,
        epochs=recipe.epochs,
        preset=preset,
        changes=changes,
        command=command,
        host=host_name(),
        placement=placement.model_dump(mode="json"),
        versions=versions(),
        git=git_state(),
        parts={file: hashlib.sha256(source).hexdigest() for file, source in sources.items()},
        teacher=dict(teacher),
    )
    try:
        write_atomic(run.reserve, os.urandom(RESERVE_BYTES), durable=False)  # random: no file system compresses it
        write_atomic(run.recipe_toml, recipe.to_toml().encode())
        if sources:
            make_folder(run.parts)
        for file, source in sources.items():
            write_atomic(run.parts / file, source)
        if name:
            run.add_label(name=name)
        for tag in tags:
            run.add_label(tag=tag)
        write_atomic(run.run_json, encode_table(info))  # last: with it the run is complete
    except BaseException as error:
        shutil.rmtree(run.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise BadInput(f"cannot write a run in {root}: {error.strerror}") from error
        raise
    return run


def _claim(root: Path, shared: bool) -> tuple[Path, float]:
    """A new folder with a name nobody has, and when: mkdir decides, a listing could be stale. UTC, so names sort."""
    while True:
        created = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created))
        path = root / f"{stamp}-{''.join(secrets.choice(LETTERS) for _ in range(4))}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise BadInput(f"cannot make a run in {root}: {error.strerror}") from error
        if shared:
            _share(path, root)
        return path, created


def _share(path: Path, root: Path) -> None:
    """Open a new folder to the root's group, and with the set-group-ID bit all that will be made in it."""
    group = root.stat().st_gid
    try:
        if path.stat().st_gid != group:  # a root without that bit: new folders are of the user's own group
            os.chown(path, -1, group)
        path.chmod(0o2770)  # last, since a change of group clears the bit
    except OSError as error:
        path.rmdir()
        raise BadInput(f"cannot share a run with the group of {root} (number {group}): {error.strerror}") from error


def _part_sources(files: tuple[str, ...]) -> dict[str, bytes]:
    """The user's own parts by the name they get in the run. BadInput when one is missing or two share a name."""
    sources: dict[str, bytes] = {}
    for file in files:
        path = user_path(file)
        try:
            source = read_file(path, follow=True)
        except OSError as error:
            raise BadInput(f"parts file {file!r} cannot be read: {error.strerror}") from None
        if path.name in sources:
            raise BadInput(f"parts file {file!r}: another one is also called {path.name}")
        sources[path.name] = source
    return sources
