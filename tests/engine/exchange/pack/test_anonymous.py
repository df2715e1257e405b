"""Anonymous packing: the packed bytes hold neither host, user, paths nor notes, wherever a run has them."""

import json
import re

import pytest
import tomli_w

from engine.contract.errors import BadInput
from engine.contract.recipe.resolve import resolve
from engine.contract.run.event_file import EventReader, EventWriter
from engine.contract.run.events import Failed, Message, Phase, Resumed, System
from engine.contract.values import parse_toml
from engine.exchange.pack import anonymous
from engine.exchange.pack.anonymous import Anonymizer
from engine.exchange.pack.unpack import examine, unpack
from engine.exchange.pack.write import prepare, write
from tests.engine.exchange.pack.conftest import contents_of

HOST, USER, HOME = "gpubox7.uni-example.edu", "lovelace", "/home/lovelace"


@pytest.fixture
def telling(run, monkeypatch):
    """A run that names its host, its user and paths in every file that can hold them."""
    monkeypatch.setattr(anonymous.getpass, "getuser", lambda: USER)
    told = json.loads(run.run_json.read_text()) | {
        "host": HOST,
        "command": f"cifar-tui --preset {HOME}/mine.toml --data-dir {HOME}/data --headless",
        "preset": f"{HOME}/mine.toml",
        "changes": f"data {HOME}/data",
        "teacher": {"id": "20260101-000000-aaaa", "folder": f"{HOME}/runs/20260101-000000-aaaa"},
        "later": {"launcher": {"cluster": f"{HOME}/x", "host": HOST}},  # of a later version
    }
    told["placement"] |= {"data_dir": f"{HOME}/data", "parts": [f"{HOME}/mine.py"], "name": f"{USER}'s best"}
    told["placement"] |= {"account": f"lab-{USER}", "template": f"ssh {HOST} {{run}}", "setup": f"cd {HOME}"}
    told["placement"] |= {"partition": HOST, "qos": USER, "constraint": HOST, "sbatch": f"--mail-user={USER}"}
    told["versions"] |= {"system": f"Linux 6.1.0-{USER}"}
    run.run_json.write_text(json.dumps(told))
    run.add_label(note="for my boss, secretnote", name=f"by {USER}", tag=f"on-{HOST}")
    run.add_label(excluded=f"started on {HOST} in {HOME}/runs")
    gpu = {"index": 0, "uuid": "GPU-4711", "name": "H100", "others": [[USER, f"{HOME}/bin/python", 5]]}
    with EventWriter(run.events) as events:
        for event in (
            Message(text=f"reading '{HOME}/my data/x' and {HOME}/y, 1/2 of it, at file://{HOME}/z"),
            Phase(name="queued", note=f"behind a run of {USER.upper()} on {HOST.partition('.')[0]}"),
            System(gpus=[gpu]),
            Failed(reason="traceback", message=f"no such file: {HOME}/x", detail=f'File "{HOME}/engine/train.py"'),
            Resumed(epoch=2, step=0, exact=False, why=f"the run was made on {HOST}"),
        ):
            events.write(event)
        events._lines.write(f"garbage {HOME}")
    run.exit.write_text(json.dumps({"state": "failed", "message": f"at {HOME}/x", "detail": HOME}))
    run.exits.mkdir()
    (run.exits / "1.json").write_text(json.dumps({"state": "failed", "message": f"{USER}@{HOST}"}))
    (run.path / "probe.json").write_text(
        json.dumps({"why": f"measured in {HOME}/.cache", "cpu": "Xeon", "cache": HOME})
    )
    run.log.write_text(f"{USER}@{HOST}:{HOME}$\n")
    recipe = run.recipe_toml.read_text()
    run.recipe_toml.write_text(re.sub(r"(?m)^title = .*$", f'title = "by {USER}, from {HOME}/a"', recipe))
    run.proc.write_text(json.dumps({"host": HOST, "boot_id": "b"}))
    return run


def test_nothing_that_tells_host_user_paths_or_notes_is_packed(telling, tmp_path):
    write(prepare([telling], anonymous=True), tmp_path / "a.tar.zst")
    for name, data in contents_of(tmp_path / "a.tar.zst").items():
        for word in (
            HOST,
            HOST.partition(".")[0],
            USER,
            HOME,
            "secretnote",
            "GPU-4711",
            "/home",
            "my data",
            "mine.toml",
        ):
            assert word.lower().encode() not in data.lower(), (name, word)
    openly = b"".join(contents_of_open(telling, tmp_path).values())
    assert all(word.encode() in openly for word in (HOST, USER, HOME, "secretnote", "GPU-4711")), "the test itself"


