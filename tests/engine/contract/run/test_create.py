"""Run folders: made once, private, under a root that people can name."""

import errno
import multiprocessing
import os
import resource
import signal
import stat
import time
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.files import PRIVATE
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.create import _claim
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import RunStarted
from engine.contract.run.folder import RESERVE_BYTES
from engine.contract.run.process import ExitRecord, host_name
from engine.contract.run.roots import make_root
from engine.contract.run.store import RUN_ID, create, runs_root, runs_roots


def test_a_new_run_holds_what_was_asked_for(root, recipe):
    placement = Placement(device="cpu", name="paper v2", tags=("a", "b"))
    run = create(root, recipe, seed=7, placement=placement, preset="tiny", changes="lr .1→.2", command="cifar-tui ...")
    info = run.info()
    assert RUN_ID.fullmatch(run.id) and run.path.parent == root
    assert (info.id, info.seed, info.preset, info.changes, info.command) == (
        run.id, 7, "tiny", "lr .1→.2", "cifar-tui ...",
    )  # fmt: skip
    assert (info.recipe_id, info.model, info.data, info.epochs) == (recipe.recipe_id, "lenet", "cifar10", 3)
    assert info.placement["device"] == "cpu" and Placement(**info.placement) == placement
    assert info.host == host_name() and info.versions["python"].startswith("3.") and info.versions["torch"]
    assert abs(info.created - time.time()) < 60
    assert run.id.startswith(time.strftime("%Y%m%d-%H%M%S", time.gmtime(info.created)))
    assert run.labels().name == "paper v2" and run.labels().tags == ("a", "b")
    assert run.recipe() == recipe
    assert run.reserve.stat().st_size == RESERVE_BYTES


def test_the_stored_recipe_is_itself_a_valid_preset(run, recipe):
    from presets import references

    assert references.recipe_of(str(run.recipe_toml), catalog()).recipe_id == recipe.recipe_id


@pytest.mark.parametrize(("share", "folder", "file"), [("private", 0o700, 0o600), ("group", 0o2770, 0o660)])
@pytest.mark.parametrize("umask", [0o022, 0o077, 0])
def test_a_run_is_private_unless_it_is_shared_whatever_the_umask(root, recipe, share, folder, file, umask):
    before = os.umask(umask)
    try:
        run = create(root, recipe, seed=0, placement=Placement(share=share, name="x"))
        with EventWriter(run.events) as writer:
            writer.write(RunStarted())
        ExitRecord("finished").write(run.exit)
    finally:
        os.umask(before)
    assert stat.S_IMODE(root.stat().st_mode) == folder
    assert stat.S_IMODE(run.path.stat().st_mode) == folder
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in run.path.iterdir()} == {file}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder to any group")
@pytest.mark.parametrize(
    ("owner", "mode", "then"),
    [(0, 0o770, 0o2770), (0, 0o2770, 0o2770), (0, 0o750, 0o2770), (12345, 0o770, 0o770)],  # 12345: a colleague
)
def test_a_shared_run_belongs_to_the_group_of_a_root_that_was_there(root, recipe, owner, mode, then):
    root.mkdir()
    os.chown(root, owner, 54321)
    root.chmod(mode)
    before = os.umask(PRIVATE)
    try:
        run = create(root, recipe, seed=0, placement=Placement(share="group", name="x"))
        ExitRecord("finished").write(run.exit)
        run.archive_exit()
        with run.hold():
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(root.stat().st_mode) == then
    made = [run.path, *run.path.rglob("*")]
    assert {path.stat().st_gid for path in made} == {54321}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o2770, 0o660}
    assert {path.name for path in made if path.is_file()} > {"lock", "1.json", "labels.jsonl", "run.json"}


def test_a_colleagues_root_that_is_open_already_is_left_as_it_is(root, monkeypatch):
    root.mkdir()
    root.chmod(0o770)
    monkeypatch.setattr(os, "geteuid", lambda: root.stat().st_uid + 1)
    make_root(root, shared=True)
    assert stat.S_IMODE(root.stat().st_mode) == 0o770


