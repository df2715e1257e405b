"""What a run folder may hold in its files, and what runs may be called."""

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.create import create
from engine.contract.run.event_file import EventReader, EventWriter, encode
from engine.contract.run.events import Message
from engine.contract.run.folder import RunFolder
from engine.contract.run.roots import run_paths
from engine.contract.run.store import find, summarize
from presets.references import recipe_of
from tests.reliability.look import LIVE_READERS, READERS, call
from tests.reliability.scene import LISTINGS, QUICK, Scene, Try, looks_sound


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
