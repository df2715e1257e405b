"""The usual training loop of CIFAR projects: a DataLoader over PIL images, fp32, and `.item()` after every step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

from bench.loops import MEAN, STD
from engine.data.load import DataSet, Split

WORKERS: Final = 2
Loader = DataLoader[tuple[Tensor, int]]
"""Of single images float32 (C, H, W) and their labels; it yields batches (B, C, H, W) and labels (B,)."""


class PilImages(Dataset[tuple[Tensor, int]]):
    """The work of torchvision's CIFAR10 for every item: array to PIL image, transforms."""

    def __init__(self, split: Split, transform: Any) -> None:
        self._pixels = split.images.permute(0, 2, 3, 1).contiguous().numpy()
        self._labels = split.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        from PIL import Image

        return self._transform(Image.fromarray(self._pixels[i])), self._labels[i]


def plain_loader(data: DataSet) -> Loader:
    """Crop, flip and color jitter image by image in two workers, as CIFAR projects usually load their data."""
    transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(0.2, 0.2, 0.2),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return DataLoader(
        PilImages(data.train, transform),
        batch_size=128,
        shuffle=True,
        drop_last=True,
        num_workers=WORKERS,
        persistent_workers=True,
        pin_memory=torch.cuda.is_available(),
    )


def loader_rate(loader: Loader, device: torch.device) -> float:
    """Images per second of a DataLoader over one epoch, not counting the start of the workers."""
    batches = iter(loader)
    x, _ = next(batches)
    began, count = time.perf_counter(), 0
    for x, _ in batches:
        x = x.to(device, non_blocking=True)
        count += len(x)
    x[0, 0, 0, 0].item()
    return count / (time.perf_counter() - began)


class PlainLoop:
    """One epoch of training, and a pass over the training images in evaluation mode, with torch's defaults.

    Args:
        net: on `device`.
    """

    def __init__(self, net: nn.Module, loader: Loader, device: torch.device) -> None:
        self._net, self._loader, self._device = net, loader, device
        self._optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
        self._mix = v2.RandomChoice([v2.CutMix(num_classes=10), v2.MixUp(num_classes=10)])

    def train(self) -> tuple[int, float]:
        """Images and seconds of an epoch with one CutMix or MixUp draw per batch."""
        self._net.train()
        return self._pass(self._step)

    def evaluate(self) -> tuple[int, float]:
        """Images and seconds of counting the training images that are classified correctly.

        Some projects do so after every epoch, with the loader that they train with and its augmentation.
        """
        self._net.eval()
        with torch.no_grad():
            return self._pass(self._count)

    def _step(self, x: Tensor, y: Tensor) -> float:
        x, y = self._mix(x, y)
        self._optimizer.zero_grad()
        loss = F.cross_entropy(self._net(x), y)
        loss.backward()
        self._optimizer.step()
        return loss.item()

    def _count(self, x: Tensor, y: Tensor) -> float:
        return float((self._net(x).argmax(1) == y).sum())

    def _pass(self, work: Callable[[Tensor, Tensor], float]) -> tuple[int, float]:
        torch.backends.cudnn.allow_tf32, ours = True, torch.backends.cudnn.allow_tf32
        began, count, total = 0.0, 0, 0.0
        for i, (x, y) in enumerate(self._loader):
            if i == 0:  # the first batch waits for the workers and is not counted, in their favor
                began = time.perf_counter()
                continue
            total += work(x.to(self._device), y.to(self._device))
            count += len(x)
        torch.backends.cudnn.allow_tf32 = ours
        return count, time.perf_counter() - began
