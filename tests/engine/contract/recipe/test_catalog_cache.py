"""What the cache gives back, and what it refuses."""

import json
import os
import stat
from pathlib import Path

import pytest

from engine.contract.recipe import catalog as module
from engine.contract.recipe import catalog_cache, params
from engine.contract.recipe.catalog import KINDS, catalog
from engine.contract.recipe.params import OPTIONS_MODULES

pytestmark = pytest.mark.usefixtures("empty_cache")

PART = '''
from engine.contract.catalog import Spec, register
from engine.models.options import Width

@register("model", title="Tiny", family="own", ordered=(("low", "high"),))
def tiny(num_classes: int, *, width: Width = 1.0) -> None:
    """A model."""
'''
OPTIONS = 'Width = Annotated[float, Spec("width factor", ge=0.5)]\n'


def file_of(home, name="parts"):
    return home / "cache" / "cifar-tui" / "catalog" / f"{name}.json"


@pytest.fixture
def fresh():
    """Builds the catalog as a new process would."""

    def build():
        catalog.cache_clear()
        params._options_module.cache_clear()
        return {(kind, part.name): part for kind in KINDS for part in catalog().parts(kind)}

    yield build
    catalog.cache_clear()
    params._options_module.cache_clear()


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """An engine with one part, whose option is in a file that parts share."""
    models = tmp_path / "engine" / "models"
    models.mkdir(parents=True)
    (models / "options.py").write_text(OPTIONS)
    (models / "tiny.py").write_text(PART)
    monkeypatch.setattr(module, "ENGINE", tmp_path / "engine")
    monkeypatch.setattr(module, "SOURCES", ("models",))
    return models


@pytest.fixture
def scans(monkeypatch):
    """The files that are parsed."""
    seen, scan = [], module.scan
    monkeypatch.setattr(module, "scan", lambda path, dotted: seen.append(path.name) or scan(path, dotted))
    return seen


def test_the_catalog_from_the_cache_equals_the_one_from_source(private_folders, fresh, scans):
    first = fresh()
    assert scans and file_of(private_folders).exists()
    scans.clear()
    second = fresh()
    assert not scans and first == second
    assert [part.path for part in first.values()] == [part.path for part in second.values()]
    assert [part.meta for part in first.values()] == [part.meta for part in second.values()]
    assert [part.module for part in first.values()] == [part.module for part in second.values()]


@pytest.mark.parametrize(
    ("name", "old", "new", "seen"),
    [("tiny.py", "Tiny", "Huge", ("Huge", 0.5)), ("options.py", "ge=0.5", "ge=0.4", ("Tiny", 0.4))],
)
def test_a_changed_file_is_seen_also_one_of_shared_options(engine, fresh, scans, name, old, new, seen):
    before = fresh()["model", "tiny"]
    path = engine / name
    status = path.stat()
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = fresh()["model", "tiny"]
    assert scans.count("tiny.py") == 2
    assert (before.title, before.params[0].ge) == ("Tiny", 0.5)
    assert (after.title, after.params[0].ge) == seen


def test_a_new_and_a_removed_file_are_seen(engine, fresh):
    fresh()
    (engine / "more.py").write_text(PART.replace("tiny", "more"))
    assert ("model", "more") in fresh()
    (engine / "tiny.py").unlink()
    assert ("model", "tiny") not in fresh()


def test_all_shared_options_are_among_the_files_that_the_key_covers():
    covered = set(module.sources())
    for dotted in OPTIONS_MODULES:
        assert module.ENGINE.parent.joinpath(*dotted.split(".")).with_suffix(".py") in covered


@pytest.mark.parametrize("damage", ["garbage", "cut", "changed", "empty", "link", "fifo", "writable", "folder"])
def test_anything_but_our_own_intact_file_is_ignored_and_replaced(private_folders, tmp_path, engine, fresh, damage):
    good = fresh()
    file = file_of(private_folders)
    data = file.read_bytes()
    if damage == "garbage":
        file.write_bytes(b"\x00\xff{[")
    elif damage == "cut":
        file.write_bytes(data[:-20])
    elif damage == "changed":
        file.write_bytes(data.replace(b"Tiny", b"Evil"))
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "writable":
        file.chmod(0o666)
    else:
        file.unlink()
        (tmp_path / "elsewhere").write_bytes(data)
        {
            "link": lambda: file.symlink_to(tmp_path / "elsewhere"),
            "fifo": lambda: os.mkfifo(file),
            "folder": file.mkdir,
        }[damage]()
    assert fresh() == good
    if damage != "folder":
        assert stat.S_ISREG(file.lstat().st_mode) and file.read_bytes() == data


def test_a_file_of_another_user_is_ignored(private_folders, engine, fresh, scans, monkeypatch):
    fresh()
    scans.clear()
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert catalog_cache.load("parts", module.source_digest()) is None
    fresh()
    assert "tiny.py" in scans


def test_a_cache_folder_that_cannot_be_made_changes_nothing(private_folders, engine, fresh):
    (private_folders / "cache").write_text("a file in place of the folder")
    assert fresh() == fresh()


def test_without_a_home_folder_nothing_is_kept_in_the_current_one(tmp_path, engine, fresh, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(catalog_cache.platformdirs, "user_cache_path", lambda name: Path("~/.cache") / name)
    assert fresh() == fresh() and not list(here.iterdir())


def test_the_cache_is_private_data(private_folders, engine, fresh):
    old = os.umask(0)
    try:
        fresh()
    finally:
        os.umask(old)
    file = file_of(private_folders)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert isinstance(json.loads(file.read_bytes().partition(b"\n")[2]), list)
    assert [path.name for path in file.parent.iterdir()] == ["parts.json"]


@pytest.mark.parametrize("forged", [{"path": "../../evil.py"}, {"module": "os"}, {"params": 3}, {"more": 1}])
def test_the_cache_does_not_decide_what_is_imported(private_folders, engine, fresh, forged):
    good = fresh()
    key = module.source_digest()
    (row,) = catalog_cache.load("parts", key)
    assert "module" not in row
    catalog_cache.save("parts", key, ({**row, **forged},))
    assert fresh() == good


@pytest.mark.parametrize("value", [[1, 2], {"a": {1: "whole number"}}, float("nan"), ({"b": [()]},)])
def test_what_would_come_back_different_is_not_kept(private_folders, value):
    catalog_cache.save("parts", "key", value)
    assert not file_of(private_folders).exists()


def test_what_is_kept_comes_back_under_its_own_key_only():
    value = ({"a": (1, 2.0, True, None, "ü"), "b": {"c": ((1,), ())}},)
    catalog_cache.save("parts", "key", value)
    assert catalog_cache.load("parts", "key") == value
    assert type(catalog_cache.load("parts", "key")[0]["a"][1]) is float
    assert catalog_cache.load("parts", "other") is None and catalog_cache.load("presets", "key") is None


def test_files_of_parts_are_read_anew_beside_the_cache(engine, fresh, tmp_path):
    fresh()
    own = tmp_path / "own.py"
    own.write_text(PART.replace("tiny", "mine"))
    assert catalog((own,)).get("model", "mine").title == "Tiny"
    own.write_text(PART.replace("tiny", "other"))
    catalog.cache_clear()
    assert catalog((own,)).names("model") == ["tiny", "other"]
