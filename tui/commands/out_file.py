"""Write a file that the user has named with an option such as `--out`: the whole file, or nothing."""

from __future__ import annotations

import secrets
import stat
from pathlib import Path

from engine.contract.errors import BadInput


def write(file: Path, text: str, option: str) -> None:
    """Write the text to the file. If that fails, an earlier file of this name stays as it is.

    Unlike the files of a run, it has the permissions that the umask asks for, or those of the earlier file.

    Raises:
        BadInput: the file cannot be written; the message begins with the option and the name.
    """
    try:
        if file.exists() and not file.is_file():  # a device or a pipe, which cannot be replaced
            file.write_text(text, encoding="utf-8")
        else:
            _replace(file.resolve(), text)
    except OSError as error:
        raise BadInput(f"{option} {file}: {error.strerror}") from None


def _replace(file: Path, text: str) -> None:
    """Write a new file beside the file, and rename it."""
    beside = file.with_name(f".{file.name[:100]}-{secrets.token_hex(4)}")
    try:
        with beside.open("x", encoding="utf-8") as new:
            if file.exists():
                beside.chmod(stat.S_IMODE(file.stat().st_mode))
            new.write(text)
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
