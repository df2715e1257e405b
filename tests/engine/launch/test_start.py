"""Each run is started by the launcher that its placement names."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.launch import start


@pytest.fixture
def called(monkeypatch):
    calls = []
    for module in ("local", "handover", "slurm.submit"):
        monkeypatch.setattr(
            f"engine.launch.{module}.start", lambda run, module=module, **options: calls.append((module, options))
        )
    return calls


@pytest.mark.parametrize(
    ("launcher", "module"), [("local", "local"), ("slurm", "slurm.submit"), ("command", "handover")]
)
def test_a_run_is_started_by_its_launcher_unless_a_change_names_another(bench, called, launcher, module):
    run = bench.make(launcher=launcher, template="true {run}")
    start.start(run, approved={"a": "b"})
    assert called == [(module, {"placement": None, "approved": {"a": "b"}})]
    start.start(run, placement={"launcher": "local"})
    assert called[1][0] == "local"


def test_settings_with_which_nothing_could_start_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    start.check(Placement())
    for placement, said in (
        (Placement(launcher="slurm"), "this machine has no sinfo"),
        (Placement(launcher="command"), r"needs \{run\}"),
        (Placement(launcher="command", template="bsub {run}"), "this machine has no bsub"),
    ):
        with pytest.raises(BadInput, match=said):
            start.check(placement)
