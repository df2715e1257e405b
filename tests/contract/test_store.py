"""Run folders: made once, private, found by what people call them, removed only when that is safe."""

import json
import multiprocessing
import os
import resource
import signal
import stat
import time
from pathlib import Path

import pytest

from engine.contract import store
from engine.contract.catalog import catalog
from engine.contract.errors import BadInput
from engine.contract.events import Epoch, EventWriter, Finished, Resumed, RunStarted, Step
from engine.contract.folder import RESERVE_BYTES
from engine.contract.process import ExitRecord, ProcRecord, boot_id, host_name
from engine.contract.recipe import Placement
from engine.contract.store import JSON_KEYS, RUN_ID, RunFolder, create, find, remove, runs_root, runs_roots, summarize


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
    from presets import loader

    assert loader.resolve(str(run.recipe_toml), catalog=catalog()).recipe_id == recipe.recipe_id


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
    assert run.umask == (0o077 if share == "private" else 0o007)


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
        with pytest.raises(BadInput, match=r"missing or unreadable|also called"):
            create(root, recipe, seed=0, placement=Placement(parts=unfit))
    assert [Path(path).name for path in store_paths(root)] == [run.id]


def store_paths(root: Path) -> list[str]:
    return sorted(entry.name for entry in root.iterdir())


def test_fifty_processes_at_once_get_fifty_ids(root, recipe):
    context = multiprocessing.get_context("forkserver")  # this process may have threads, which a plain fork would break
    context.set_forkserver_preload(["engine.contract.create"])
    with context.Pool(50) as pool:
        made = [pool.apply_async(create, (root, recipe), {"seed": seed}) for seed in range(50)]
        runs = [result.get(timeout=60) for result in made]
    assert len({run.id for run in runs}) == 50
    assert store_paths(root) == sorted(run.id for run in runs)
    assert [run.info().seed for run in runs] == list(range(50))


def test_a_name_that_is_taken_is_never_used_again(root, recipe, monkeypatch):
    monkeypatch.setattr("engine.contract.create.time.strftime", lambda *_: "20261122-101530")
    letters = iter("aaaaaaaaaaaaaaab")
    monkeypatch.setattr("engine.contract.create.secrets.choice", lambda _: next(letters))
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


def say(run: RunFolder, *events) -> None:
    with EventWriter(run.events) as writer:
        for event in events:
            writer.write(event)


def test_a_summary_has_exactly_the_promised_keys(run):
    say(
        run,
        RunStarted(t=100.0, epochs=3, device="cuda:0"),
        Epoch(t=110.0, epoch=1, test_accuracy=0.5),
        Epoch(t=120.0, epoch=2, test_accuracy=0.7),
        Epoch(t=130.0, epoch=3, test_accuracy=0.6),
        Finished(t=131.0),
    )
    ExitRecord("finished").write(run.exit)
    run.add_label(name="n", tag="paper")
    table = summarize(run).to_json()
    assert list(table) == list(JSON_KEYS) == [
        "id", "name", "status", "reason", "preset", "changes", "recipe_id", "model", "seed", "epoch", "epochs",
        "last_accuracy", "best_accuracy", "seconds", "started", "host", "device", "size_bytes", "tags",
    ]  # fmt: skip
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    sizes = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    assert table == table | {
        "id": run.id, "name": "n", "status": "finished", "reason": "", "preset": "tiny", "changes": "lr .1→.2",
        "model": "lenet", "seed": 7, "epoch": 3, "epochs": 3, "last_accuracy": 0.6, "best_accuracy": 0.7,
        "seconds": 31.0, "started": 100.0, "host": host_name(), "device": "cuda:0", "size_bytes": sizes,
        "tags": ["paper"],
    }  # fmt: skip


def test_cells_without_a_value_are_null(run):
    table = summarize(run).to_json()
    assert (table["last_accuracy"], table["best_accuracy"], table["epoch"], table["epochs"]) == (None, None, 0, 3)
    assert table["started"] == run.info().created


def test_the_best_epoch_is_chosen_on_the_hold_out_when_there_is_one(run):
    say(
        run,
        Epoch(epoch=1, test_accuracy=0.9, holdout_accuracy=0.5),
        Epoch(epoch=2, test_accuracy=0.8, holdout_accuracy=0.7),
        Epoch(epoch=3, test_accuracy=0.7, holdout_accuracy=0.6),
        Epoch(epoch=4),  # not evaluated
    )
    row = summarize(run)
    assert (row.best_accuracy, row.best_on, row.last_accuracy, row.epoch) == (0.8, "holdout", 0.7, 4)


def test_epochs_after_a_resume_count_once_and_lost_ones_not_at_all(run):
    say(
        run,
        RunStarted(t=0.5, epochs=9),
        *(Epoch(t=float(n), epoch=n, test_accuracy=n / 10) for n in (1, 2, 3, 4)),
        RunStarted(t=1000.0, attempt=2, epochs=9),
        Resumed(t=1001.0, epoch=2),
        Epoch(t=1005.0, epoch=3, test_accuracy=0.15),
    )
    row = summarize(run)
    assert (row.epoch, row.last_accuracy, row.best_accuracy) == (3, 0.15, 0.2)
    assert row.seconds == 3.5 + 5.0  # the pause is not work
    assert row.started == 0.5


