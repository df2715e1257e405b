"""Checkpoints, presets, archives and process records that are not what they seem."""

import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.records import Heartbeat, Identity, ProcRecord
from engine.contract.run.roots import run_paths
from engine.launch import restart
from tests.reliability.look import call
from tests.reliability.scene import LISTINGS, Scene, Try, looks_sound


class Exploit:
    def __reduce__(self):
        return os.mkdir, (os.environ["EXPLOIT_MARK"],)


def checkpoint(damage: Callable[[Path], None]) -> Try:
    """Damage the newest of two checkpoints that the product wrote: a resume goes on from the one before."""

    def attempt(scene: Scene) -> None:
        import torch

        from engine.contract.home import Home
        from engine.loop.checkpoint import Checkpoints

        mark = scene.scratch / "exploited"
        scene.patch.setenv("EXPLOIT_MARK", str(mark))
        made = Checkpoints(Home(scene.run.path), identity={"recipe_id": "r", "seed": 0}, made_on={})
        for epoch in (1, 2):
            made.save((epoch, 0), {"epoch": 0, "model": {"w": torch.ones(64)}}, None, {"s": epoch}, "interval")
        made.written(wait=True)
        made.close()
        damage(scene.run.checkpoints / "epoch-0002")
        again = Checkpoints(Home(scene.run.path), identity={"recipe_id": "r", "seed": 0}, made_on={})
        saved, notes = again.load()
        again.close()
        assert saved is not None and saved.position == (1, 0) and len(notes) == 1
        assert not mark.exists(), "nothing in a checkpoint is ever run"
        looks_sound(scene, LISTINGS)

    return attempt


