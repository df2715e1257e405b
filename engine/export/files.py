"""State dicts as files, and the folder that an export makes."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from engine.contract.errors import BadInput
from engine.contract.files import make_folder, write_atomic

State = dict[str, Tensor]


def written_state(state: State, form: str) -> bytes:
    """A state dict as the content of a .safetensors or .pth file."""
    if form == "safetensors":
        return save_safetensors(state, metadata={"format": "pt"})
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def read_state(content: bytes, form: str) -> State:
    """The state dict in a file that `written_state` wrote."""
    if form == "safetensors":
        return load_safetensors(content)
    state: State = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


def put_folder(out: Path, contents: dict[str, bytes]) -> None:
    """Make a folder with these files; it appears under its name when it is complete. Raises BadInput."""
    if out.exists():
        raise BadInput(f"--out {out} exists already; choose another folder")
    half: Path | None = None
    try:
        make_folder(out.parent, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        ready = half / "ready"  # with the permissions that the user's umask gives, unlike `half`
        ready.mkdir()
        for name, content in contents.items():
            write_atomic(ready / name, content)
        ready.rename(out)
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror or error}") from None
    finally:
        if half is not None:
            shutil.rmtree(half, ignore_errors=True)
