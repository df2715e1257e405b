"""Where torch keeps what it compiles: code and pickles that it runs later, so nobody else may be able to put any there.

By itself torch takes /tmp/torchinductor_USER, a name that another user of the machine can take first.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

import platformdirs

VARIABLE: Final = "TORCHINDUCTOR_CACHE_DIR"


def environment() -> dict[str, str]:
    """The variable that gives torch a private folder; nothing where the user has set it."""
    return {} if os.environ.get(VARIABLE) else {VARIABLE: str(_private_folder())}


def _private_folder() -> Path:
    """A folder in our cache folder that only this user can enter; where that cannot be had, a new one for this process.

    What a fallback has compiled is of no use to later runs, which then compile again: slower, and still safe.
    """
    folder = platformdirs.user_cache_path("cifar-tui", appauthor=False) / "torch"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # `mode` is for the last folder alone
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # not a link: it could lead to anybody's folder
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            folder.chmod(0o700)
            if os.access(folder, os.W_OK):
                return folder
    except OSError:  # a home that is read-only or full
        pass
    return Path(tempfile.mkdtemp(prefix="cifar-tui-torch-"))