def test_a_fold_that_is_taken_forward_equals_one_from_the_start(run):
    from engine.contract.fold import RunFold

    fold, say_all = RunFold(run.events), [
        RunStarted(t=1.0, epochs=4),
        Step(t=2.0, epoch=1, step=5),
        Epoch(t=3.0, epoch=1, test_accuracy=0.4),
        Step(t=9.0, epoch=2, step=5),
        Resumed(t=10.0, epoch=0),
        Epoch(t=12.0, epoch=1, test_accuracy=0.3),
    ]  # fmt: skip
    now = time.time()
    for event in say_all:
        say(run, event)
        assert summarize(run, fold, now) == summarize(run, now=now)
    run.events.write_text("")
    say(run, RunStarted(t=50.0, epochs=2))
    assert summarize(run, fold, now) == summarize(run, now=now)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"[" * 100_000, b'{"seed": "x"}', b"\xff", b'{"epochs": ' + b"9" * 5000 + b"}"]
)
def test_a_damaged_run_is_a_row_that_says_so(run, damage):
    run.run_json.write_bytes(damage)
    assert summarize(run).status == "starting"  # it may just be in the making
    row = summarize(run, now=time.time() + 60)
    assert (row.id, row.status, row.reason) == (run.id, "lost", "bad_input")
    assert "run.json is missing, unreadable or damaged" in row.message
    json.dumps(row.to_json(), allow_nan=False)


def test_a_run_json_of_a_later_version_still_reads(run):
    table = json.loads(run.run_json.read_text())
    run.run_json.write_text(json.dumps(table | {"schema": 99, "mood": "good"}))
    assert run.info().seed == 7


@pytest.mark.parametrize("damage", [None, b"", b"= =", b"\xff\xfe", b"a = " + b"[" * 50_000, b'model = "nothing"'])
def test_a_damaged_recipe_is_bad_input(run, damage):
    run.recipe_toml.unlink()
    if damage is not None:
        run.recipe_toml.write_bytes(damage)
    with pytest.raises(BadInput, match=r"recipe\.toml"):
        run.recipe()


# Finding


@pytest.fixture
def runs(root, recipe) -> list[RunFolder]:
    made = []
    for run_id, name in (
        ("20260101-000000-aaaa", "twin"),
        ("20260102-000000-bbbb", "twin"),
        ("20260103-000000-aaaa", ""),
        ("20260104-000000-cccc", "paper v2"),
        ("20260105-000000-dddd", "bbbb"),
    ):
        run = create(root, recipe, seed=0, placement=Placement(name=name))
        table = json.loads(run.run_json.read_text()) | {"id": run_id, "created": 1e9 + len(made)}
        run.run_json.write_text(json.dumps(table))
        made.append(RunFolder(run.path.rename(root / run_id)))
    return made


def test_a_run_is_found_by_id_ending_unique_name_and_last(root, runs):
    assert find([root], "20260102-000000-bbbb") == runs[1]
    assert find([root], "cccc") == find([root], "CCCC") == find([root], "paper v2") == runs[3]
    assert find([root], "@last") == runs[4]


@pytest.mark.parametrize(
    ("ref", "candidates"),
    [
        ("aaaa", ["20260101-000000-aaaa", "20260103-000000-aaaa"]),
        ("twin", ["20260101-000000-aaaa", "20260102-000000-bbbb"]),
        ("bbbb", ["20260102-000000-bbbb", "20260105-000000-dddd"]),  # the ending of one, the name of the other
    ],
)
def test_an_ambiguous_run_lists_the_candidates(root, runs, ref, candidates):
    with pytest.raises(BadInput, match="ambiguous") as error:
        find([root], ref)
    assert all(candidate in str(error.value) for candidate in candidates)
    assert str(error.value).count("20260") == len(candidates)


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("paper v3", "did you mean paper v2?"),
        ("@lats", "did you mean @last?"),
        ("20260104-000000-cccd", "did you mean 20260104-000000-cccc?"),
        ("", "newest: 20260105-000000-dddd"),
        ("@live", "no run is alive"),
        ("nothing like it", "newest: 20260105-000000-dddd"),
    ],
)
def test_a_run_that_does_not_exist_is_answered_with_what_does(root, runs, ref, hint):
    with pytest.raises(BadInput) as error:
        find([root], ref)
    assert hint in str(error.value)


@pytest.mark.parametrize(
    "ref", ["../runs/20260104-000000-cccc", "/etc", "~", ".", "..", "20260104-000000-cccc/", "a\x1b[2J"]
)
def test_a_reference_is_never_a_path(root, runs, ref):
    with pytest.raises(BadInput, match="does not exist") as error:
        find([root], ref)
    assert "\x1b" not in str(error.value)


