"""The model names of timm, read from its source, since importing timm imports torch and takes seconds.

timm marks its builders with a decorator, as our catalog does. For timm 1.0, the names found here are those of
`timm.list_models()` plus the deprecated names that it still accepts.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput, nearest

BUILDER: Final = re.compile(r"^@register_model\s+def (\w+)", re.MULTILINE)
OLDER: Final = re.compile(r"^register_model_deprecations\(\s*__name__,\s*\{(.*?)^\}\)", re.MULTILINE | re.DOTALL)
KEY: Final = re.compile(r"""^\s*['"]([\w.]+)['"]\s*:""", re.MULTILINE)


def require(name: str) -> None:
    """Refuse a name that timm does not know. A pretrained tag, after a dot, is ignored.

    Raises:
        BadInput: timm is not installed or has no such model.
    """
    spec = importlib.util.find_spec("timm")  # does not import it
    if spec is None or spec.origin is None:
        raise BadInput(f"timm:{name} needs timm, which is not installed: pip install 'cifar-tui[timm]'")
    current, older = names(Path(spec.origin).parent / "models")
    if current and name not in older and name.partition(".")[0] not in current:
        raise BadInput(f"timm has no model {name!r}{nearest(name, current)}")


@cache
def names(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The names that the files below `folder` register, and the deprecated names that still work."""
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py")]
    current = {name for text in texts for name in BUILDER.findall(text)}
    older = {key for text in texts for table in OLDER.findall(text) for key in KEY.findall(table)}
    return frozenset(current), frozenset(older)
