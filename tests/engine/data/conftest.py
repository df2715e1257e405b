"""A CIFAR-10 and both MNISTs of 120 images with checksums of their own, and a web server as bad as it is told to be."""

import gzip
import hashlib
import io
import pickle
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.data.sources import SOURCES, Archive, CifarSource, IdxSource

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Tiny:
    """The files of a tiny data set, and what must come out of them."""

    source: CifarSource
    members: dict[str, bytes]
    python: bytes
    binary: bytes
    records: dict[str, bytes]
    """The files in the binary archive."""
    images: np.ndarray  # (120, 3, 32, 32): 100 for training, 20 for testing
    labels: np.ndarray

    def replaced(self, monkeypatch: pytest.MonkeyPatch, **archives: bytes) -> "Tiny":
        """The same data set with other bytes pinned for `python` or `binary`."""
        pins = {kind: _pinned(getattr(self.source, kind).name, content) for kind, content in archives.items()}
        made = replace(self, source=replace(self.source, **pins), **archives)
        monkeypatch.setitem(SOURCES, "cifar10", made.source)
        return made

    def put_folder(self, root: Path) -> Path:
        folder = root / self.source.folder
        folder.mkdir(parents=True)
        for name, content in self.members.items():
            (folder / name).write_bytes(content)
        return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """A tiny data set in place of the real CIFAR-10, for our checks and for torchvision's."""
    made = _make_tiny()
    monkeypatch.setitem(SOURCES, "cifar10", made.source)
    from torchvision.datasets import CIFAR10

    md5 = {name: hashlib.md5(content).hexdigest() for name, content in made.members.items()}
    batches = [name for name in made.members if name.startswith("data_batch")]
    monkeypatch.setattr(CIFAR10, "train_list", [[name, md5[name]] for name in batches])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5["batches.meta"]})
    return made


def _make_tiny() -> Tiny:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (120, 3, 32, 32), dtype=np.uint8)
    labels = np.concatenate([rng.permutation(np.arange(n, dtype=np.uint8) % 10) for n in (100, 20)])
    parts = {f"data_batch_{i + 1}": slice(20 * i, 20 * i + 20) for i in range(5)} | {"test_batch": slice(100, 120)}
    members = {
        name: pickle.dumps({"data": images[part].reshape(20, -1), "labels": labels[part].tolist()})
        for name, part in parts.items()
    }
    members["batches.meta"] = pickle.dumps({"label_names": list(CLASSES)})
    records = {
        f"cifar-10-batches-bin/{name}.bin": np.hstack([labels[part, None], images[part].reshape(20, -1)]).tobytes()
        for name, part in parts.items()
    }
    records["cifar-10-batches-bin/batches.meta.txt"] = "\n".join(CLASSES).encode() + b"\n\n"
    python = _tar_gz({f"cifar-10-batches-py/{name}": content for name, content in members.items()})
    binary = _tar_gz(records)
    real = SOURCES["cifar10"]
    source = replace(
        real,
        train_images=100,
        test_images=20,
        members={name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
        python=_pinned(real.python.name, python),
        binary=_pinned(real.binary.name, binary),
    )
    return Tiny(source, members, python, binary, records, images, labels)


@dataclass(frozen=True)
class TinyMnist:
    """The four files of a tiny data set, and what must come out of them."""

    source: IdxSource
    files: dict[str, bytes]
    images: np.ndarray  # (120, 28, 28): 100 for training, 20 for testing
    labels: np.ndarray

    def put(self, root: Path) -> Path:
        folder = root / self.source.folder
        folder.mkdir(parents=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder


@pytest.fixture
def tiny_mnists(monkeypatch: pytest.MonkeyPatch) -> dict[str, TinyMnist]:
    """Tiny data sets in place of both real ones, for our checks and for torchvision's, by name."""
    from torchvision import datasets

    readers = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST}
    made = {name: _make_tiny_mnist(name, seed) for seed, name in enumerate(readers)}
    for name, tiny in made.items():
        monkeypatch.setitem(SOURCES, name, tiny.source)
        monkeypatch.setattr(readers[name], "resources", [(file.name, file.md5) for file in tiny.source.files])
    return made


def _make_tiny_mnist(name: str, seed: int) -> TinyMnist:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (120, 28, 28), dtype=np.uint8)
    labels = np.concatenate([rng.permutation(np.arange(n, dtype=np.uint8) % 10) for n in (100, 20)])
    files = {
        f"{part}-{what}-ubyte.gz": gzip.compress(_idx(values[chosen]), compresslevel=0, mtime=0)
        for part, chosen in (("train", slice(0, 100)), ("t10k", slice(100, 120)))
        for what, values in (("images-idx3", images), ("labels-idx1", labels))
    }
    pinned = tuple(_pinned(file, content) for file, content in files.items())
    source = SOURCES[name]
    assert isinstance(source, IdxSource)
    return TinyMnist(replace(source, train_images=100, test_images=20, files=pinned), files, images, labels)


