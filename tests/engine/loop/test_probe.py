"""What a run decides on its machine, once."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import ComputeConfig
from engine.loop import probe

CPU = torch.device("cpu")


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 10))


def decide(path, net, threads=1, **compute):
    few = torch.ones(2, 3, 8, 8)
    work = probe.Work(few=few, batch=lambda: pytest.fail("a CPU has no use for a whole batch"), steps=10, graph=True)
    return probe.decide(path, ComputeConfig(**compute), threads, CPU, net, work)


def timed(monkeypatch, fp32: float, bf16: float) -> None:
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
    monkeypatch.setattr(probe, "_time_step", lambda model, batch, *, bf16, times=(fp32, bf16): times[bf16])


@pytest.mark.parametrize("fp32, bf16, precision", [(2.0, 1.0, "bf16"), (1.05, 1.0, "fp32"), (1.0, 8.0, "fp32")])
def test_auto_takes_bf16_only_where_it_pays(tmp_path, net, monkeypatch, fp32, bf16, precision):
    timed(monkeypatch, fp32, bf16)
    decisions, _ = decide(tmp_path / "probe.json", net)
    assert decisions.precision == precision
    assert f"{fp32 / bf16:.2f} times" in decisions.why


class Broken(nn.Module):
    """A kernel whose gradient is of another order in bf16, as oneDNN's of dilated depthwise convolutions is."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x):
        y = x.clone()
        if torch.is_autocast_enabled("cpu"):
            y.register_hook(lambda gradient: gradient * self.factor)
        return y


@pytest.mark.parametrize(
    ("factor", "precision"), [(1.0, "bf16"), (1e30, "fp32"), (float("nan"), "fp32"), (float("inf"), "fp32")]
)
def test_auto_takes_fp32_where_a_kernel_is_broken_in_bf16(tmp_path, net, monkeypatch, factor, precision):
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
    monkeypatch.setattr(probe, "WORTH_IT", 0.0)  # bf16 would be taken whatever it costs
    decisions, _ = decide(tmp_path / "probe.json", net.insert(1, Broken(factor)))
    assert decisions.precision == precision
    assert ("norm" in decisions.why) == (precision == "fp32")


def test_a_resume_keeps_what_was_decided_even_if_the_machine_is_slower_now(tmp_path, net, monkeypatch):
    timed(monkeypatch, 2.0, 1.0)
    first, _ = decide(tmp_path / "probe.json", net, threads=2)
    timed(monkeypatch, 1.0, 2.0)
    again, _ = decide(tmp_path / "probe.json", net, threads=0)
    assert again == first
    assert torch.get_num_threads() == 2


def test_a_run_of_version_0_1_0_goes_on_without_a_graph(tmp_path, net):
    path = tmp_path / "probe.json"
    decide(path, net, precision="fp32")
    table = json.loads(path.read_text())
    del table["graph"]  # that version did not know it
    path.write_text(json.dumps(table))
    assert decide(path, net, precision="fp32")[0].graph is False


def test_a_cpu_neither_compiles_nor_records_by_itself(tmp_path, net):
    decisions, notes = decide(tmp_path / "probe.json", net, precision="fp32")
    assert (decisions.compile, decisions.graph, notes) == ("off", False, [])


def test_another_machine_decides_for_itself(tmp_path, net, monkeypatch):
    timed(monkeypatch, 2.0, 1.0)
    first, _ = decide(tmp_path / "probe.json", net)
    monkeypatch.setattr(probe, "cpu_name", lambda: "another processor")
    timed(monkeypatch, 1.0, 2.0)
    second, _ = decide(tmp_path / "probe.json", net)
    assert (first.precision, second.precision) == ("bf16", "fp32")
    assert second.differences(asdict(first))[:2] == [
        f"device_name {first.device_name} is now another processor",
        f"cpu {first.cpu} is now another processor",
    ]


@pytest.mark.parametrize("content", ["", "[]", '{"device": "cpu"}', '{"unknown": 1}'])
def test_a_damaged_record_is_decided_anew(tmp_path, net, content):
    path = tmp_path / "probe.json"
    path.write_text(content)
    decisions, _ = decide(path, net, precision="fp32")
    assert json.loads(path.read_text())["precision"] == decisions.precision == "fp32"


def test_trying_out_leaves_model_and_random_numbers_alone(tmp_path, net):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    decisions, _ = decide(tmp_path / "probe.json", net)
    assert decisions.precision in ("bf16", "fp32")
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_a_recipe_that_names_its_precision_is_obeyed(tmp_path, net):
    assert decide(tmp_path / "probe.json", net, precision="bf16")[0].precision == "bf16"


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7"])
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match=f"device {name}: this machine offers no CUDA device"):
        probe.choose_device(name)


def test_auto_takes_what_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert probe.choose_device("auto") == CPU
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert probe.choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert probe.choose_device("auto") == torch.device("cuda:0")
    with pytest.raises(BadInput, match="offers 1 CUDA device$"):
        probe.choose_device("cuda:1")


@pytest.mark.parametrize(
    "files, cores",
    [
        ({}, float("inf")),
        ({"cpu.max": "max 100000"}, float("inf")),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, float("inf")),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
    ],
)
def test_a_container_quota_is_read(tmp_path, files, cores):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert probe.cpu_quota(tmp_path) == cores


def test_no_more_threads_than_cores_are_used(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(probe.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(probe, "cpu_quota", lambda: 2.5)
    assert probe.usable_cores() == 2
    monkeypatch.setattr(probe, "cpu_quota", lambda: 0.5)
    assert probe.usable_cores() == 1


def test_equal_bits_are_promised_only_where_they_can_be(tmp_path, net):
    decisions, _ = decide(tmp_path / "probe.json", net, precision="fp32")
    assert decisions.promise() == ""
    assert decisions.differences(asdict(decisions)) == []
    assert "deterministic" in replace(decisions, device="cuda").promise()
    assert replace(decisions, device="cuda", deterministic=True).promise() == ""
    assert replace(decisions, device="mps").promise()
    assert replace(decisions, compile="default").promise()
