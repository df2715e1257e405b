"""What the loop observes during training, without waiting for the device and without changing a weight.

Sums stay on the device until the epoch ends. The latest loss is copied to the host asynchronously and reported once it
has arrived. The health of the weights is measured only in the last step of an epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from engine.contract.run.events import Step

EVERY: Final = 0.5  # seconds between live losses

REMEDY: Final = "try a lower learning rate, a warm-up (schedule.warmup) or gradient clipping (optimizer.clip_norm)"


class Diverged(Exception):
    """The loss, or the model's output for some image, is no longer finite."""

    def __init__(self, epoch: int, step: int, loss: float, lr: float) -> None:
        super().__init__(
            f"the loss became {loss} in epoch {epoch}, step {step}, at a learning rate of {lr:.3g}; {REMEDY}"
        )


class NonFiniteLogits(Diverged):
    """An evaluation produced logits that are not finite: the weights diverged after the last loss was read."""

    def __init__(self, epoch: int, bad: int, images: int, kind: str) -> None:
        problem = f"after epoch {epoch} the model's output is not finite for {bad:,} of {images:,} {kind} images"
        Exception.__init__(self, f"{problem}; {REMEDY}")


class Totals:
    """Sums over one epoch: loss, correct predictions and images so far, and the weights' health in its last step."""

    def __init__(self, device: torch.device) -> None:
        kind = torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64
        self.sums = torch.zeros(2, dtype=kind, device=device)  # loss over all images, correctly classified images
        self.health = torch.full((3,), math.nan, device=device)  # gradient norm, update ratio, non-finite gradients
        self.images = 0
        self._before = 0.0  # seconds measured before the clock was last started
        self._began: float | None = None  # while the clock is running

    @property
    def seconds(self) -> float:
        """Seconds spent on the steps of this epoch, over all attempts at it."""
        return self._before + (0.0 if self._began is None else time.monotonic() - self._began)

    def start(self) -> None:
        """Start the clock: steps follow."""
        self._began = time.monotonic()

    def exclude(self, seconds: float) -> None:
        """Do not count these seconds as training, for example because something was compiled meanwhile."""
        self._before -= seconds

    @torch.no_grad()
    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Add a batch.

        Args:
            loss: mean over the batch.
            logits: (B, classes).
            targets: soft targets (B, classes); a prediction counts as correct if it is the class of largest weight.
        """
        hits = (logits.argmax(1) == targets.argmax(1)).sum()
        self.sums += torch.stack((loss.to(self.sums.dtype) * len(targets), hits.to(self.sums.dtype)))
        self.images += len(targets)

    def read(self) -> dict[str, Any]:
        """The epoch's figures, named as in the Epoch event. Waits for the device and stops the clock."""
        loss, hits = (self.sums / max(self.images, 1)).tolist()
        norm, ratio, bad = self.health.tolist()
        self._before, self._began = self.seconds, None
        figures = {"train_loss": loss, "train_accuracy": hits, "grad_norm": norm, "update_ratio": ratio}
        return figures | {"nonfinite": 0 if math.isnan(bad) else int(bad)}

    def state_dict(self) -> dict[str, Any]:
        """The sums so far, for a checkpoint in the middle of an epoch."""
        return {"sums": self.sums, "health": self.health, "images": self.images, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.sums.copy_(state["sums"])
        self.health.copy_(state["health"])
        self.images, self._before = state["images"], state["seconds"]


class Live:
    """Copies the latest loss to the host, at most twice a second.

    On CUDA the copy goes to pinned memory, and a CUDA event shows when it is complete. On other devices it is complete
    at once.

    Args:
        every: seconds between two losses.
    """

    def __init__(self, device: torch.device, every: float = EVERY) -> None:
        self._cuda = device.type == "cuda"
        self._host = torch.zeros(2, dtype=torch.float32, pin_memory=self._cuda)
        self._copied = torch.cuda.Event() if self._cuda else None
        self._every = every
        self._offered_at = -math.inf
        self._pending: tuple[Step, int] | None = None  # the step whose loss is on its way, and images until then
        self._reported_at, self._reported_images = time.monotonic(), 0

    def start_epoch(self, images: int) -> None:
        """Measure images per second from here, so that evaluation is not included. `images`: of the epoch so far."""
        self._reported_at, self._reported_images = time.monotonic(), images

    def offer(self, epoch: int, step: int, loss: Tensor, lr: float, totals: Totals) -> None:
        """Start copying this step's loss, unless a copy is pending or the last one was started too recently."""
        now = time.monotonic()
        if self._pending is not None or now - self._offered_at < self._every:
            return
        # The epoch's sum is copied as well: it shows a loss in between that was not finite.
        self._host.copy_(torch.stack((loss.detach().float(), totals.sums[0].float())), non_blocking=self._cuda)
        if self._copied is not None:
            self._copied.record()
        self._offered_at = now
        self._pending = Step(epoch=epoch, step=step, lr=lr), totals.images

    def arrived(self) -> Step | None:
        """The Step event whose loss has arrived since the last call, if any. Raises Diverged if it is not finite."""
        if self._pending is None or (self._copied is not None and not self._copied.query()):
            return None
        (step, images), self._pending = self._pending, None
        loss, total = self._host.tolist()
        if not (math.isfinite(loss) and math.isfinite(total)):
            raise Diverged(step.epoch, step.step, loss if not math.isfinite(loss) else total, step.lr)
        now = time.monotonic()
        rate = (images - self._reported_images) / max(now - self._reported_at, 1e-9)
        self._reported_at, self._reported_images = now, images
        return Step(epoch=step.epoch, step=step.step, loss=loss, lr=step.lr, images_per_second=rate)


@torch.no_grad()
def measure_health(parameters: Sequence[Tensor], before: Sequence[Tensor], norm: Tensor | None) -> Tensor:
    """Measure a step: gradient norm, norm of the update over norm of the weights, non-finite gradient values; (3,).

    Args:
        parameters: after the step, with the gradients of that step.
        before: copies of the parameters from before the step.
        norm: of the gradient before it was clipped; None without clipping.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients) if norm is None else norm
    update = torch.nn.utils.get_total_norm(torch._foreach_sub(list(parameters), list(before)))
    weights = torch.nn.utils.get_total_norm(list(before))
    bad = torch.stack([(~gradient.isfinite()).sum() for gradient in gradients]).sum()
    return torch.stack((norm.float(), (update / weights).float(), bad.float()))
