"""The 55 bad inputs, by their numbers: what a run folder, a name, a file or a process table may hold, and what we do.

Each input is tried on a run as the product writes it. Whatever it is, every command that reads the run answers without
a traceback, the other run beside it is listed, and nothing outside the runs folder is read, written or signalled.
"""

import dataclasses
import io
import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.create import create
from engine.contract.run.event_file import EventReader, EventWriter, encode
from engine.contract.run.events import Message
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder
from engine.contract.run.records import Heartbeat, Identity, ProcRecord
from engine.contract.run.roots import run_paths
from engine.contract.run.store import find, summarize
from engine.launch import restart
from presets.references import recipe_of
from tests.reliability.look import LIVE_READERS, READERS, by_commands, call, environment

LISTINGS = ("runs list", "runs list --json")
QUICK = (*LISTINGS, "runs show RUN", "runs export RUN", "runs compare RUN OTHER --json", "runs logs RUN -n 3 --json")


@dataclass
class Scene:
    """Two sound runs in a root, and a place to put things."""

    run: RunFolder
    other: RunFolder
    root: Path
    scratch: Path
    patch: pytest.MonkeyPatch


Try = Callable[[Scene], None]


def looks_sound(scene: Scene, readers=QUICK) -> dict:
    answers = by_commands(scene.run, scene.other, readers)
    for reader in LISTINGS:
        if reader in answers:
            assert answers[reader].code == 0 and scene.other.id in answers[reader].out
    return answers


def file_of(name: str, content: bytes | Callable[[bytes], bytes], reason: str | None = None) -> Try:
    """Put other content into a file; `reason` is what the run's row then says."""

    def attempt(scene: Scene) -> None:
        path = scene.run.path / name
        path.write_bytes(content(path.read_bytes()) if callable(content) else content)
        looks_sound(scene)
        if reason is not None:
            assert summarize(scene.run).reason == reason

    return attempt


def run_json(**changes: object) -> Try:
    return file_of("run.json", lambda old: json.dumps(json.loads(old) | changes).encode())


def huge(scene: Scene) -> None:
    with scene.run.run_json.open("ab") as file:
        file.truncate(100 << 20)  # sparse
    looks_sound(scene)
    assert summarize(scene.run).reason == "bad_input"


def missing_keys(scene: Scene) -> None:
    table = json.loads(scene.run.run_json.read_text())
    for key in table:
        scene.run.run_json.write_text(json.dumps({k: v for k, v in table.items() if k != key}))
        looks_sound(scene, LISTINGS)


def events(change: Callable[[list[bytes]], list[bytes]], garbage: bool = True) -> Try:
    """Change the lines of events.jsonl; what is good in it is still there."""

    def attempt(scene: Scene) -> None:
        lines = change(scene.run.events.read_bytes().splitlines(keepends=True))
        scene.run.events.write_bytes(b"".join(lines))
        looks_sound(scene, (*QUICK, *LIVE_READERS))
        reader = EventReader(scene.run.events)
        reader.poll()
        assert bool(reader.garbage) == garbage
        assert summarize(scene.run).last_accuracy == 0.83

    return attempt


def odd_steps(lines: list[bytes]) -> list[bytes]:
    steps = [(9, 1), (2, 5), (2, 5), (2, -5), (-1, 3), (2**63, 1), (1, 2**63), (10**30, 1)]
    told = [
        json.dumps({"event": "step", "t": 1e9, "epoch": e, "step": s, "loss": 1.0}).encode() + b"\n" for e, s in steps
    ]
    epochs = [json.dumps({"event": "epoch", "epoch": e, "test_accuracy": 0.1}).encode() + b"\n" for e in (-1, 0, 2**63)]
    return [*told, *epochs, *lines]


def odd_times(lines: list[bytes]) -> list[bytes]:
    times = (-1e9, -1, 1e11, 1e12, 1e18, time.time() + 1e8)
    return [encode(Message(text="m", t=0)).replace('"t": 0', f'"t": {t}').encode() + b"\n" for t in times] + lines


