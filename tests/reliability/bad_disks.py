"""What the disk may refuse."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from engine.contract.run.event_file import EventReader
from engine.contract.run.fold import RunFold
from engine.contract.run.roots import run_paths
from engine.contract.run.store import summarize
from tests.reliability.look import call, environment
from tests.reliability.scene import Scene, looks_sound


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
