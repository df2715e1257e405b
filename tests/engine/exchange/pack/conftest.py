"""Runs to pack, and archives that no one should trust."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import RunFolder
from presets.references import recipe_of

RUN_ID = "20261122-101530-k3f9"
Member = tuple[str | tarfile.TarInfo, bytes]


@pytest.fixture
def run(ended_run: Callable[..., RunFolder]) -> RunFolder:
    """A finished run without checkpoints."""
    return ended_run(recipe_of("quickstart", catalog()), 3, [0.5, 0.6])


def listed(path: str, data: bytes) -> dict[str, Any]:
    return {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def manifest_of(files: Sequence[tuple[str, bytes]], /, **changes: Any) -> bytes:
    table = {"format": "cifar-tui-pack", "version": 1, "made_by": "0.1.0", "anonymous": False, "weights": False}
    return json.dumps(table | {"files": [listed(*file) for file in files]} | changes).encode()


def as_tar(members: Sequence[Member]) -> bytes:
    """A tar file of these members, whatever they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            member = tarfile.TarInfo(name) if isinstance(name, str) else name
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def compressed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def contents_of(archive: Path) -> dict[str, bytes]:
    """The members of an archive, as tar itself reads them."""
    data = zstandard.ZstdDecompressor().stream_reader(archive.read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


@pytest.fixture
def files(run: RunFolder) -> list[tuple[str, bytes]]:
    """The smallest files that make a run, under another id."""
    told = json.loads(run.run_json.read_text()) | {"id": RUN_ID}
    return [
        (f"{RUN_ID}/run.json", json.dumps(told).encode()),
        (f"{RUN_ID}/recipe.toml", run.recipe_toml.read_bytes()),
        (f"{RUN_ID}/events.jsonl", run.events.read_bytes()),
    ]
