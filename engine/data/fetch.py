"""Getting data sets: downloads that survive broken lines and slow hosts, and files brought by hand. No torch.

A download grows in `FILE.part` beside its final place, continues there after any interruption and from any mirror,
and takes its final name only when its SHA-256 is right: the place where torchvision would have put it itself.
"""

from __future__ import annotations

import http.client
import queue
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.data.archives import (
    DataError,
    Location,
    Progress,
    data_root,
    is_file,
    locate,
    missing_data,
    verify,
    writing,
)
from engine.data.bring import import_archive
from engine.data.download import Download, Patience, request
from engine.data.mirrors import host_of, mirror_urls
from engine.data.sources import SOURCES, Archive

__all__ = [
    "DataError",
    "Location",
    "Patience",
    "Progress",
    "fetch",
    "import_archive",
    "locate",
    "missing_data",
    "require",
    "verify",
]

SPARE: Final = 32 << 20  # bytes left free on the disk


def fetch(
    name: str,
    data_dir: str | Path = "",
    progress: Progress | None = None,
    *,
    mirrors: Sequence[str] = (),
    patience: Patience | None = None,
) -> Location:
    """Download what is missing of a data set's files into the data folder, unless the data set is there already.

    Args:
        progress: called about twice a second; may raise to give up (what has come is kept for the next time).
        mirrors: addresses that replace the configured ones; {file} stands for the name of a file.

    Raises:
        BadInput: where the mirrors are misconfigured.
        DataError: where the folder cannot be written or no mirror gave a file, with what each one answered.
    """
    location = locate(name, data_dir)
    if not location.missing:
        return location
    source = SOURCES[name]
    folder = data_root(data_dir) / source.download_folder
    done, total = 0, sum(archive.size for archive in source.downloads)

    def say(have: int, _: int, what: str) -> None:
        if progress is not None:
            progress(done + have, total, what)

    for archive in source.downloads:
        urls = tuple(url.replace("{file}", archive.name) for url in mirrors) or mirror_urls(source, archive.name)
        failures = _bring(Download(archive, folder / f"{archive.name}.part", patience or Patience(), say), urls)
        if failures:
            tried = "; ".join(f"{host_of(url)}: {reason}" for url, reason in failures.items())
            raise missing_data(locate(name, data_dir), f"no mirror gave {archive.name} ({tried})")
        done += archive.size
    return locate(name, data_dir)


def _bring(download: Download, urls: tuple[str, ...]) -> dict[str, str]:
    """Download one file if it is not there yet; the reasons of failure, by address, if no mirror gave it."""
    part, name = download.part, download.archive.name
    if is_file(part.with_name(name)):
        return {}
    with writing(part.parent), download.locked() as file:
        if part.with_name(name).is_file():  # another run has brought it while we waited
            return {}
        _need_room(part, download.archive)
        return download.run(file, urls)


def _need_room(part: Path, archive: Archive) -> None:
    needed = archive.size - part.stat().st_size + SPARE
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise DataError(f"{part.parent} has {free / 1e6:.0f} MB free; {archive.name} needs {needed / 1e6:.0f} MB")


def require(name: str, data_dir: str | Path = "", *, timeout: float = 3.0) -> Location:
    """Where the data set is, or that it can be downloaded: what a command asks before it starts a run.

    Raises:
        DataError: where it is missing and no mirror answers within `timeout` seconds.
    """
    location = locate(name, data_dir)
    if location.missing:
        source = SOURCES[name]
        if not reachable(mirror_urls(source, source.downloads[0].name), timeout):
            raise missing_data(location, "and no mirror can be reached")
    return location


def reachable(urls: Sequence[str], timeout: float) -> bool:
    """Whether any address answers at all; asks all at once, in threads that a dead name server may hold for ever."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(url: str) -> None:
        try:
            with urllib.request.urlopen(request(url, "HEAD"), timeout=timeout):
                answers.put(True)
        except urllib.error.HTTPError:
            answers.put(True)  # alive, if not fond of HEAD
        except (OSError, http.client.HTTPException, ValueError):  # ValueError: sent on to what is no address
            answers.put(False)

    for url in urls:
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    until = time.monotonic() + timeout
    try:
        return any(answers.get(timeout=max(0.0, until - time.monotonic())) for _ in urls)
    except queue.Empty:
        return False
