"""On a GPU a batch is cut from the resident images without a word to the host."""

import numpy as np
import pytest
import torch

from engine.data.device import Resident
from engine.data.load import Split
from engine.data.split import epoch_order

pytestmark = pytest.mark.gpu
N = 1003


@pytest.mark.parametrize("channels_last", [True, False])
def test_batches_of_training_and_evaluation_never_wait_and_are_right(channels_last: bool) -> None:
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8))
    split = Split(images.permute(0, 3, 1, 2), torch.arange(N) % 10)
    resident = Resident(split, "cuda", channels_last)
    list(resident.batches(np.arange(N), 128)), list(resident.padded(128))  # the first calls allocate
    order = epoch_order(0, 0, N)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        trained = list(resident.batches(order, 128, "keep"))
        seen = list(resident.padded(128))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    wanted = torch.channels_last if channels_last else torch.contiguous_format
    assert all(batch[0].is_contiguous(memory_format=wanted) for batch in [*trained, *seen])
    assert torch.equal(torch.cat([batch for batch, _ in trained]).cpu(), split.images[torch.from_numpy(order)])
    valid = torch.cat([mask for *_, mask in seen])
    assert torch.equal(torch.cat([batch for batch, *_ in seen])[valid].cpu(), split.images)
