"""Where torch keeps compiled code. It executes that code and loads its pickles later, so no other user may write there.

By default torch uses /tmp/torchinductor_USER, a path that another user of the machine can create first.
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
    """The variable that points torch to a private folder; empty if the user has set it already."""
    return {} if os.environ.get(VARIABLE) else {VARIABLE: str(_private_folder())}


def _private_folder() -> Path:
    """A subfolder of our cache folder that only this user can enter, else a new temporary folder for this process.

    Later runs cannot reuse a temporary folder and compile again: slower, but still safe.
    """
    folder = platformdirs.user_cache_path("cifar-tui", appauthor=False) / "torch"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # `mode` applies to the last folder only
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # not followed: a link could lead to anybody's folder
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            folder.chmod(0o700)
            if os.access(folder, os.W_OK):
                return folder
    except OSError:  # the home folder is read-only or full
        pass
    return Path(tempfile.mkdtemp(prefix="cifar-tui-torch-"))