def special_files(scene: Scene) -> None:
    """Every file of a run as a folder, a FIFO, and a link to a system file, a device and itself."""
    for file in ("events.jsonl", "log.txt", "run.json", "recipe.toml", "labels.jsonl", "proc.json", "exit.json"):
        for kind in ("folder", "fifo", "/etc/passwd", "/dev/zero", "itself"):
            run = RunFolder(shutil.copytree(scene.run.path, scene.root / f"20200101-000000-{os.urandom(2).hex()}"))
            path = run.path / file
            path.unlink(missing_ok=True)
            match kind:
                case "folder":
                    path.mkdir()
                case "fifo":
                    os.mkfifo(path)
                case "itself":
                    path.symlink_to(path)
                case target:
                    path.symlink_to(target)
            answers = looks_sound(dataclasses.replace(scene, run=run), READERS)
            assert not any("root:" in answer.out for answer in answers.values()), "a link is not followed"
            with pytest.raises(BadInput) if file == "labels.jsonl" else nullcontext():
                run.add_label(note="a note")
            shutil.rmtree(run.path)


def run_is_a_link(scene: Scene) -> None:
    (scene.root / "20200101-000000-aaaa").symlink_to("/")
    (scene.root / "20200101-000000-bbbb").symlink_to(scene.run.path)
    assert len(list(run_paths(scene.root))) == 2
    looks_sound(scene)
    assert call("runs", "show", "20200101-000000-aaaa").code == 2


def link_loop(scene: Scene) -> None:
    (scene.root / "20200101-000000-aaaa").symlink_to(scene.root / "20200101-000000-bbbb")
    (scene.root / "20200101-000000-bbbb").symlink_to(scene.root / "20200101-000000-aaaa")
    looks_sound(scene)


def failing(path: Path, error: OSError, scene: Scene) -> None:
    """Let the system refuse one path, as it does for a user who is not root."""
    real = os.open

    def refuse(name, *rest, **more):
        if os.fspath(name) == str(path):
            raise error
        return real(name, *rest, **more)

    scene.patch.setattr(os, "open", refuse)


def no_permission(scene: Scene) -> None:
    for name in ("run.json", "events.jsonl", "recipe.toml", "labels.jsonl", "exit.json", "log.txt"):
        failing(scene.run.path / name, PermissionError(13, "Permission denied", name), scene)
        looks_sound(scene)
        scene.patch.undo()


def removed_while_open(scene: Scene) -> None:
    reader, fold = EventReader(scene.run.events), RunFold(scene.run.events)
    assert reader.poll() and fold.poll().course.epoch
    shutil.rmtree(scene.run.path)
    assert reader.poll() == [] and fold.poll().course.epoch == 5
    assert summarize(scene.run, fold).id == scene.run.id
    assert call("runs", "show", scene.run.id).code == 2


def read_only_disk(scene: Scene) -> None:
    failing(scene.run.labels_jsonl, OSError(30, "Read-only file system", "labels.jsonl"), scene)
    assert call("runs", "note", scene.run.id, "x", "--runs-dir", scene.root).code == 2
    looks_sound(scene)


def disk_full(scene: Scene) -> None:
    """A file may not grow: notes, starts and saved presets are refused in one line; what is there stays."""
    before = {path: path.read_bytes() for path in scene.run.path.iterdir() if path.is_file()}
    program = [sys.executable, "-c", "from tui.cli import main; main()"]
    for words in (["runs", "note", scene.run.id, "x"], ["presets", "save", "mine", "--from", "quickstart"],
                  ["--preset", "quickstart", "--headless", "--detach"]):  # fmt: skip
        done = subprocess.run(
            [*program, *words], env=environment(scene.scratch) | {"CIFAR_TUI_RUNS": str(scene.root)},
            capture_output=True, check=False, timeout=120, cwd=Path.cwd(),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        )  # fmt: skip
        assert done.returncode in (1, 2) and done.stderr.startswith(b"error: "), (words, done.stderr)
        assert done.stderr.count(b"\n") == 1, done.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(run_paths(scene.root))) == 2


