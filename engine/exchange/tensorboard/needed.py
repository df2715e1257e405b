"""Whether TensorBoard's package is installed. It is imported only by the functions that read or write event files."""

from __future__ import annotations

from importlib.util import find_spec

from engine.contract.errors import BadInput
from engine.exchange.tensorboard.tags import INSTALL


def require_tensorboard(purpose: str) -> None:
    """Check that the package is there, without importing it.

    Args:
        purpose: what it is needed for, as the start of a sentence: "--tensorboard".

    Raises:
        BadInput: it is missing; the message says how to install it.
    """
    if find_spec("tensorboard") is None:
        raise BadInput(f"{purpose} needs TensorBoard's package, which is not installed: {INSTALL}")
