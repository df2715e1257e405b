"""`verify` finds what was changed, file by file, and says what it cannot check."""

import json

import pytest

from engine.contract.errors import BadInput
from engine.contract.run import predicted
from engine.exchange.pack import anonymous
from engine.exchange.pack.unpack import examine, unpack
from engine.exchange.pack.verify import verify
from engine.exchange.pack.write import prepare, write
from tests.tui.further import put_results


def bad(run):
    return {check.what: check.note for check in verify(run) if check.result == "bad"}


def test_a_run_of_the_engine_is_whole_and_every_file_with_a_hash_is_named(finished_run):
    run = finished_run()
    checks = verify(run)
    assert bad(run) == {}
    told = {check.what for check in checks}
    for folder in run.checkpoints.iterdir():
        assert told >= {f"checkpoints/{folder.name}/{file}" for file in ("meta.json", "weights.pt", "state.pt")}
    assert told >= {"run.json", "recipe id", "predictions.npz", "events.jsonl", "exit.json"}
    (answers,) = (check for check in checks if check.what == "predictions.npz")
    assert answers.result == "ok" and answers.note.endswith("as the events say")


def test_an_unpacked_run_is_whole(finished_run, tmp_path):
    write(prepare([finished_run()], weights=True, anonymous=True), tmp_path / "a.tar.zst")
    (copy,) = unpack(examine(tmp_path / "a.tar.zst", tmp_path / "theirs"))
    assert bad(copy) == {}


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_one_flipped_bit_is_found_and_named(finished_run):
    run = finished_run()
    newest = sorted(run.checkpoints.iterdir())[-1]
    flip(newest / "weights.pt")
    flip(run.predictions)
    found = bad(run)
    both = {f"checkpoints/{newest.name}/{file}" for file in ("weights.pt", "best.pt")}  # hard links to one file
    assert found.keys() == {*both, "predictions.npz"}
    assert "when it was written" in found[f"checkpoints/{newest.name}/weights.pt"]


def test_another_recipe_or_accuracy_is_found(finished_run):
    run = finished_run()
    run.recipe_toml.write_text(run.recipe_toml.read_text().replace("lr = 0.05", "lr = 0.06"))
    lines = [json.loads(line) for line in run.events.read_text().splitlines()]
    for line in lines:
        if line["event"] == "epoch":
            line["test_accuracy"] = 0.99
    run.events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = bad(run)
    assert found.keys() == {"recipe id", "predictions.npz"}
    assert "run.json says" in found["recipe id"] and "by the events" in found["predictions.npz"]


def test_parts_are_compared_with_their_hashes(run):
    run.run_json.write_text(
        json.dumps(json.loads(run.run_json.read_text()) | {"parts": {"a.py": "0" * 64, "b.py": ""}})
    )
    run.parts.mkdir()
    (run.parts / "a.py").write_text("x = 1\n")
    (run.parts / "c.py").write_text("raise SystemExit('never executed')\n")
    found = bad(run)
    assert {what: found[what].split(",")[0][:7] for what in found} == {
        "parts/a.py": "SHA-256", "parts/b.py": "missing", "parts/c.py": "not amo",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        (["{", ""], "lines or values cannot be read"),
        (['{"event": "epoch", "t": 1.0, "epoch": 9}'], "epoch 9 follows epoch 2"),
    ],
)
def test_damaged_events_are_found(run, lines, note):
    with run.events.open("a") as file:
        file.write("\n".join(lines) + "\n")
    assert note in bad(run)["events.jsonl"]


def test_a_run_of_another_program_has_no_recipe_and_may_leave_out_epochs(run, tmp_path):
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | {"imported": {"layout": "timm"}}))
    run.recipe_toml.unlink()
    run.events.write_text("".join(f'{{"event": "epoch", "t": 1.0, "epoch": {epoch}}}\n' for epoch in (1, 5, 9)))
    (run.path / "scalars.npz").write_bytes(b"x")
    assert bad(run) == {}
    write(prepare([run]), tmp_path / "a.tar.zst")
    (copy,) = unpack(examine(tmp_path / "a.tar.zst", tmp_path / "theirs"))
    assert bad(copy) == {} and (copy.path / "scalars.npz").exists()
    run.events.write_text("".join(f'{{"event": "epoch", "t": 1.0, "epoch": {epoch}}}\n' for epoch in (1, 5, 5)))
    assert "events.jsonl" in bad(run)


def test_a_run_without_anything_says_so(run):
    run.run_json.write_text("{")
    run.recipe_toml.unlink()
    run.exit.write_text("")
    assert bad(run).keys() == {"run.json", "recipe.toml", "exit.json"}


def test_results_on_further_test_sets_are_checked(finished_run):
    run = finished_run()
    put_results(run)
    checks = {check.what: check for check in verify(run) if check.what.startswith("predicted/")}
    assert all(check.result == "ok" for check in checks.values()) and len(checks) == 6
    assert checks["predicted/newer.json"].note.endswith("of 60 correct, as recorded")
    assert checks["predicted/cifar10-c.json"].note == "60 images, 3 corruptions, as recorded"
    assert checks["predicted/unknown.json"].note == "60 images without labels"
    flip(run.predicted / "cifar10-c.npz")
    (run.predicted / "unknown.json").write_text("{")
    told = json.loads((run.predicted / "newer.json").read_text())
    (run.predicted / "newer.json").write_text(json.dumps(told | {"accuracy": 0.1}))
    found = bad(run)
    assert found.keys() == {"predicted/cifar10-c.npz", "predicted/unknown.json", "predicted/newer.json"}
    assert "0.1000 is recorded" in found["predicted/newer.json"]


def test_results_on_further_test_sets_are_packed_and_unpacked(finished_run, tmp_path):
    run = finished_run()
    put_results(run)
    for blind in (False, True):
        archive = tmp_path / f"{blind}.tar.zst"
        write(prepare([run], anonymous=blind), archive)
        (copy,) = unpack(examine(archive, tmp_path / f"theirs-{blind}"))
        assert bad(copy) == {}
        assert [entry.name for entry in predicted.entries(copy)] == ["cifar10-c", "newer", "unknown"]
        assert sorted(path.name for path in copy.predicted.iterdir()) == [
            f"{name}.{ending}" for name in ("cifar10-c", "newer", "unknown") for ending in ("json", "npz")
        ]


def test_a_further_test_set_that_names_the_user_is_not_packed_anonymously(finished_run, tmp_path, monkeypatch):
    run = finished_run()
    monkeypatch.setattr(anonymous.getpass, "getuser", lambda: "lovelace")
    put_results(run)
    told = json.loads((run.predicted / "newer.json").read_text())
    files = [{"name": "x.png", "role": "cat/by-lovelace.png", "bytes": 1, "sha256": "0" * 64}]
    (run.predicted / "newer.json").write_text(json.dumps(told | {"files": files}))
    with pytest.raises(BadInput, match="names this host or this user, so the run cannot be packed anonymously"):
        prepare([run], anonymous=True)
    prepare([run])
