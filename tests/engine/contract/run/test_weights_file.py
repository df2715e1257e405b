"""Files of weights before torch sees them: what they claim is checked against their size, and one line says why not."""

import json
import os
import resource
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.contract.errors import BadInput
from engine.contract.run.weights_file import inspect, sha256_of, weights_in


def header(length: int, text: bytes = b"{}") -> bytes:
    return length.to_bytes(8, "little") + text


def test_kinds_are_told_by_content(tmp_path):
    state = {"a": torch.ones(3)}
    save_file(state, tmp_path / "x.pth")  # misnamed on purpose
    torch.save(state, tmp_path / "y.safetensors")
    torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    kinds = [inspect(tmp_path / name) for name in ("x.pth", "y.safetensors", "old.pt")]
    assert kinds == ["safetensors", "torch", "torch"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (header(100_000_000_000), "its header claims 100 GB; a .safetensors file has at most 100 MB"),
        (header(100_000_001), "its header claims 100 MB"),
        (header(50), "its header claims 50 bytes of a file of 10"),
        (header(2, b"[]"), "its header is not a table"),
        (header(2, b"{x"), "its header is not JSON"),
        (header(90_000, b"[" * 90_000), "its header is not JSON"),
        (b"", "its header is not JSON|cut off"),
    ],
)
def test_a_header_that_cannot_be_true(tmp_path, content, says):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match=says) as caught:
        inspect(path)
    assert len(caught.value.problems) == 1 and "\n" not in caught.value.problems[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_archives_that_are_cut_off_or_expand(tmp_path):
    torch.save({"a": torch.zeros(300_000)}, tmp_path / "whole.pth")
    cut = tmp_path / "cut.pth"
    cut.write_bytes((tmp_path / "whole.pth").read_bytes()[:-900])
    with pytest.raises(BadInput, match=r"cut.pth is damaged or cut off"):
        inspect(cut)
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(50_000_000))
    with pytest.raises(BadInput, match=r"would expand from .* kB to 50 MB"):
        inspect(bomb)


def test_other_files(tmp_path):
    text, fifo = tmp_path / "notes.txt", tmp_path / "fifo.pth"
    text.write_text("no weights at all")
    os.mkfifo(fifo)
    for path, says in (
        (text, "neither a .safetensors file nor one that torch.save has written"),
        (fifo, "not a regular file"),
        (tmp_path / "gone.pth", "no such file"),
    ):
        with pytest.raises(BadInput, match=says):
            inspect(path)


def test_a_folder_that_an_export_has_made(tmp_path):
    def folder(config: object) -> Path:
        (tmp_path / "config.json").write_text(json.dumps(config))
        return tmp_path

    assert weights_in(folder({"file": "model.pth", "format": "pth"})) == tmp_path / "model.pth"
    for config, says in (
        ({"file": "../model.pth", "format": "pth"}, "without a config.json"),
        ({}, "without a config.json"),
        ({"file": "model.onnx", "format": "onnx"}, "an ONNX file has no state dict"),
    ):
        with pytest.raises(BadInput, match=says):
            weights_in(folder(config))


def test_a_changed_file_has_another_hash(tmp_path):
    path = tmp_path / "x.pth"
    path.write_bytes(b"one")
    first = sha256_of(path)
    path.write_bytes(b"other")
    assert first != sha256_of(path) and first.startswith("7692c3ad3540")