def two_writers(scene: Scene) -> None:
    with EventWriter(scene.run.events) as one, EventWriter(scene.run.events) as two:
        for number in range(200):
            one.write(Message(text=f"one {number} " + "x" * 5000))
            two.write(Message(text=f"two {number} " + "y" * 5000))
    reader = EventReader(scene.run.events)
    told = [event for event in reader.poll() if isinstance(event, Message)]
    assert len(told) >= 400 and reader.garbage == 0
    with scene.run.hold(), pytest.raises(BadInput, match="in use by another process"), scene.run.hold():
        pass


def same_id(scene: Scene) -> None:
    """The first four letters drawn are those of a run that is there."""
    drawn = iter(scene.run.id[-4:] + "wxyz")
    scene.patch.setattr("secrets.choice", lambda letters: next(drawn))
    scene.patch.setattr(time, "time", lambda: scene.run.info().created)
    new = create(scene.root, recipe_of("quickstart", catalog()), seed=1)
    assert new.id[-4:] == "wxyz" and new.id[:-4] == scene.run.id[:-4]


def clock_set_back(scene: Scene) -> None:
    with EventWriter(scene.run.events) as writer:
        for back in (3600.0, 86400.0 * 400):
            writer.write(Message(text="later", t=time.time() - back))
    looks_sound(scene)
    assert 0 <= summarize(scene.run).seconds < 1e6


def names(*given: str) -> Try:
    """A name is data: what can be one is kept, shown and found; no path is ever made of it."""

    def attempt(scene: Scene) -> None:
        for name in given:
            try:
                run = create(scene.root, recipe_of("quickstart", catalog()), seed=0, placement=Placement(name=name))
            except BadInput:
                assert call("runs", "show", "--runs-dir", scene.root, "--", name).code == 2
                continue
            assert run.path.parent == scene.root and run.labels().name == name.strip()
            if name.strip():
                assert find([scene.root], name.strip()).path == run.path
            looks_sound(dataclasses.replace(scene, run=run))
            assert call("presets", "save", "--from", "quickstart", "--", name).code == 2
        assert not any("etc" in path.name for path in scene.scratch.rglob("*"))

    return attempt


def twins(scene: Scene) -> None:
    """The same word composed and decomposed is two names."""
    recipe = recipe_of("quickstart", catalog())
    one, two = (
        create(scene.root, recipe, seed=0, placement=Placement(name=name)) for name in ("caf\u00e9", "cafe\u0301")
    )
    assert find([scene.root], "caf\u00e9").path == one.path and find([scene.root], "cafe\u0301").path == two.path
    names("emoji \U0001f600", "\u202ertl", "zero\u200bwidth", "wide \u5bbd")(scene)


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


