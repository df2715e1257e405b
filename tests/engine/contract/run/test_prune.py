"""What pruning removes: everything but the weights named, and as many bytes as it says."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.checkpoints import BEST, STATE, WEIGHTS, committed, read_meta
from engine.contract.run.prune import Prunable, prunable, prune
from engine.contract.run.store import RunFolder


def files(run: RunFolder) -> set[str]:
    return {path.name for path in run.checkpoints.rglob("*") if path.is_file()}


def test_a_finished_run_keeps_its_weights_or_nothing(finished_run):
    run = finished_run()
    state = committed(run.checkpoints)[-1] / STATE
    state.write_bytes(b"x" * 1000)
    found, before = prunable(run, "weights"), run.size_bytes()
    assert found and found.stripped and found.bytes >= 1000
    assert prune(run, "weights") == found.bytes
    assert files(run) - {"meta.json"} <= {WEIGHTS, BEST} and WEIGHTS in files(run)
    assert all(STATE not in read_meta(path)["files"] for path in committed(run.checkpoints))
    assert before - run.size_bytes() == pytest.approx(found.bytes, abs=500), "but for a new meta.json"
    assert prunable(run, "weights") == Prunable(kept=found.kept) and not prunable(run, "weights")
    prune(run, "none")
    assert committed(run.checkpoints) == []


def test_a_run_that_has_not_finished_is_not_pruned(stopped_run):
    run = stopped_run()
    before = files(run)
    for keep in ("weights", "none"):
        with pytest.raises(BadInput, match=f"cannot prune run {run.id}: it is stopped"):
            prune(run, keep)
    assert files(run) == before