def test_there_may_be_no_runs_at_all(tmp_path):
    for ref in ("@last", "@live", "abcd", "20260104-000000-cccc"):
        with pytest.raises(BadInput, match="there are no runs"):
            find([tmp_path / "missing"], ref)


def test_the_live_run_is_found_when_there_is_one(root, runs, worker):
    identity = worker(runs[2].path)
    ProcRecord(host_name(), boot_id(), identity).write(runs[2].proc)
    assert find([root], "@live") == runs[2]
    ProcRecord(host_name(), boot_id(), worker(runs[3].path)).write(runs[3].proc)
    with pytest.raises(BadInput, match="ambiguous"):
        find([root], "@live")


def test_further_roots_are_searched_too(root, runs, tmp_path, recipe):
    other = create(tmp_path / "archive", recipe, seed=0, placement=Placement(name="old one"))
    assert find([root, tmp_path / "archive"], "old one") == other
    assert find([root, tmp_path / "archive"], other.id) == other


# Removing


def test_a_removed_run_is_gone(root, run):
    ExitRecord("finished").write(run.exit)
    run.checkpoints.mkdir()
    (run.checkpoints / "weights").write_text("x")
    remove(run, [root])
    assert store_paths(root) == []


def test_a_run_that_lives_or_is_held_is_not_removed(root, run, worker):
    with pytest.raises(BadInput, match="it is starting"):
        remove(run, [root])
    ProcRecord(host_name(), boot_id(), worker(run.path)).write(run.proc)
    ExitRecord("finished").write(run.exit)  # forged
    with pytest.raises(BadInput, match="stop it first"):
        remove(run, [root])
    run.proc.unlink()
    with run.hold(), pytest.raises(BadInput, match="in use by another process"):
        remove(run, [root])
    assert run.recipe()


def test_only_a_run_of_the_first_root_is_removed(root, run, recipe, tmp_path):
    other = create(tmp_path / "archive", recipe, seed=0)
    ExitRecord("finished").write(other.exit)
    with pytest.raises(BadInput, match="read-only"):
        remove(other, [root, tmp_path / "archive"])
    assert other.recipe()


def test_links_and_other_folders_are_never_removed(root, run, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (root / "20200101-000000-link").symlink_to(precious)
    (root / "important").mkdir()
    for name in ("20200101-000000-link", "important", "20200101-000000-none"):
        with pytest.raises(BadInput, match="no run folder"):
            remove(RunFolder(root / name), [root])
    with pytest.raises(BadInput, match="read-only"):
        remove(RunFolder(root / run.id / ".." / ".." / "precious"), [root])
    assert (precious / "file").exists() and (root / "important").exists()


def test_a_link_inside_a_run_is_removed_but_not_followed(root, run, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("x")
    (run.path / "checkpoints").symlink_to(tmp_path / "data")
    ExitRecord("finished").write(run.exit)
    assert run.size_bytes() < 10_000 + RESERVE_BYTES
    remove(run, [root])
    assert (tmp_path / "data" / "file").exists()


# The end of an attempt


def test_the_exit_record_is_written_on_a_full_disk_with_the_help_of_the_reserve(run, monkeypatch):
    write, tried = ExitRecord.write, []

    def full(self: ExitRecord, path: Path) -> None:
        tried.append(run.reserve.exists())
        if run.reserve.exists():
            raise OSError(28, "No space left on device")
        write(self, path)

    monkeypatch.setattr(ExitRecord, "write", full)
    run.write_exit(ExitRecord("failed", "disk_full"))
    assert tried == [True, False]
    assert run.status().reason == "disk_full"


def test_the_reserve_is_given_back_at_the_end(run):
    run.write_exit(ExitRecord("finished"))
    assert not run.reserve.exists()
    run.write_exit(ExitRecord("finished"))


def test_another_failure_to_write_is_not_hidden(run):
    run.exit.mkdir()
    with pytest.raises(OSError, match="directory"):
        run.write_exit(ExitRecord("finished"))


def test_exit_records_of_earlier_attempts_are_kept(run):
    for attempt in (1, 2, 2):
        run.write_exit(ExitRecord("stopped", message=str(attempt), attempt=attempt))
        run.archive_exit()
    run.archive_exit()  # nothing to put away
    assert not run.exit.exists()
    kept = {path.name: ExitRecord.read(path) for path in run.exits.iterdir()}
    assert {name: record.message for name, record in kept.items() if record} == {
        "1.json": "1", "2.json": "2", "3.json": "2",
    }  # fmt: skip


def test_a_second_holder_is_refused_until_the_first_lets_go(run):
    with run.hold(), pytest.raises(BadInput, match="in use"), run.hold():
        pass
    with run.hold():
        pass


def test_a_run_that_cannot_be_written_cannot_be_held(run):
    run.lock.symlink_to("elsewhere")
    with pytest.raises(BadInput, match="cannot open"), run.hold():
        pass
    gone = RunFolder(run.path.with_name("20000101-000000-none"))
    with pytest.raises(BadInput, match="cannot open"), gone.hold():
        pass


def test_the_facade_offers_what_it_names():
    assert all(hasattr(store, name) for name in store.__all__)