DEEP = b"[" * 100_000
CASES: dict[int, tuple[str, Try]] = {
    1: ("an empty run.json", file_of("run.json", b"", "bad_input")),
    2: ("JSON that is cut", file_of("run.json", lambda old: old[: len(old) // 2], "bad_input")),
    3: ("a run.json of 100 MB", huge),
    4: ("JSON nested 100,000 deep", file_of("run.json", b'{"id": ' + DEEP, "bad_input")),
    5: ("a key twice", file_of("run.json", lambda old: old.replace(b'"seed": 0', b'"seed": 1, "seed": 0'))),
    6: ("NaN and Infinity", file_of("run.json", lambda old: old.replace(b'"seed": 0', b'"seed": NaN'), "bad_input")),
    7: ("a number of 5,000 digits", file_of("run.json", lambda old: old.replace(b'"seed": 0', b'"seed": ' + b"9" * 5000), "bad_input")),
    8: ("a list for a table", file_of("run.json", b"[]", "bad_input")),
    9: ("keys that are missing", missing_keys),
    10: ("a newer schema", run_json(schema=99, colour="red")),
    11: ("bytes that are not UTF-8", file_of("run.json", lambda old: old.replace(b"quickstart", b"\xff\xfe"))),
    12: ("a byte order mark", file_of("run.json", lambda old: b"\xef\xbb\xbf" + old)),
    13: ("lone surrogates", run_json(preset="\ud800", changes="\udfff")),
    14: ("NUL in texts", run_json(preset="a\0b", command="\0", placement={"data_dir": "\0"})),
    15: ("half a row", events(lambda lines: [*lines, b'{"event": "epoch", "epo'], garbage=False)),
    16: ("garbage amid the rows", events(lambda lines: [*lines[:5], b"garbage\n", b"\xff\xfe\n", b"null\n", *lines[5:]])),
    17: ("10 MB without a newline", events(lambda lines: [*lines, b"x" * (10 << 20)])),
    18: ("steps that fall, repeat, are negative or 2**63", events(odd_steps)),
    19: ("times in the future and before 1970", events(odd_times)),
    20: ("folders, FIFOs, devices and links for files", special_files),
    21: ("a run folder that is a link", run_is_a_link),
    22: ("links in a circle", link_loop),
    23: ("files that may not be read", no_permission),
    24: ("a run removed while it is open", removed_while_open),
    25: ("a read-only disk", read_only_disk),
    26: ("a full disk in each write", disk_full),
    27: ("two writers", two_writers),
    28: ("the same id twice", same_id),
    29: ("a clock set back", clock_set_back),
    30: ("../../etc/x", names("../../etc/x")),
    31: ("an absolute path", names("/etc/x")),
    32: ("~root", names("~root")),
    33: ("slashes", names("a/b", "a\\b")),
    34: ("nothing, blanks", names("", "   ")),
    35: ("300 bytes", names("x" * 300)),
    36: ("what looks like a flag", names("-rf", "--help")),
    37: ("what a shell would run", names("$(id)", "`id`", "a;b", "a\nb", "a|b", "a&b")),
    38: ("names that Windows refuses", names("CON", "trailing.")),
    39: ("twins, reordering and invisible letters", twins),
    47: ("a pickle that acts", checkpoint(lambda folder: signed(folder, pickle.dumps(Exploit())))),
    48: ("a zip bomb", checkpoint(lambda folder: signed(folder, zip_bomb()))),
    49: ("a flipped bit", checkpoint(flip)),
    50: ("half a checkpoint", checkpoint(cut)),
    51: ("another recipe's checkpoint", other_recipe),
    52: ("presets with tags, aliases and impossible numbers", presets),
    53: ("archives with links, devices and ways out", archives),
    54: ("process ids that are not ours", process_ids),
    55: ("a forged exit, a beat from the future", forged_exit),
}  # fmt: skip
"""40 to 46, what steers a terminal, are in test_streams.py."""
LONG = {20, 23, 26, 47, 48, 49, 50, 51, 54}


@pytest.mark.parametrize(
    "number", [pytest.param(n, id=f"{n} {CASES[n][0]}", marks=[pytest.mark.slow] if n in LONG else []) for n in CASES]
)
def test_a_bad_input_is_taken_for_what_it_is(make_run, root, tmp_path, monkeypatch, number, count):
    count(1)
    monkeypatch.setenv("CIFAR_TUI_RUNS", str(root))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    CASES[number][1](Scene(make_run(), make_run(), root, scratch, monkeypatch))


def test_all_55_are_tried():
    from tests.reliability.test_streams import SEQUENCES

    assert {*CASES, *(number for number in SEQUENCES if isinstance(number, int))} == set(range(1, 56))
