"""LeNet's published sizes."""

import pytest

from engine.models.lenet import lenet
from tests.engine.models.shapes import on_meta


@pytest.mark.parametrize(("channels", "size", "count"), [(3, 32, 62_006), (1, 28, 44_426), (1, 32, 61_706)])
def test_parameters_equal_published_builds(channels: int, size: int, count: int) -> None:
    """62,006: kuangliu/pytorch-cifar's; 44,426: pprp/pytorch-cifar-tricks a85b050 on MNIST; 61,706: the count
    usually given for LeNet-5 with full connections, on one channel of 32 px."""
    with on_meta():
        model = lenet(10, channels, size)
    assert sum(p.numel() for p in model.parameters()) == count
