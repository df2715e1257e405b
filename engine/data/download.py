"""Download one gzipped file from mirrors that may be slow, broken or serve wrong content. No torch."""

from __future__ import annotations

import base64
import fcntl
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from engine.contract.flock import describe, holder
from engine.contract.lines import open_regular
from engine.data.archives import DataError, Progress, file_sha256
from engine.data.mirrors import host_of, shown
from engine.data.sources import Archive

BLOCK: Final = 1 << 16
GZIP: Final = b"\x1f"  # the first byte of every gzip file, and of no text file
HEADERS: Final = {"User-Agent": "cifar-tui", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """When to give up on a mirror. Times are in seconds, the speed is in bytes per second."""

    timeout: float = 20.0
    """Longest time without data."""
    window: float = 30.0
    slowest: float = 4_096.0
    """A mirror that is slower than this on average over a window is given up."""
    rounds: int = 2
    """How often the list of mirrors is tried."""


class _WrongAnswer(Exception):
    """A mirror answers, but not with the requested bytes."""


@dataclass(frozen=True, slots=True)
class Download:
    """The download of one archive into the file `part`."""

    archive: Archive
    part: Path
    patience: DownloadLimits
    say: Progress

    @contextmanager
    def locked(self) -> Iterator[FileIO]:
        """Open the part file under an exclusive lock on the file itself, which is released if the process dies."""
        while True:
            fd = open_regular(self.part, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666, follow=True)
            with FileIO(fd, "ab") as file:
                self._lock(file)
                if not _same(file, self.part):  # its previous owner has renamed or removed it
                    continue
                try:
                    yield file
                finally:
                    if _same(file, self.part) and not os.fstat(file.fileno()).st_size:
                        self.part.unlink()
                return

    def _lock(self, file: FileIO) -> None:
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                size = os.fstat(file.fileno()).st_size
                self.say(size, self.archive.size, f"{describe(holder(file.fileno()))} is downloading it")
                time.sleep(0.25)

    def run(self, file: FileIO, urls: tuple[str, ...]) -> dict[str, str]:
        """Try the mirrors until the archive is complete; returns the reason of failure by URL if it is not."""
        failures: dict[str, str] = {}
        for url in urls * self.patience.rounds:
            try:
                self._transfer(url, file)
            except (
                OSError,
                http.client.HTTPException,
                _WrongAnswer,
                ValueError,
            ) as error:  # ValueError: an invalid URL
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
        """Append to the part file until it has the size of the archive. Raises if that fails."""
        have = os.fstat(file.fileno()).st_size
        if have > self.archive.size:
            file.truncate(0)
            have = 0
        if have == self.archive.size:
            return
        asked = request(url)
        if have:
            asked.add_header("Range", f"bytes={have}-")
        with urllib.request.urlopen(asked, timeout=self.patience.timeout) as answer:
            if answer.status != http.HTTPStatus.PARTIAL_CONTENT:  # the mirror does not support ranges, so start again
                have = 0
            self._check_headers(answer, have)
            self._pump(answer, file, have, host_of(url))

    def _check_headers(self, answer: http.client.HTTPResponse, have: int) -> None:
        size = self.archive.size
        if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
            content_range = answer.headers.get("Content-Range", "")
            if content_range != f"bytes {have}-{size - 1}/{size}":
                raise _WrongAnswer(f"answered with the range {content_range!r}")
        length = answer.headers.get("Content-Length")
        if length is not None and length != str(size - have):
            kind = answer.headers.get_content_type()
            raise _WrongAnswer(f"sent {length} bytes of {kind}, not {size - have}")

    def _pump(self, answer: http.client.HTTPResponse, file: FileIO, have: int, host: str) -> None:
        size = self.archive.size
        reported = started = time.monotonic()
        counted = have
        while have < size and (block := answer.read1(min(BLOCK, size - have))):
            if have == 0:
                if block[:1] != GZIP:
                    raise _WrongAnswer(f"sent {answer.headers.get_content_type()}, not a gzip archive")
                file.truncate(0)  # only now, so that a log-in page does not discard an earlier download
            self._append(file, block)
            have += len(block)
            now = time.monotonic()
            if now - reported > 0.5:
                reported = now
                self.say(have, size, f"from {host}")
            if now - started > self.patience.window:
                if have - counted < self.patience.slowest * self.patience.window:
                    raise _WrongAnswer(f"sent only {(have - counted) / (now - started):.0f} bytes per second")
                started, counted = now, have
        if have < size:
            raise _WrongAnswer(f"ended after {have:,} of {size:,} bytes")

    def _append(self, file: FileIO, block: bytes) -> None:
        try:
            while block:
                block = block[file.write(block) :]
        except OSError as error:  # the disk has failed, so no other mirror would help
            raise DataError(f"cannot write {self.part}: {error.strerror}") from None


def _same(file: FileIO, path: Path) -> bool:
    """Whether the path still refers to the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def request(url: str, method: str = "GET") -> urllib.request.Request:
    """A request for a URL. User name and password are sent in a header that is not passed on by redirects."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    asked = urllib.request.Request(urlunsplit(parts._replace(netloc=host)), headers=HEADERS, method=method)
    if at:
        name, _, password = user.partition(":")
        secret = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
        asked.add_unredirected_header("Authorization", f"Basic {secret}")
    return asked


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return shown(f"HTTP {error.code} {error.reason}")
    if isinstance(error, urllib.error.URLError):
        error = error.reason if isinstance(error.reason, Exception) else error
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.InvalidURL):  # its message may contain part of a password
        return "it redirects to an invalid URL"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(str(error)) or type(error).__name__
