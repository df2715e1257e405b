"""A run folder at the end of an attempt: its exit record, its reserve, who holds it."""

import json
import os
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.run import store
from engine.contract.run.index import Index
from engine.contract.run.process import ExitRecord
from engine.contract.run.store import RunFolder, runs_roots, summarize


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


@pytest.mark.parametrize(
    ("preset", "model", "name"),
    [
        ("cpu_94", "airbench94", "cpu_94"),
        ("/home/ada/trials/wide.toml", "resnet20", "wide.toml"),
        ("suite:ricap/wrn28_10", "wrn28_10", "suite:ricap/wrn28_10"),
        ("", "resnet20", "resnet20"),
        ("", "", ""),
    ],
)
def test_a_recipe_is_called_by_its_preset_without_folders_or_by_its_model(run, preset, model, name):
    table = json.loads(run.run_json.read_text())
    run.run_json.write_text(json.dumps(table | {"preset": preset, "model": model}))
    assert run.info().recipe_name == summarize(run).recipe_name == name


def test_the_facade_offers_what_it_names():
    assert all(hasattr(store, name) for name in store.__all__)


@pytest.mark.usefixtures("mortal")
@pytest.mark.parametrize("closed", ["", "run.json", "proc.json", "events.jsonl"])
def test_a_run_that_one_may_not_read_says_so(run, closed):
    place = run.path / closed
    if not place.exists():
        place.touch()
    mode = place.stat().st_mode
    place.chmod(0)
    try:
        state = run.status()
        row = Index(None).rows([run.path.parent])[0]
        assert (state.state, state.reason) == (row.status, row.reason) == ("lost", "permission_denied")
        assert state.message == row.message == f"permission denied, it belongs to {run.path.owner()}"
        assert not row.live and row.started == (0.0 if closed in ("", "run.json") else row.created)
        if closed in ("", "run.json"):
            with pytest.raises(BadInput, match="permission denied, it belongs to"):
                run.info()
            with pytest.raises(BadInput, match="permission denied" if not closed else "run.json"):
                _ = run.recipe() if not closed else run.info()
    finally:
        place.chmod(mode)
    assert run.status().state == "starting"
    assert Index(None).rows([run.path.parent])[0].status == "starting"  # and nothing else was remembered


@pytest.mark.usefixtures("mortal")
def test_that_a_run_was_closed_is_not_remembered(run, private_folders):
    (run.path / "events.jsonl").touch()
    for path in (*run.path.iterdir(), run.path):
        os.utime(path, (1.7e9, 1.7e9))  # an old run: what is found out about one is kept
    index = Index(private_folders / "index.sqlite")
    (run.path / "events.jsonl").chmod(0)
    assert index.rows([run.path.parent])[0].reason == "permission_denied"
    (run.path / "events.jsonl").chmod(0o600)
    assert index.rows([run.path.parent])[0].reason != "permission_denied"


@pytest.mark.usefixtures("mortal")
def test_a_root_that_one_may_not_read_is_not_called_empty(run):
    root = run.path.parent
    root.chmod(0o300)
    try:
        with pytest.raises(BadInput, match=rf"runs folder .*: permission denied, it belongs to {root.owner()}"):
            runs_roots([str(root)])
        root.chmod(0)
        with pytest.raises(BadInput, match="permission denied"):
            runs_roots([str(root / "below")])
    finally:
        root.chmod(0o700)
    assert runs_roots([str(root)]) == [root.resolve()]
