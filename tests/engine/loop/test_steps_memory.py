"""How much memory a training step needs, from its allocations on a CPU in fp32, where a GPU in bf16 needs less."""

import torch

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from tests.engine.peak import peak_bytes

DATA = 60_000 * 3 * 32 * 32  # CIFAR-10 as bytes on the device


def test_resnet18_at_a_batch_size_of_512_fits_4_gb() -> None:
    """With weights, momentum, gradients and the data set. On an H200 in bf16 3.0 GiB were in use, caches included."""
    part = catalog().get("model", "resnet18")
    model = build_model(Choice(name=part.name, **part.defaults), num_classes=10, catalog=catalog())
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    weights = 4 * sum(parameter.numel() for parameter in model.parameters())

    def step(images: int) -> None:
        x = torch.zeros(images, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        torch.nn.functional.cross_entropy(model(x), torch.zeros(images, dtype=torch.long)).backward()
        optimizer.step()
        optimizer.zero_grad()

    step(2)  # makes the momentum
    few, more = (peak_bytes(lambda n=n: step(n)) for n in (24, 48))
    each = (more - few) / 24
    needed = DATA + 2 * weights + few + (512 - 24) * each
    assert 1e6 < each < 6e6
    assert needed < 4e9, f"{needed / 1e9:.2f} GB"