def contents_of_open(run, tmp_path):
    write(prepare([run]), tmp_path / "open.tar.zst")
    return contents_of(tmp_path / "open.tar.zst")


def test_the_run_says_the_same_otherwise(telling, tmp_path):
    write(prepare([telling], anonymous=True), tmp_path / "a.tar.zst")
    (copy,) = unpack(examine(tmp_path / "a.tar.zst", tmp_path / "theirs"))
    ours, theirs = telling.info(), copy.info()
    assert (theirs.recipe_id, theirs.seed, theirs.created, theirs.host) == (ours.recipe_id, ours.seed, ours.created, "")
    assert theirs.command == f"cifar-tui --preset run:{telling.id} --headless"
    assert theirs.versions["torch"] == ours.versions["torch"] and theirs.versions["system"] == "Linux"
    assert copy.recipe().recipe_id == telling.recipe().recipe_id == ours.recipe_id
    assert copy.labels().notes == () and copy.labels().name == "by (user)"
    said = [event for event in EventReader(copy.events).poll() if isinstance(event, Message)]
    assert said[-1].text == "reading '(path)' and (path), 1/2 of it, at (path)"
    assert len(EventReader(copy.events).poll()) == len(EventReader(telling.events).poll())


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("cannot read /data/cifar/x.bin: denied", "cannot read (path) denied"),
        ('File "/opt/a b/c.py", line 3', 'File "(path)", line 3'),
        ("node gpu7-2.lab: bf16 is slow; node n2 failed", "node (host): bf16 is slow; node (host) failed"),
        ("nodes n2, n3 failed", "nodes (host) failed"),
        ("a node that failed, 2 nodes: n1", "a node that failed, 2 nodes: n1"),
        ("9,000 img/s, 1/2, and/or, +/-2, a / b", "9,000 img/s, 1/2, and/or, +/-2, a / b"),
        ("see https://arxiv.org/abs/1512.03385", "see https://arxiv.org/abs/1512.03385"),
        ("in ~/runs and ~ada/runs", "in (path) and (path)"),
        (f"{USER}s and {USER}", f"{USER}s and (user)"),
    ],
)
def test_paths_and_names_in_a_text(telling, text, without):
    assert Anonymizer(telling).text(text) == without


def test_code_that_names_its_author_is_refused_not_changed(telling):
    telling.parts.mkdir()
    (telling.parts / "mine.py").write_text(f"# fine\n# by {USER}\n")
    with pytest.raises(BadInput, match=r"line 2 of parts/mine\.py names this host, this user or a home folder"):
        prepare([telling], anonymous=True)
    (telling.parts / "mine.py").write_text("# fine\n")
    assert prepare([telling], anonymous=True).manifest.anonymous


def test_a_path_that_belongs_to_the_recipe_is_refused(telling):
    table = parse_toml(telling.recipe_toml.read_text())
    telling.recipe_toml.write_text(telling.recipe_toml.read_text().replace(f'"{table["model"]["name"]}"', '"/x/y"'))
    with pytest.raises(BadInput, match=r"recipe\.toml names the path '/x/y'"):
        prepare([telling], anonymous=True)


def test_initial_weights_are_packed_without_their_folder_and_the_recipe_keeps_its_id(run, tmp_path):
    pin = f"@sha256:{'ab' * 32}"
    table = parse_toml(run.recipe_toml.read_text()) | {"init_from": f"{HOME}/best.pth{pin}"}
    run.recipe_toml.write_text(tomli_w.dumps(table))
    told = json.loads(run.run_json.read_text()) | {"initial": {"source": "file", "path": f"{HOME}/best.pth"}}
    run.run_json.write_text(json.dumps(told))
    write(prepare([run], anonymous=True), tmp_path / "a.tar.zst")
    packed = contents_of(tmp_path / "a.tar.zst")
    assert not any(USER.encode() in content for content in packed.values())
    recipe = parse_toml(packed[f"{run.id}/recipe.toml"].decode())
    assert recipe["init_from"] == f"best.pth{pin}"
    assert resolve(recipe, run.own_catalog()).recipe_id == run.recipe().recipe_id
