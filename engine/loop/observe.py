"""What the loop watches while it trains, without waiting for the device and without touching a weight.

Sums stay on the device until the epoch ends. The newest loss travels to the host on its own and is told when it has
arrived. The health of the weights is measured in the last step of an epoch alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.contract.run.events import Step

EVERY = 0.5  # seconds between live losses


REMEDY = "a lower rate, a warm-up (schedule.warmup) or clipping (optimizer.clip_norm) may help"


class Diverged(Exception):
    """The loss is no longer a finite number, or what the model says of an image is not."""

    def __init__(self, epoch: int, step: int, loss: float, lr: float) -> None:
        super().__init__(
            f"the loss became {loss} in epoch {epoch}, step {step}, at a learning rate of {lr:.3g}; {REMEDY}"
        )


class NonFiniteLogits(Diverged):
    """An evaluation met logits that are not finite numbers: the weights have blown up since the last loss was seen."""

    def __init__(self, epoch: int, bad: int, images: int, kind: str) -> None:
        what = f"after epoch {epoch} the model's output is no finite number for {bad:,} of {images:,} {kind} images"
        Exception.__init__(self, f"{what}; {REMEDY}")


class Totals:
    """Sums over one epoch: loss, hits and images of the batches so far, and the health of its last step."""

    def __init__(self, device: torch.device) -> None:
        kind = torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64
        self.sums = torch.zeros(2, dtype=kind, device=device)  # loss of all images, images whose top class was right
        self.health = torch.full((3,), math.nan, device=device)  # gradient norm, update ratio, non-finite gradients
        self.images = 0
        self._before = 0.0  # seconds that have been counted
        self._began: float | None = None  # while the clock runs

    @property
    def seconds(self) -> float:
        """Spent on the steps of this epoch, over all attempts at it."""
        return self._before + (0.0 if self._began is None else time.monotonic() - self._began)

    def start(self) -> None:
        """Steps follow: let the clock run."""
        self._began = time.monotonic()

    @torch.no_grad()
    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Take in a batch: mean loss, logits and soft targets (B, classes), whose dominant class is the right one."""
        hits = (logits.argmax(1) == targets.argmax(1)).sum()
        self.sums += torch.stack((loss.to(self.sums.dtype) * len(targets), hits.to(self.sums.dtype)))
        self.images += len(targets)

    def read(self) -> dict[str, Any]:
        """The epoch's figures; here the host waits for the device, and the clock stops."""
        loss, hits = (self.sums / max(self.images, 1)).tolist()
        norm, ratio, bad = self.health.tolist()
        self._before, self._began = self.seconds, None
        figures = {"train_loss": loss, "train_accuracy": hits, "grad_norm": norm, "update_ratio": ratio}
        return figures | {"nonfinite": 0 if math.isnan(bad) else int(bad)}

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self.sums, "health": self.health, "images": self.images, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sums.copy_(state["sums"])
        self.health.copy_(state["health"])
        self.images, self._before = state["images"], state["seconds"]


class Live:
    """The newest loss on its way to the host, at most twice a second.

    On CUDA the copy goes to pinned memory and an event tells when it is there; elsewhere it is there at once.
    """

    def __init__(self, device: torch.device, every: float = EVERY) -> None:
        self._cuda = device.type == "cuda"
        self._host = torch.zeros(2, dtype=torch.float32, pin_memory=self._cuda)
        self._copied = torch.cuda.Event() if self._cuda else None
        self._every = every
        self._asked_at = -math.inf
        self._waiting: tuple[Step, int] | None = None
        self._told_at, self._told_images = time.monotonic(), 0

    def start_epoch(self, images: int) -> None:
        """Images per second count from here on, so that evaluation is not part of them."""
        self._told_at, self._told_images = time.monotonic(), images

    def offer(self, epoch: int, step: int, loss: Tensor, lr: float, totals: Totals) -> None:
        """Send this step's loss on its way, if the one before was long enough ago."""
        now = time.monotonic()
        if self._waiting is not None or now - self._asked_at < self._every:
            return
        # the epoch's sum goes with it: a non-finite loss in between shows there
        self._host.copy_(torch.stack((loss.detach().float(), totals.sums[0].float())), non_blocking=self._cuda)
        if self._copied is not None:
            self._copied.record()
        self._asked_at = now
        self._waiting = Step(epoch=epoch, step=step, lr=lr), totals.images

    def arrived(self) -> Step | None:
        """The step whose loss has arrived since the last call, if any. Raises Diverged where it is not finite."""
        if self._waiting is None or (self._copied is not None and not self._copied.query()):
            return None
        (step, images), self._waiting = self._waiting, None
        loss, total = self._host.tolist()
        if not (math.isfinite(loss) and math.isfinite(total)):
            raise Diverged(step.epoch, step.step, loss if not math.isfinite(loss) else total, step.lr)
        now = time.monotonic()
        rate = (images - self._told_images) / max(now - self._told_at, 1e-9)
        self._told_at, self._told_images = now, images
        return Step(epoch=step.epoch, step=step.step, loss=loss, lr=step.lr, images_per_second=rate)


@torch.no_grad()
def measure_health(parameters: Sequence[Tensor], before: Sequence[Tensor], norm: Tensor | None) -> Tensor:
    """Norm of the gradient, size of the step by size of the weights, non-finite values in the gradient: (3,).

    Args:
        parameters: after the step, with the gradient of that step.
        before: copies from before the step.
        norm: of the gradient before it was clipped; None where it was not.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients) if norm is None else norm
    moved = torch.nn.utils.get_total_norm(torch._foreach_sub(list(parameters), list(before)))
    bad = torch.stack([(~gradient.isfinite()).sum() for gradient in gradients]).sum()
    return torch.stack((norm.float(), (moved / torch.nn.utils.get_total_norm(list(before))).float(), bad.float()))