def test_a_group_that_one_is_not_in_is_refused_and_leaves_nothing(root, recipe, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(BadInput, match=r"cannot share a run with the group of .* \(id \d+\): Operation not"):
        _claim(root.parent, shared=True)
    assert not [path for path in root.parent.iterdir() if path.name[:2] == "20"]


def test_parts_of_the_user_are_copied_and_hashed(root, recipe, tmp_path):
    import hashlib

    file = tmp_path / "mine.py"
    file.write_text("# parts of my own\n")
    run = create(root, recipe, seed=0, placement=Placement(parts=(str(file),)))
    file.write_text("# changed later\n")
    assert (run.parts / "mine.py").read_text() == "# parts of my own\n"
    assert run.info().parts == {"mine.py": hashlib.sha256(b"# parts of my own\n").hexdigest()}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.py").write_text("")
    for unfit in ((str(tmp_path / "missing.py"),), (str(file), str(tmp_path / "other" / "mine.py"))):
        with pytest.raises(BadInput, match=r"cannot be read: No such file|also called"):
            create(root, recipe, seed=0, placement=Placement(parts=unfit))
    assert [Path(path).name for path in store_paths(root)] == [run.id]


def store_paths(root: Path) -> list[str]:
    return sorted(entry.name for entry in root.iterdir())


def test_fifty_processes_at_once_get_fifty_ids(root, recipe):
    context = multiprocessing.get_context("forkserver")  # this process may have threads, which a plain fork would break
    context.set_forkserver_preload(["engine.contract.run.create"])
    with context.Pool(50) as pool:
        made = [pool.apply_async(create, (root, recipe), {"seed": seed}) for seed in range(50)]
        runs = [result.get(timeout=60) for result in made]
    assert len({run.id for run in runs}) == 50
    assert store_paths(root) == sorted(run.id for run in runs)
    assert [run.info().seed for run in runs] == list(range(50))


def test_a_name_that_is_taken_is_never_used_again(root, recipe, monkeypatch):
    monkeypatch.setattr("engine.contract.run.create.time.strftime", lambda *_: "20261122-101530")
    letters = iter("aaaaaaaaaaaaaaab")
    monkeypatch.setattr("engine.contract.run.create.secrets.choice", lambda _: next(letters))
    assert [create(root, recipe, seed=0).id[-4:] for _ in range(2)] == ["aaaa", "aaab"]


def test_a_disk_that_fills_up_leaves_no_half_run(root, recipe):
    root.mkdir()
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        with pytest.raises(BadInput, match="cannot write a run in"):
            create(root, recipe, seed=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert store_paths(root) == []


def test_a_root_that_cannot_be_used_is_bad_input(tmp_path, recipe, monkeypatch):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BadInput, match="runs folder"):
            create(place, recipe, seed=0)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # the tests may run as root, who may write anywhere
    with pytest.raises(BadInput, match="cannot write to the runs folder"):
        create(tmp_path / "closed", recipe, seed=0)


def test_sharing_a_run_opens_a_private_root_but_not_the_private_runs_in_it(root, recipe, run):
    create(root, recipe, seed=0, placement=Placement(share="group"))
    assert stat.S_IMODE(root.stat().st_mode) == 0o2770
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700


def test_unfit_names_and_tags_are_refused_before_anything_is_made(root, recipe):
    for placement in (Placement(name="@last"), Placement(tags=("two words",))):
        with pytest.raises(BadInput):
            create(root, recipe, seed=0, placement=placement)
    assert not root.exists()


def test_the_root_comes_from_the_flag_then_the_environment_then_the_platform(tmp_path, monkeypatch):
    monkeypatch.setenv("CIFAR_TUI_RUNS", str(tmp_path / "env"))
    assert runs_root(str(tmp_path / "flag")) == tmp_path / "flag"
    assert runs_root() == tmp_path / "env"
    monkeypatch.delenv("CIFAR_TUI_RUNS")
    assert runs_root() == Path(os.environ["XDG_DATA_HOME"]) / "cifar-tui" / "runs"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert runs_root("~/runs") == tmp_path / "runs"
    assert runs_roots([str(tmp_path), f"{tmp_path}/", str(tmp_path / "b")]) == [tmp_path, tmp_path / "b"]
    (tmp_path / "file").write_text("")
    for flag in (str(tmp_path / "file"), "~nobody-of-that-name/runs"):
        with pytest.raises(BadInput, match="--runs-dir"):
            runs_root(flag)
