"""The reasons that ranks leave in the run folder."""

from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.rank_failure import LOST, RankFailure, cause, forget


def test_the_cause_is_the_failure_that_did_not_follow_from_another(tmp_path: Path):
    assert cause(tmp_path) is None
    for rank, reason in ((0, LOST), (2, "gpu_memory"), (3, "data")):
        RankFailure(rank, reason, f"by {rank}").write(tmp_path)
    (tmp_path / "failures" / "rank-1.json").write_text('{"rank": 1')
    assert cause(tmp_path) == RankFailure(2, "gpu_memory", "by 2")
    forget(tmp_path)
    assert cause(tmp_path) is None and not list((tmp_path / "failures").iterdir())


def test_nothing_is_written_or_removed_through_a_link(tmp_path: Path):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    run.mkdir()
    elsewhere.mkdir()
    (elsewhere / "rank-1.json").write_text("{}")
    (run / "failures").symlink_to(elsewhere)
    with pytest.raises(BadInput, match="is a link"):
        RankFailure(1, "data", "x").write(run)
    forget(run)
    assert (elsewhere / "rank-1.json").read_text() == "{}"
