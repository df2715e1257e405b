"""Reading the record's net from a checkout, here a small file that is made like the record's."""

from pathlib import Path

import pytest
import torch
from torch import nn

from bench.airbench import NoRecord, record_net

RECORD = """
import sys
import torch
from torch import nn

torch.set_num_threads(-1)  # neither executed: it would raise
hyp = {"width": 8}
torch.backends.anything.at_all = True

class Conv(nn.Conv2d):
    pass

def make_net():
    net = nn.Sequential(Conv(3, hyp["width"], 2), nn.Flatten())
    net = net.half().cuda()
    return net.to(memory_format=torch.channels_last)

for run in range(25):
    raise SystemExit("the training was started")

if __name__ == "__main__":
    raise SystemExit("the training was started")

raise SystemExit("the training was started")
"""


@pytest.mark.parametrize("place", ["airbench94.py", "legacy/airbench94.py"])
def test_the_net_is_made_on_the_host_in_float32_and_nothing_else_is_run(tmp_path: Path, place: str):
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(RECORD)
    net = record_net(tmp_path)
    assert isinstance(net, nn.Sequential)
    weight = net[0].weight
    assert (weight.shape, weight.dtype, weight.device.type) == ((8, 3, 2, 2), torch.float32, "cpu")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "defines no make_net"), ("def make_net():\n    return 1", "returns no module")],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, message: str):
    (tmp_path / "airbench94.py").write_text(text)
    with pytest.raises(NoRecord, match=message):
        record_net(tmp_path)


def test_a_folder_without_the_file_is_refused(tmp_path: Path):
    with pytest.raises(NoRecord, match=r"has none of airbench94\.py, legacy/airbench94\.py"):
        record_net(tmp_path)
