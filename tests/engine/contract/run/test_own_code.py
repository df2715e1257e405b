"""Code in a run's parts/: executed as it was made by its owner, else only where the user agrees to these very bytes."""

import importlib.util
import json
import os
import py_compile
import struct
import sys
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement
from engine.contract.run import own_code
from engine.contract.run.create import create
from engine.contract.run.own_code import Untrusted, approve, brought_by, check, doubts, environment
from engine.contract.run.store import runs_root
from engine.launch import restart

PART = '''
from engine.contract.catalog import register
from engine.models.lenet import LeNet


@register("model", title="Mine", params=62_006)
def mine(num_classes=10, in_channels=3, image_size=32):
    """A net."""
    return LeNet(num_classes, in_channels, image_size)
'''
ANYBODY = os.getuid() + 4321


@pytest.fixture
def run(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(PART)
    table = {
        "epochs": 1,
        "batch_size": 8,
        "model": "mine",
        "augmentation": [],
        "optimizer": "sgd",
        "data": {"name": "shapes"},
    }
    recipe = resolve(table, catalog((file,)))
    return create(runs_root(), recipe, seed=0, placement=Placement(parts=(str(file),), device="cpu"))


@pytest.fixture
def elsewhere(monkeypatch):
    """Somebody else sits here: every file belongs to another user."""
    monkeypatch.setattr(own_code.os, "getuid", lambda: ANYBODY)


def change(run):
    (run.parts / "mine.py").write_text(PART + "\nprint('another')\n")


def test_code_that_is_ours_and_as_it_was_made_is_run_without_a_question(run):
    assert doubts(run) == []
    check(run)
    assert list(approve([run], trust=False)) == [str(run.parts / "mine.py")]


def test_a_changed_file_is_named_with_both_hashes_and_its_owner(run):
    recorded = run.info().parts["mine.py"]
    change(run)
    (line,) = doubts(run)
    assert "has changed" in line and recorded[:12] in line and line.endswith("(yours)")
    for act in (lambda: check(run), lambda: approve([run], trust=False), lambda: restart.resume(run)):
        with pytest.raises(BadInput, match="--trust-parts"):
            act()
    assert not run.proc.exists()


def test_another_users_code_is_named_with_its_owner(run, elsewhere):
    (line,) = doubts(run)
    assert line.startswith(str(run.parts / "mine.py")) and "is code of user " in line


@pytest.mark.parametrize("kind", ["more", "link", "damaged"])
def test_what_nobody_vouches_for_is_not_run(run, kind, tmp_path):
    if kind == "more":
        (run.parts / "helper.py").write_text("print('hello')\n")
    elif kind == "link":
        (tmp_path / "far.py").write_text(PART)
        (run.parts / "mine.py").unlink()
        (run.parts / "mine.py").symlink_to(tmp_path / "far.py")
    else:
        run.run_json.write_text("{")
    assert len(doubts(run)) == 1
    with pytest.raises(Untrusted):
        approve([run], trust=False)


def test_what_was_agreed_to_is_run_and_nothing_that_came_later(run, monkeypatch):
    change(run)
    monkeypatch.setenv(own_code.VARIABLE, environment(approve([run], trust=True))[own_code.VARIABLE])
    check(run)
    (run.parts / "mine.py").write_text(PART + "\nprint('a third one')\n")
    with pytest.raises(BadInput, match="has changed since the run was started"):
        check(run)


def test_files_are_traced_to_the_run_that_brings_them(run, tmp_path):
    assert brought_by([str(run.parts / "mine.py"), str(tmp_path / "mine.py")]) == [run]
    assert brought_by([str(tmp_path / "mine.py")]) == []


def test_compiled_code_beside_the_file_is_not_run_in_its_place(run):
    """A .pyc whose time and size fit the source would be, by Python's own import."""
    source = run.parts / "mine.py"
    evil = source.with_name("evil.txt")
    evil.write_text("raise SystemExit('compiled code was run')\n")
    cached = Path(importlib.util.cache_from_source(str(source)))
    py_compile.compile(str(evil), cfile=str(cached))
    data = bytearray(cached.read_bytes())
    data[8:16] = struct.pack("<II", int(source.stat().st_mtime), source.stat().st_size)
    cached.write_bytes(data)
    evil.unlink()
    parts = catalog((source,))
    before = set(sys.modules)
    parts.load(parts.get("model", "mine"))
    assert any(name.startswith("cifar_tui_parts_mine") for name in set(sys.modules) - before)


def test_a_resume_hands_on_what_was_agreed_to(run, monkeypatch):
    from engine.launch import local

    change(run)
    asked = {}
    monkeypatch.setattr(local, "start", lambda folder, **options: asked.update(options))
    restart.resume(run, trust=True)
    assert asked["approved"] == approve([run], trust=True)
    assert json.loads(environment(asked["approved"])[own_code.VARIABLE]) == asked["approved"]
