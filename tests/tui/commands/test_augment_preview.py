"""`augmentations preview`: bad words end before a child is started; a picture is a picture."""

import json
import os
import pty
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tui.commands import augment_preview


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ricapp", "--out", "x.png"), "unknown augmentation 'ricapp'; did you mean ricap"),
        (("crop_flp", "--out", "x.png"), "unknown augmentation 'crop_flp'; did you mean crop_flip"),
        (("cutout:length=99", "--out", "x.png"), "augmentation.cutout.length: got 99, needs <= 64"),
        (("cutout:long=9", "--out", "x.png"), "unknown key augmentation.cutout.long"),
        (("cutout", "--out", "x.jpg"), "only PNG is supported; name it x.png"),
        (("cutout", "--out", "/no/such/folder/x.png"), "no such folder: /no/such/folder"),
        (("ricapp",), "unknown augmentation 'ricapp'; did you mean ricap"),
        (("cutout",), "images need a terminal with colors; use --out sheet.png to write them to a file"),
        (("--out", "x.png"), "give the name of an augmentation, or --preset P"),
        (("cutout", "--out", "x.png", "--preset", "quickstrt"), "unknown preset 'quickstrt'; did you mean quickstart"),
        (("cutout", "--out", "x.png", "--data", "shape"), "data.name: unknown data set 'shape'; did you mean shapes"),
        (("cutout", "--out", "x.png", "--images", "99"), "--images"),
    ],
)
def test_a_mistake_is_told_before_anything_is_started(cli, monkeypatch, arguments, message):
    monkeypatch.setattr(augment_preview, "sheet_from_child", lambda request: pytest.fail("a child was started"))
    answer = cli("augmentations", "preview", *arguments)
    assert answer.code == 2 and message in answer.err and "Traceback" not in answer.err


@pytest.mark.usefixtures("shapes_ready", "children_here")
def test_a_sheet_is_written(cli, tmp_path):
    out = tmp_path / "sheet.png"
    answer = cli("augmentation", "preview", "--preset", "quickstart", "--out", out, "--images", "2", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["path"], told["images"]) == (str(out), 2)
    assert told["columns"][0] == "original" and told["columns"][-2:] == ["draw 2", "draw 3"]
    image = np.asarray(Image.open(out))
    assert image.shape[1] == 2 * 16 + len(told["columns"]) * (4 * 32 + 8) - 8


@pytest.mark.usefixtures("shapes_ready")
def test_the_terminal_shows_half_blocks_in_its_width():
    words = [
        sys.executable,
        "-m",
        "tui.cli",
        "augmentations",
        "preview",
        "grayscale",
        "--data",
        "shapes",
        "--images",
        "1",
    ]
    leader, follower = pty.openpty()
    settings = {"TERM": "xterm-256color", "COLUMNS": "80", "LC_ALL": "C.UTF-8"}
    child = subprocess.Popen(words, stdout=follower, stderr=follower, env={**os.environ, **settings})
    os.close(follower)
    seen = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux ends a pseudo-terminal so
            break
        if not piece:
            break
        seen += piece
    os.close(leader)
    assert child.wait() == 0, seen
    lines = [line for line in seen.decode().splitlines() if "▀" in line]
    assert [line.count("▀") for line in lines] == [4 * 16] * 8
    assert "grayscale on shapes, seed 0" in seen.decode()