def _idx(values: np.ndarray) -> bytes:
    """The format of the authors' page: zeros, type 8 (unsigned bytes), the number of dimensions, each of them, bytes."""
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


def _pinned(name: str, content: bytes) -> Archive:
    return Archive(name, len(content), hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest())


@pytest.fixture
def tar_gz() -> Callable[..., bytes]:
    """Makes the bytes of a tar.gz from a table of files; a second argument may spoil each member's head."""
    return _tar_gz


def _tar_gz(files: dict[str, bytes], change: Callable[[tarfile.TarInfo], None] = lambda info: None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=0) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            change(info)
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return buffer.getvalue()


@dataclass
class Mirror:
    """What the web server serves and how it misbehaves."""

    body: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    """What it serves instead, by the end of the address."""
    ranges: bool = True
    status: int = 200
    content_type: str = "application/gzip"
    cut: int = 0
    """Close the connection after so many bytes of an answer; 0 sends all."""
    hang: float = 0.0
    """Seconds of silence before the body, or between the bytes of a trickle."""
    trickle: bool = False
    announce: bool = True
    """Send a Content-Length."""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """The Range header of each GET, "" where there was none."""
    paths: list[str] = field(default_factory=list)
    """What each GET was for."""
    credentials: list[str] = field(default_factory=list)
    """The Authorization header of each request, "" where there was none."""
    redirect: str = ""
    """Send whoever asks there instead."""
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/cifar-10-python.tar.gz"


def _handler(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            mirror.credentials.append(self.headers.get("Authorization", ""))
            self.send_response(mirror.status)
            self.end_headers()

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            mirror.asked.append(wanted)
            mirror.paths.append(self.path)
            mirror.credentials.append(self.headers.get("Authorization", ""))
            if mirror.redirect:
                self.send_response(302)
                self.send_header("Location", mirror.redirect)
                self.end_headers()
                return
            whole = mirror.files.get(self.path.rpartition("/")[2], b"") if mirror.files else mirror.body
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and mirror.ranges else 0
            body = whole[start:]
            self.send_response(206 if start else mirror.status)
            self.send_header("Content-Type", mirror.content_type)
            if mirror.announce:
                self.send_header("Content-Length", str(len(body)))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
            self.end_headers()
            self._send(body[: mirror.cut] if mirror.cut else body)

        def _send(self, body: bytes) -> None:
            try:
                if mirror.trickle:
                    for byte in body:
                        self.wfile.write(bytes([byte]))
                        if mirror.released.wait(mirror.hang):
                            return
                else:
                    mirror.released.wait(mirror.hang)
                    self.wfile.write(body)
            except OSError:
                mirror.released.set()  # the client has lost its patience, as it should

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def serve() -> Iterator[Callable[..., Mirror]]:
    """Start a web server on 127.0.0.1 for the Mirror made of the arguments."""
    running: list[tuple[Mirror, ThreadingHTTPServer]] = []

    def start(**behaviour: Any) -> Mirror:
        mirror = Mirror(**behaviour)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(mirror))
        server.daemon_threads = True
        mirror.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append((mirror, server))
        return mirror

    yield start
    for mirror, server in running:
        mirror.released.set()
        server.shutdown()
        server.server_close()
