"""Getting the CIFAR archives: downloads that survive broken lines and slow hosts, and files brought by hand. No torch.

A download grows in `ARCHIVE.part` beside its final place, continues there after any interruption and from any mirror,
and takes its final name only when its SHA-256 is right: the place where torchvision would have put it itself.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import queue
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from engine.data.archives import (
    DataError,
    Location,
    Progress,
    data_root,
    file_sha256,
    locate,
    missing_data,
    verify,
    writing,
)
from engine.data.bring import import_archive
from engine.data.mirrors import mirror_urls
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

BLOCK: Final = 1 << 16
SPARE: Final = 32 << 20  # bytes left free on the disk
GZIP: Final = b"\x1f"  # the first byte of every gzip file, and of no text
HEADERS: Final = {"User-Agent": "cifar-tui", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Patience:
    """When a mirror is given up. Times in seconds, speed in bytes per second."""

    timeout: float = 20.0
    """Longest silence of the line."""
    window: float = 30.0
    slowest: float = 4_096.0
    """A mirror that stays below this speed for a whole window is left for the next."""
    rounds: int = 2
    """How often the list of mirrors is gone through."""


class _WrongAnswer(Exception):
    """A mirror answers, but not with our bytes."""


def fetch(
    name: str,
    data_dir: str | Path = "",
    progress: Progress | None = None,
    *,
    mirrors: Sequence[str] = (),
    patience: Patience | None = None,
) -> Location:
    """Download a data set's Python archive into the data folder, unless the data set is there already.

    Args:
        progress: called about twice a second; may raise to give up (what has come is kept for the next time).
        mirrors: full addresses that replace the configured ones.

    Raises:
        BadInput: where the mirrors are misconfigured.
        DataError: where the folder cannot be written or no mirror gave the archive, with what each one answered.
    """
    location = locate(name, data_dir)
    if not location.missing:
        return location
    archive = SOURCES[name].python
    urls = tuple(mirrors) or mirror_urls(archive.name)
    part = data_root(data_dir) / f"{archive.name}.part"
    download = _Download(archive, part, patience or Patience(), progress or (lambda done, total, what: None))
    with writing(part.parent), download.locked() as file:
        if not (location := locate(name, data_dir)).missing:  # another run has brought it while we waited
            return location
        _need_room(part, archive)
        failures = download.run(file, urls)
    if failures:
        tried = "; ".join(f"{urlsplit(url).netloc}: {reason}" for url, reason in failures.items())
        raise missing_data(location, f"no mirror gave {archive.name} ({tried})")
    return locate(name, data_dir)


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
    if location.missing and not reachable(mirror_urls(SOURCES[name].python.name), timeout):
        raise missing_data(location, "and no mirror can be reached")
    return location


def reachable(urls: Sequence[str], timeout: float) -> bool:
    """Whether any address answers at all; asks all at once, in threads that a dead name server may hold for ever."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(url: str) -> None:
        try:
            with urllib.request.urlopen(_request(url, "HEAD"), timeout=timeout):
                answers.put(True)
        except urllib.error.HTTPError:
            answers.put(True)  # alive, if not fond of HEAD
        except (OSError, http.client.HTTPException):
            answers.put(False)

    for url in urls:
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    until = time.monotonic() + timeout
    try:
        return any(answers.get(timeout=max(0.0, until - time.monotonic())) for _ in urls)
    except queue.Empty:
        return False


@dataclass(frozen=True, slots=True)
class _Download:
    """One archive on its way into `part`."""

    archive: Archive
    part: Path
    patience: Patience
    say: Progress

    @contextmanager
    def locked(self) -> Iterator[FileIO]:
        """The open part file, ours alone: the lock lies on the file itself, so whoever dies leaves nothing behind."""
        while True:
            with self.part.open("ab", buffering=0) as file:
                self._lock(file)
                if not _same(file, self.part):  # who held it before us has renamed or removed it
                    continue
                yield file
                if _same(file, self.part) and not os.fstat(file.fileno()).st_size:
                    self.part.unlink()
                return

    def _lock(self, file: FileIO) -> None:
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                size = os.fstat(file.fileno()).st_size
                self.say(size, self.archive.size, "another run is fetching it")
                time.sleep(0.25)

    def run(self, file: FileIO, urls: tuple[str, ...]) -> dict[str, str]:
        """Go through the mirrors until the archive is whole; the reasons of failure, by address, if it never is."""
        failures: dict[str, str] = {}
        for url in urls * self.patience.rounds:
            try:
                self._transfer(url, file)
            except (OSError, http.client.HTTPException, _WrongAnswer) as error:
                failures[url] = _reason(error)
                continue
            self.say(self.archive.size, self.archive.size, "checking the SHA-256")
            os.fsync(file.fileno())
            if file_sha256(self.part) == self.archive.sha256:
                self.part.replace(self.part.with_name(self.archive.name))
                return {}
            file.truncate(0)
            failures[url] = "the archive has the wrong SHA-256"
        return failures

    def _transfer(self, url: str, file: FileIO) -> None:
        """Append to the part file until it has the archive's size, or raise."""
        have = os.fstat(file.fileno()).st_size
        if have > self.archive.size:
            file.truncate(0)
            have = 0
        if have == self.archive.size:
            return
        request = _request(url)
        if have:
            request.add_header("Range", f"bytes={have}-")
        with urllib.request.urlopen(request, timeout=self.patience.timeout) as answer:
            if answer.status != http.HTTPStatus.PARTIAL_CONTENT:  # the mirror knows no ranges: from the start
                have = 0
                file.truncate(0)
            self._check_headers(answer, have)
            self._pump(answer, file, have, urlsplit(url).netloc)

    def _check_headers(self, answer: http.client.HTTPResponse, have: int) -> None:
        size = self.archive.size
        if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
            said = answer.headers.get("Content-Range", "")
            if said != f"bytes {have}-{size - 1}/{size}":
                raise _WrongAnswer(f"answered with the range {said!r}")
        length = answer.headers.get("Content-Length")
        if length is not None and length != str(size - have):
            kind = answer.headers.get_content_type()
            raise _WrongAnswer(f"sent {length} bytes of {kind}, not {size - have}")

    def _pump(self, answer: http.client.HTTPResponse, file: FileIO, have: int, host: str) -> None:
        size = self.archive.size
        said = started = time.monotonic()
        counted = have
        while have < size and (block := answer.read1(min(BLOCK, size - have))):
            if have == 0 and block[:1] != GZIP:
                raise _WrongAnswer(f"sent {answer.headers.get_content_type()}, not a gzip archive")
            self._append(file, block)
            have += len(block)
            now = time.monotonic()
            if now - said > 0.5:
                said = now
                self.say(have, size, f"from {host}")
            if now - started > self.patience.window:
                if have - counted < self.patience.slowest * self.patience.window:
                    raise _WrongAnswer(f"came at {(have - counted) / (now - started):.0f} bytes a second")
                started, counted = now, have
        if have < size:
            raise _WrongAnswer(f"broke off after {have:,} of {size:,} bytes")

    def _append(self, file: FileIO, block: bytes) -> None:
        try:
            while block:
                block = block[file.write(block) :]
        except OSError as error:  # the disk's fault, not the mirror's: no other mirror would help
            raise DataError(f"cannot write {self.part}: {error.strerror}") from None


def _same(file: FileIO, path: Path) -> bool:
    """Whether the path still leads to the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _request(url: str, method: str = "GET") -> urllib.request.Request:
    return urllib.request.Request(url, headers=HEADERS, method=method)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        error = error.reason if isinstance(error.reason, Exception) else error
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
