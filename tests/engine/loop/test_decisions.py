"""What a run decides on its machine, once, and reads again when it resumes."""

import json
import time
from dataclasses import asdict, replace
from functools import partial

import pytest
import torch
from torch import nn

from engine.contract.recipe.schema import ComputeConfig
from engine.loop.decisions import Decisions, decide
from engine.loop.probe_cache import Known, remember
from engine.loop.trials import describe
from engine.loop.workload import Workload

CPU = torch.device("cpu")


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 10))


def decided(path, net, threads=1, images=1_000_000, key="", **compute) -> tuple[Decisions, list[str]]:
    few = torch.ones(2, 3, 8, 8)
    no_batch = partial(pytest.fail, "a CPU has no use for a whole batch")
    work = Workload(few=few, batch=no_batch, steps=10, images=images, key=key, graph=True)
    return decide(path, ComputeConfig(**compute), threads, CPU, net, work)


def probe_finds(monkeypatch, precision: str) -> None:
    monkeypatch.setattr("engine.loop.trials.choose_precision", lambda *args: (precision, "measured"))


def test_a_resume_keeps_what_was_decided_even_if_the_machine_is_slower_now(tmp_path, net, monkeypatch):
    probe_finds(monkeypatch, "bf16")
    first, _ = decided(tmp_path / "probe.json", net, threads=2)
    probe_finds(monkeypatch, "fp32")
    again, _ = decided(tmp_path / "probe.json", net, threads=0)
    assert again == first and first.precision == "bf16"
    assert torch.get_num_threads() == 2


def test_a_run_of_version_0_1_0_resumes_without_a_graph(tmp_path, net):
    path = tmp_path / "probe.json"
    decided(path, net, precision="fp32")
    table = json.loads(path.read_text())
    del table["graph"]  # that version did not know it
    path.write_text(json.dumps(table))
    assert decided(path, net, precision="fp32")[0].graph is False


def test_a_cpu_neither_compiles_nor_records_by_itself(tmp_path, net):
    decisions, warnings = decided(tmp_path / "probe.json", net, precision="fp32")
    assert (decisions.compile, decisions.graph, warnings) == ("off", False, [])


def test_another_machine_decides_for_itself(tmp_path, net, monkeypatch):
    probe_finds(monkeypatch, "bf16")
    first, _ = decided(tmp_path / "probe.json", net)
    for module in ("decisions", "hardware"):  # `device_name` of a CPU is its `cpu_name`
        monkeypatch.setattr(f"engine.loop.{module}.cpu_name", lambda: "another processor")
    probe_finds(monkeypatch, "fp32")
    second, _ = decided(tmp_path / "probe.json", net)
    assert (first.precision, second.precision) == ("bf16", "fp32")
    assert second.differences(asdict(first))[:2] == [
        f"device_name changed from {first.device_name} to another processor",
        f"cpu changed from {first.cpu} to another processor",
    ]


@pytest.mark.parametrize("content", ["", "[]", '{"device": "cpu"}', '{"unknown": 1}'])
def test_a_damaged_record_is_decided_anew(tmp_path, net, content):
    path = tmp_path / "probe.json"
    path.write_text(content)
    decisions, _ = decided(path, net, precision="fp32")
    assert json.loads(path.read_text())["precision"] == decisions.precision == "fp32"


def test_deciding_changes_neither_the_model_nor_the_random_state(tmp_path, net):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    decisions, _ = decided(tmp_path / "probe.json", net, images=20_000)  # trials take a share of the run
    assert decisions.precision in ("bf16", "fp32") and decisions.probe["seconds"] > 0
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_the_precision_of_the_recipe_is_used(tmp_path, net):
    assert decided(tmp_path / "probe.json", net, precision="bf16")[0].precision == "bf16"


def test_equal_bits_are_promised_only_where_they_can_be(tmp_path, net):
    decisions, _ = decided(tmp_path / "probe.json", net, precision="fp32")
    assert decisions.promise() == ""
    assert decisions.differences(asdict(decisions)) == []
    assert "deterministic" in replace(decisions, device="cuda").promise()
    assert replace(decisions, device="cuda", deterministic=True).promise() == ""
    assert replace(decisions, device="mps").promise()
    assert replace(decisions, compile="default").promise()


def test_a_run_too_short_for_trials_uses_fp32_and_says_so(tmp_path, net):
    made, _ = decided(tmp_path / "probe.json", net, images=159)
    assert (made.precision, made.why, made.probe) == ("fp32", "bf16 is not tried in a run this short", {})


def test_what_trials_took_stands_in_the_record_and_changes_no_bit(tmp_path, net):
    made, _ = decided(tmp_path / "probe.json", net, images=2000)
    figures = json.loads((tmp_path / "probe.json").read_text())["probe"]
    assert figures == made.probe
    assert figures.keys() == {"seconds", "run_seconds", "images", "milliseconds"}
    assert figures["milliseconds"].keys() == {"bf16", "fp32"} and figures["images"] == 2
    assert replace(made, probe={}).differences(asdict(made)) == []
    before = asdict(made)
    del before["probe"]  # of a version that recorded no figures
    assert made.differences(before) == []


def test_the_precision_that_an_earlier_run_found_is_reused(tmp_path, net, monkeypatch):
    probe_finds(monkeypatch, "bf16")
    monkeypatch.setattr("engine.loop.trials.remember", lambda key, known: None)
    decided(tmp_path / "1.json", net, key="the same work")
    remember("the same work", Known(precision="bf16", precision_tried=time.time() - 3 * 86400, why="it was faster"))
    probe_finds(monkeypatch, "fp32")
    reused, _ = decided(tmp_path / "2.json", net, images=10, key="the same work")
    assert (reused.precision, reused.why) == ("bf16", "it was faster")
    assert describe(reused.probe) == "precision as an earlier run found 3 days ago"
    remember("the same work", Known(precision="bf16", precision_tried=time.time() - 8 * 86400, why="it was faster"))
    assert decided(tmp_path / "3.json", net, key="the same work")[0].precision == "fp32"
