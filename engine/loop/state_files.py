"""Read state dicts from files that others have made, without executing anything in them.

Understood are .safetensors files and what `torch.save` has written: a state dict, or one inside a checkpoint of
tensors and plain values. Anything else in a pickle is refused by the name of its class.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from engine.contract.errors import BadInput
from engine.contract.run.weights_file import inspect, opened
from engine.contract.text import file_size, one_line

State = dict[str, Tensor]

WRAPPERS: Final = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights")
"""Keys under which checkpoints keep a state dict, the most specific first: `model` may hold an architecture's name."""
PREFIXES: Final = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What DataParallel, torch.compile, Lightning modules and timm models on enlarged images put before every name."""
_DAMAGED: Final = (RuntimeError, ValueError, EOFError, OSError, KeyError, TypeError, AttributeError, IndexError)
_CLASS: Final = re.compile(r"(?:GLOBAL|class|instantiate) `?([\w.]+)")


def read_state(path: Path, sha256: str = "") -> State:
    """The state dict in a file, under the names of the file without the prefixes that wrappers add.

    Args:
        sha256: what the file must have, if given.

    Raises:
        BadInput: the file cannot be read, has changed, or holds something else.
    """
    kind = inspect(path)
    content = _content(path)
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise BadInput(f"{path} has changed: its SHA-256 is not {sha256[:12]}")
    if kind == "safetensors":
        try:
            return bare(load_safetensors(content))
        except (SafetensorError, KeyError, ValueError) as error:
            raise BadInput(f"{path} is not a valid .safetensors file: {one_line(str(error), 200)}") from None
    return bare(_state_in(_unpickled(path, content), path))


def bare(state: Mapping[str, Tensor]) -> State:
    """The state dict without the prefixes that all of its names share."""
    found = dict(state)
    if len(found) > 1:  # of torch.optim.swa_utils.AveragedModel
        found.pop("n_averaged", None)
    while prefix := next((each for each in PREFIXES if found and all(name.startswith(each) for name in found)), ""):
        found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def _content(path: Path) -> bytes:
    """The whole file. BadInput if it would not fit into half of the free memory."""
    free = psutil.virtual_memory().available
    try:
        with opened(path) as file:
            if os.fstat(file.fileno()).st_size > free // 2:
                raise BadInput(f"{path} is larger than half of the free memory, which is {file_size(free)}")
            return file.read()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None


def _unpickled(path: Path, content: bytes) -> Any:
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _classes(content) or _CLASS.findall(str(error))[:1]
        what = f"an object of class {', '.join(found[:3])}" if found else "more than tensors and plain values"
        raise BadInput(
            f"{path} holds {what}, which is not loaded because a pickle can execute code; if you trust the file, save "
            f"its state dict alone: x = torch.load({path.name!r}, weights_only=False); "
            "torch.save(x['state_dict'] if isinstance(x, dict) else x.state_dict(), 'weights.pth')"
        ) from None
    except _DAMAGED as error:
        raise BadInput(f"{path} is damaged or cut off: {one_line(str(error), 200)}") from None


def _classes(content: bytes) -> list[str]:
    """The classes in a file of `torch.save` that `weights_only` refuses; empty if they cannot be told."""
    try:
        return list(torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(content)))
    except (pickle.UnpicklingError, *_DAMAGED):
        return []


def _state_in(tree: Any, path: Path) -> State:
    """The state dict in what a file holds, inside of at most a few wrappers. BadInput if there is none."""
    for _ in range(len(WRAPPERS)):
        if not isinstance(tree, Mapping):
            raise BadInput(f"{path} holds a {type(tree).__name__}, not a state dict")
        inner = next((tree[key] for key in WRAPPERS if isinstance(tree.get(key), Mapping)), None)
        if inner is None:
            break
        tree = inner
    others = [str(key) for key, value in tree.items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if not tree or others:
        listed = one_line(", ".join(others[:5]), 200) or "nothing"
        raise BadInput(f"{path} holds no state dict that could be recognized: {listed} in it instead of tensors only")
    return {name: value.detach() for name, value in tree.items()}
