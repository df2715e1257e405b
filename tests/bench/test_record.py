"""A whole training by code that is written for a GPU, here a small file that uses what the record's uses."""

import json
from pathlib import Path

import pytest
import torch

import bench.record
from bench.airbench import NoRecord
from bench.loops import images
from engine.data.load import DataSet

RECORD = """
import sys
import torch
from torch import nn

with open("not/executed") as file:
    code = file.read()

@torch.compile
def doubled(x):
    return 2 * x

class CifarNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 10).half()

def main(run, model):
    assert model.linear.weight.dtype == torch.bfloat16 and not hasattr(doubled, "_torchdynamo_orig_callable")
    starter = torch.cuda.Event(enable_timing=True)
    ender = torch.cuda.Event(enable_timing=True)
    starter.record()
    data = torch.load("cifar10/train.pt", map_location=torch.device("cuda"))
    assert data["images"].shape == (100, 32, 32, 3) and data["images"].dtype == torch.uint8
    assert len(data["labels"]) == 100 and len(data["classes"]) == 10
    ender.record()
    torch.cuda.synchronize()
    time_seconds = 1e-3 * starter.elapsed_time(ender)
    print("progress")
    val_acc = torch.rand(1).item()
    accuracy = 0.5
    return accuracy

if __name__ == "__main__":
    model = CifarNet().cuda().to(memory_format=torch.channels_last)
    model.compile(mode="max-autotune")
    raise SystemExit("two hundred trainings were started")
"""


@pytest.fixture
def hundred_images(monkeypatch: pytest.MonkeyPatch) -> DataSet:
    data = images(100)
    monkeypatch.setattr(bench.record, "load", lambda *given: data)
    return data


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a GPU the record's code is not changed")
def test_the_code_runs_on_the_host_in_bf16_and_returns_its_clock(
    tmp_path: Path, hundred_images: DataSet, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "airbench94_muon.py").write_text(RECORD)
    first, again, other = (bench.record.train(tmp_path, "", seed) for seed in (0, 0, 1))
    assert first["tta"] == 50.0
    assert 0 < first["seconds"] < first["wall"]
    assert first["plain"] == again["plain"] != other["plain"]  # `main` draws it
    assert capsys.readouterr().out == ""  # the only line of standard output is the result
    assert json.loads(json.dumps(first)) == first


def test_a_checkout_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoRecord, match=r"has none of airbench94_muon\.py, legacy/airbench94_muon\.py"):
        bench.record.train(tmp_path, "", 0)


def test_code_of_another_shape_is_refused(tmp_path: Path) -> None:
    (tmp_path / "airbench94_muon.py").write_text("def main(run, model):\n    pass\n")
    with pytest.raises(ValueError, match="does not end in a return"):
        bench.record.train(tmp_path, "", 0)