def signed(folder: Path, weights: bytes) -> None:
    """Other weights with a meta.json that vouches for them, as somebody who can write there would make it."""
    import hashlib

    from engine.contract.run.checkpoints import WEIGHTS, read_meta, write_meta

    meta = read_meta(folder)
    (folder / WEIGHTS).write_bytes(weights)
    meta["files"][WEIGHTS] = {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
    write_meta(folder, meta)


def flip(folder: Path) -> None:
    path = folder / "weights.pt"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(folder: Path) -> None:
    path = folder / "weights.pt"
    path.write_bytes(path.read_bytes()[:100])


def zip_bomb() -> bytes:
    """A zip whose one member declares four gigabytes."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", b"0" * (8 << 20))
    return buffer.getvalue()


def other_recipe(scene: Scene) -> None:
    """A checkpoint of another recipe is refused, whatever it holds."""
    import torch

    from engine.contract.home import Home
    from engine.loop.checkpoint import Checkpoints

    made = Checkpoints(Home(scene.run.path), identity={"recipe_id": "other", "seed": 0}, made_on={})
    made.save((1, 0), {"epoch": 0, "model": {"w": torch.ones(3)}}, None, {"s": 1}, "interval")
    made.written(wait=True)
    made.close()
    signed(scene.run.checkpoints / "epoch-0001", b"\xff" * 8 + b"{" * 100)  # as a safetensors header of 2**63 begins
    mine = Checkpoints(Home(scene.run.path), identity={"recipe_id": "r", "seed": 0}, made_on={})
    try:
        saved, notes = mine.load()
        assert saved is None and notes
    except BadInput as problem:
        assert "recipe" in str(problem)
    finally:
        mine.close()


def presets(scene: Scene) -> None:
    path = scene.scratch / "bad.toml"
    for text in (
        "a: !!python/object/apply:os.system ['touch /tmp/evil']",
        "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        'optimizer = {name = "sgd", lr = "inf"}',
        "optimizer = {name = 'sgd', lr = inf}",
        *(
            f"batch_size = {size}\nmodel = 'lenet'\noptimizer = 'sgd'\nepochs = 1"
            for size in ("0", "-1", "1e12", "10" * 2500)
        ),
        "epochs = " + "[" * 5000,
        "\x00",
        "a = 1\na = 2",
    ):
        path.write_text(text)
        answer = call("--preset", path, "--headless", "--runs-dir", scene.root)
        assert answer.code == 2 and answer.err.startswith("error: ") and "Traceback" not in answer.err, text
    path.write_bytes(b"\xff\xfe")
    assert call("--preset", path, "--dry-run").code == 2
    path.write_bytes(b"#" * (300 << 10))
    assert "larger than 256 KiB" in call("--preset", path, "--dry-run").err
    assert len(list(run_paths(scene.root))) == 2 and not Path("/tmp/evil").exists()


def archives(scene: Scene) -> None:
    from engine.data.archives import DataError, read_members
    from engine.data.imports import import_archive

    def member(name: str, kind: bytes = tarfile.REGTYPE) -> Path:
        path = scene.scratch / "bad.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        return path

    for path in (
        member("../evil"), member("/evil"), member("a/../../evil"), member("link", tarfile.SYMTYPE),
        member("hard", tarfile.LNKTYPE), member("device", tarfile.CHRTYPE), member("fifo", tarfile.FIFOTYPE),
    ):  # fmt: skip
        with pytest.raises(DataError):
            list(read_members(path, ["data_batch_1"]))
        with pytest.raises(DataError):
            import_archive(path, scene.scratch / "data")
    right = scene.scratch / "cifar-10-python.tar.gz"
    for content in (b"", b"<html>sign in</html>", b"\x1f\x8b" + b"x" * 1000):
        right.write_bytes(content)
        answer = call("data", "fetch", "--from", right, "--data-dir", scene.scratch / "data")
        assert answer.code == 2 and answer.err.count("\n") == 1
    assert not list((scene.scratch / "data").rglob("*.tar.gz"))


def process_ids(scene: Scene) -> None:
    """A number in a file is never signalled for its own sake: not init, not ourselves, not everyone, not a stranger."""

    def caught(*arguments: object) -> None:
        raise AssertionError(f"signalled {arguments}")

    here = ProcRecord.read(scene.run.proc)
    assert here
    scene.run.exit.unlink()
    for name in ("os.kill", "os.killpg", "signal.pidfd_send_signal"):
        if name != "signal.pidfd_send_signal" or sys.platform == "linux":
            scene.patch.setattr(name, caught)
    from engine.contract.run.process import boot_id, host_name

    for pid in (1, os.getpid(), os.getppid(), 0, -1, 2**22 - 1, 2**31, 2**53):
        for host, boot in ((host_name(), boot_id()), (host_name(), "another boot"), ("elsewhere", "boot")):
            identity = Identity(host, boot, pid, 0.0)
            ProcRecord(host, boot, identity, identity).write(scene.run.proc)
            for command in ("stop", "kill"):
                answer = call(
                    "runs", command, scene.run.id, "--runs-dir", scene.root, *(["--yes"] if command == "kill" else [])
                )
                assert answer.code in (1, 2) and answer.err.startswith("error: "), (pid, host, answer)
            looks_sound(scene, LISTINGS)


def forged_exit(scene: Scene) -> None:
    """An exit record beside a process that lives: the process counts."""
    from engine.contract.run.process import identify

    process = subprocess.Popen(["/bin/sh", "-c", "read line; :", "worker", str(scene.run.path)], stdin=subprocess.PIPE)
    try:
        time.sleep(0.2)
        identity = identify(process.pid)
        ProcRecord(identity.host, identity.boot_id, identity, identity).write(scene.run.proc)
        for ahead in (0.0, 300.0, 1e7):
            Heartbeat(process.pid, "running", t=time.time() + ahead).write(scene.run.heartbeat)
            state = scene.run.status()
            assert state.live and "-" not in state.message.replace("finished", ""), state
            looks_sound(scene, LISTINGS)
        scene.patch.setattr(restart, "ENDING_SECONDS", 0.2)  # it waits for what seems to be ending
        with pytest.raises(BadInput):
            restart.resume(scene.run)
    finally:
        process.kill()
        process.wait()
        assert process.stdin
        process.stdin.close()
