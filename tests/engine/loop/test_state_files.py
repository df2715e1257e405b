"""State dicts from files of other programs: written by torch, safetensors, timm and Lightning, never by us."""

import argparse
import os
import re
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.contract.errors import BadInput
from engine.loop.state_files import State, read_state


@pytest.fixture
def net() -> nn.Module:
    return nn.Sequential(OrderedDict(stem=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4), head=nn.Linear(4, 10)))


def same(found: dict[str, torch.Tensor], net: nn.Module) -> bool:
    own = net.state_dict()
    return found.keys() == own.keys() and all(torch.equal(found[name], own[name]) for name in own)


class Holder(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.model = net


WRAPPED = {
    "plain": nn.Module.state_dict,
    "state_dict": lambda net: {
        "state_dict": net.state_dict(),
        "epoch": 3,
        "arch": "x",
        "optimizer": {"lr": 0.1, "steps": [1, 2]},
    },
    "model": lambda net: {"model": net.state_dict(), "args": {"lr": 0.1}},
    "nested": lambda net: {"net": {"state_dict": net.state_dict()}, "acc": 0.9},  # kuangliu: `net`, `acc` and `epoch`
    "a name and a state dict": lambda net: {"model": "resnet18", "state_dict": net.state_dict()},
    "data parallel": lambda net: nn.DataParallel(net).state_dict(),
    "compiled": lambda net: torch.compile(net).state_dict(),
    "compiled in parallel": lambda net: nn.DataParallel(torch.compile(net)).state_dict(),
    "averaged": lambda net: torch.optim.swa_utils.AveragedModel(net).state_dict(),
    "a Lightning module": lambda net: {"state_dict": Holder(net).state_dict(), "global_step": 7},
}


@pytest.mark.parametrize("how", WRAPPED)
@pytest.mark.parametrize("new", [True, False])
def test_usual_wrappers_are_understood(net, tmp_path, how, new):
    path = tmp_path / "x.pth"
    torch.save(WRAPPED[how](net), path, _use_new_zipfile_serialization=new)
    assert same(read_state(path), net)


def test_safetensors(net, tmp_path):
    save_file(nn.DataParallel(net).state_dict(), tmp_path / "x.safetensors")
    assert same(read_state(tmp_path / "x.safetensors"), net)


class Trap:
    """What it would do when unpickled is to make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("new", [True, False])
def test_pickles_are_never_executed(net, tmp_path, new):
    path, trap = tmp_path / "x.pth", tmp_path / "made"
    torch.save({"state_dict": net.state_dict(), "trap": Trap(trap)}, path, _use_new_zipfile_serialization=new)
    with pytest.raises(BadInput, match=r"x.pth holds an object of class posix.mkdir, which is not loaded because"):
        read_state(path)
    assert not trap.exists()


def test_other_objects_are_refused_by_the_name_of_their_class(net, tmp_path):
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": net.state_dict(), "args": argparse.Namespace(lr=0.1)}, path)
    with pytest.raises(BadInput) as caught:
        read_state(path)
    (problem,) = caught.value.problems
    assert "an object of class argparse.Namespace" in problem and "\n" not in problem
    assert same(_saved_again(problem, tmp_path), net)


def _saved_again(problem: str, folder: Path) -> State:
    """What is read once the line of an error message has been executed."""
    code = re.search(r"x = torch\.load.*", problem)
    assert code
    exec(code[0], {"torch": _in(folder)})
    return read_state(folder / "weights.pth")


def _in(folder: Path) -> object:
    """torch whose relative paths are in a folder."""

    class Torch:
        load = staticmethod(lambda name, **how: torch.load(folder / name, **how))
        save = staticmethod(lambda what, name: torch.save(what, folder / name))

    return Torch


def test_a_whole_module_is_refused(net, tmp_path):
    torch.save(net, tmp_path / "net.pt")
    with pytest.raises(BadInput, match=r"an object of class torch\.nn\.modules") as caught:
        read_state(tmp_path / "net.pt")
    assert same(_saved_again(caught.value.problems[0], tmp_path), net)


@pytest.mark.filterwarnings("ignore")  # of srun, which there may be, and of the tiny data set
def test_a_checkpoint_of_lightning(net, tmp_path):
    lightning = pytest.importorskip("pytorch_lightning")

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = net

        def training_step(self, batch, _):
            return self.model.head(batch[0]).sum()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.0)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(2, 4)), batch_size=2)
    trainer = lightning.Trainer(
        max_steps=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(Module(), data)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    assert same(read_state(tmp_path / "last.ckpt"), net)


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ([1, 2], "holds a list, not a state dict"),
        ({"epoch": 3, "acc": 0.5}, "holds no state dict that could be recognized: epoch, acc"),
        ({}, "nothing in it instead of tensors"),
        ({"a": torch.ones(2), "lr": 0.1}, "recognized: lr in it"),
        ({"model": "resnet18"}, "recognized: model in it"),
    ],
)
def test_files_without_a_state_dict(tmp_path, tree, says):
    torch.save(tree, tmp_path / "x.pth")
    with pytest.raises(BadInput, match=says):
        read_state(tmp_path / "x.pth")


def test_damage_is_one_line(net, tmp_path):
    path = tmp_path / "x.pth"
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:200])
    safe = tmp_path / "x.safetensors"
    save_file(net.state_dict(), safe)
    safe.write_bytes(safe.read_bytes()[:-40])
    for file, says in ((path, "damaged|holds"), (safe, "not a valid .safetensors file")):
        with pytest.raises(BadInput, match=says) as caught:
            read_state(file)
        assert len(caught.value.problems) == 1 and "\n" not in caught.value.problems[0]


def test_the_hash_is_that_of_the_bytes_that_are_loaded(net, tmp_path):
    torch.save(net.state_dict(), tmp_path / "x.pth")
    with pytest.raises(BadInput, match=r"x.pth has changed: its SHA-256 is not aaaaaaaaaaaa"):
        read_state(tmp_path / "x.pth", "a" * 64)


def test_a_file_that_does_not_fit_into_memory(net, tmp_path, monkeypatch):
    torch.save(net.state_dict(), tmp_path / "x.pth")
    monkeypatch.setattr("psutil.virtual_memory", lambda: argparse.Namespace(available=1000))
    with pytest.raises(BadInput, match="larger than half of the free memory"):
        read_state(tmp_path / "x.pth")
