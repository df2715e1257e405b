"""Create a run folder."""

from __future__ import annotations

import hashlib
import math
import os
import secrets
import shutil
import string
import time
from collections.abc import Mapping
from dataclasses import replace
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
    initial: Mapping[str, Any] = MappingProxyType({}),
) -> RunFolder:
    """Create a run folder that is ready to be started.

    Args:
        root: the runs folder, created if missing.
        preset: name of the preset that the recipe comes from.
        changes: how the recipe differs from the preset, as text.
        command: the command line that repeats the run.
        teacher: of a distilled run, as returned by `with_teacher`.
        initial: of a run that starts from given weights, as returned by `with_initial`.

    Raises:
        BadInput: the root cannot be written, the disk is full, or a name, tag or parts file is invalid. Nothing is left
            behind.
    """
    placement = placement or Placement()
    name = check_name(placement.name)
    tags = [check_tag(tag) for tag in placement.tags]
    sources = _part_sources(placement.parts)
    shared = placement.share == "group"
    make_root(root, shared=shared)
    path, created = _claim(root, shared)
    run = RunFolder(path)
    info = replace(
        _info(recipe, placement, sources),
        id=run.id,
        created=created,
        seed=seed,
        preset=preset,
        changes=changes,
        command=command,
        teacher=dict(teacher),
        initial=dict(initial),
    )
    try:
        _write_inputs(run, recipe, sources)
        if name:
            run.add_label(name=name)
        for tag in tags:
            run.add_label(tag=tag)
        write_atomic(run.run_json, encode_table(info))  # last, since it makes the run complete
    except BaseException as error:
        shutil.rmtree(run.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise BadInput(f"cannot write a run in {root}: {error.strerror}") from error
        raise
    return run


def _info(recipe: Recipe, placement: Placement, sources: Mapping[str, bytes]) -> RunInfo:
    """The part of `run.json` that follows from the recipe, the placement and this machine."""
    return RunInfo(
        recipe_id=recipe.recipe_id,
        model=recipe.model.name,
        data=recipe.data.name,
        epochs=math.ceil(recipe.epochs),
        host=host_name(),
        placement=placement.model_dump(mode="json"),
        versions=versions(),
        git=git_state(),
        parts={file: hashlib.sha256(source).hexdigest() for file, source in sources.items()},
    )


def _write_inputs(run: RunFolder, recipe: Recipe, sources: Mapping[str, bytes]) -> None:
    """Write the reserve, the recipe and the user's own parts."""
    write_atomic(run.reserve, os.urandom(RESERVE_BYTES), durable=False)  # random: no file system can compress it
    write_atomic(run.recipe_toml, recipe.to_toml().encode())
    if sources:
        make_folder(run.parts)
    for file, source in sources.items():
        write_atomic(run.parts / file, source)


def _claim(root: Path, shared: bool) -> tuple[Path, float]:
    """A new folder with a unique name, and when it was created. In UTC, so that names sort by time.

    Only mkdir can tell whether a name is free: a listing may be outdated.
    """
    while True:
        created = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created))
        path = root / f"{stamp}-{''.join(secrets.choice(LETTERS) for _ in range(4))}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise BadInput(f"cannot create a run in {root}: {error.strerror}") from error
        if shared:
            _share(path, root)
        return path, created


def _share(path: Path, root: Path) -> None:
    """Open a new folder to the root's group, and by the set-group-ID bit everything created in it later."""
    group = root.stat().st_gid
    try:
        if path.stat().st_gid != group:  # a root without that bit: new folders get the user's own group
            os.chown(path, -1, group)
        path.chmod(0o2770)  # last, since changing the group clears the bit
    except OSError as error:
        path.rmdir()
        raise BadInput(f"cannot share a run with the group of {root} (id {group}): {error.strerror}") from error


def _part_sources(files: tuple[str, ...]) -> dict[str, bytes]:
    """The user's own parts by their file names in the run. BadInput if one is missing or two have the same name."""
    sources: dict[str, bytes] = {}
    for file in files:
        path = user_path(file)
        try:
            source = read_file(path, follow=True)
        except OSError as error:
            raise BadInput(f"parts file {file!r} cannot be read: {error.strerror}") from None
        if path.name in sources:
            raise BadInput(f"parts file {file!r}: another parts file is also called {path.name}")
        sources[path.name] = source
    return sources
