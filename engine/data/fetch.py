"""Download data sets, resuming after interruptions and avoiding slow hosts, or import local files. No torch.

A download is written to `FILE.part` beside its final place and resumes there after any interruption, from any mirror.
It is renamed only if its SHA-256 is right. Its final place is where torchvision would have put it.
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
from engine.data.download import Download, DownloadLimits, request
from engine.data.imports import import_archive
from engine.data.mirrors import host_of, mirror_urls
from engine.data.sources import SOURCES, Archive

__all__ = [
    "DataError",
    "Location",
    "DownloadLimits",
    "Progress",
    "fetch",
    "import_archive",
    "locate",
    "missing_data",
    "require",
    "verify",
]

SPARE: Final = 32 << 20  # bytes to leave free on the disk


def fetch(
    name: str,
    data_dir: str | Path = "",
    progress: Progress | None = None,
    *,
    mirrors: Sequence[str] = (),
    patience: DownloadLimits | None = None,
) -> Location:
    """Download the missing files of a data set into the data folder.

    Args:
        progress: called about twice per second; may raise to cancel (downloaded bytes are kept for the next time).
        mirrors: URLs that replace the configured ones; {file} stands for a file name.

    Raises:
        BadInput: the mirrors are misconfigured.
        DataError: the folder cannot be written, or a file could not be downloaded from any mirror.
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
        failures = _download(
            Download(archive, folder / f"{archive.name}.part", patience or DownloadLimits(), say), urls
        )
        if failures:
            tried = "; ".join(f"{host_of(url)}: {reason}" for url, reason in failures.items())
            raise missing_data(locate(name, data_dir), f"no mirror served {archive.name} ({tried})")
        done += archive.size
    return locate(name, data_dir)


def _download(download: Download, urls: tuple[str, ...]) -> dict[str, str]:
    """Download one file if it is missing; returns the reason of failure by URL if no mirror served it."""
    part, name = download.part, download.archive.name
    if is_file(part.with_name(name)):
        return {}
    with writing(part.parent), download.locked() as file:
        if part.with_name(name).is_file():  # another process has downloaded it in the meantime
            return {}
        _need_room(part, download.archive)
        return download.run(file, urls)


def _need_room(part: Path, archive: Archive) -> None:
    needed = archive.size - part.stat().st_size + SPARE
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise DataError(f"{part.parent} has {free / 1e6:.0f} MB free; {archive.name} needs {needed / 1e6:.0f} MB")


def require(name: str, data_dir: str | Path = "", *, timeout: float = 3.0) -> Location:
    """Check before a run starts that the data set exists or can be downloaded.

    Raises:
        DataError: the data set is missing and no mirror answers within `timeout` seconds.
    """
    location = locate(name, data_dir)
    if location.missing:
        source = SOURCES[name]
        if not reachable(mirror_urls(source, source.downloads[0].name), timeout):
            raise missing_data(location, "and no mirror can be reached")
    return location


def reachable(urls: Sequence[str], timeout: float) -> bool:
    """Whether any URL answers; asks all at once, in daemon threads, since a dead name server may block for ever."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(url: str) -> None:
        try:
            with urllib.request.urlopen(request(url, "HEAD"), timeout=timeout):
                answers.put(True)
        except urllib.error.HTTPError:
            answers.put(True)  # the host answers, even if it does not support HEAD
        except (OSError, http.client.HTTPException, ValueError):  # ValueError: a redirect to an invalid URL
            answers.put(False)

    for url in urls:
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    until = time.monotonic() + timeout
    try:
        return any(answers.get(timeout=max(0.0, until - time.monotonic())) for _ in urls)
    except queue.Empty:
        return False
