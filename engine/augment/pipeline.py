"""From raw images to what the model sees: every op of a recipe, in order, on the device, without a host sync.

    uint8 images -> ops that move pixels -> [0, 1] floats -> colour ops -> normalised -> ops that mix the batch
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.augment.draws import Draws, generator
from engine.augment.op import Op, Params
from engine.contract.catalog import Catalog
from engine.contract.catalog import catalog as default_catalog

if TYPE_CHECKING:
    from engine.contract.recipe import Choice

Stage = tuple[Op, int]
"""An op and its place in the recipe, which names its random numbers and parameters."""


class Pipeline:
    """The augmentation of one recipe, with its normalisation and its one-hot targets.

    Draws depend on (seed, epoch, step, place of the op) alone: not on the device, the precision, or the ops after it.
    """

    def __init__(
        self,
        ops: Sequence[Choice],
        *,
        seed: int,
        mean: Sequence[float],
        std: Sequence[float],
        num_classes: int,
        catalog: Catalog | None = None,
        compile: bool = False,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Build the ops.

        Args:
            ops: the recipe's choices, in order; ops on single images come before those that mix the batch.
            seed: of the run, 0 <= seed < 2**64.
            mean, std: of each channel, for images in [0, 1].
            num_classes: width of the targets.
            catalog: where ops are looked up; the engine's own by default.
            compile: fuse the float part with `torch.compile`; where that fails (no C++ compiler), one message goes to
                `say` and everything stays eager.
            say: gets that message.
        """
        known = catalog or default_catalog()
        self._seed = seed
        self._ops = tuple(build_op(choice, known) for choice in ops)
        stages = [stage_of(choice, known) for choice in ops]
        moves = next((i for i, stage in enumerate(stages) if stage != "geometry"), len(stages))
        places = list(enumerate(self._ops))
        self._geometry: list[Stage] = [(op, i) for i, op in places[:moves]]
        self._image: list[Stage] = [(op, i) for i, op in places[moves:] if stages[i] != "batch"]
        self._batch: list[Stage] = [(op, i) for i, op in places[moves:] if stages[i] == "batch"]
        self._scale = [1 / s for s in std]
        self._shift = [-m / s for m, s in zip(mean, std, strict=True)]
        self._num_classes = num_classes
        self._constants: dict[tuple[torch.device, int], tuple[Tensor, Tensor]] = {}
        self._finish = torch.compile(self._finish_eager) if compile else self._finish_eager
        self._compiling = compile
        self._say = say

    def draw(self, epoch: int, step: int, n: int, size: int) -> Draws:
        """Every random choice for the n images of `size` pixels a side in one step. Host work: run it ahead freely."""
        return Draws([op.draw(generator(self._seed, epoch, step, i), n, size) for i, op in enumerate(self._ops)])

    def __call__(self, x: Tensor, labels: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Draw and apply; see `apply`."""
        return self.apply(x, labels, self.draw(epoch, step, len(x), x.shape[-1]))

    def apply(self, x: Tensor, labels: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """Augmented, normalised images (B, C, H, W) float32 channels-last and targets (B, classes) float32.

        Args:
            x: uint8 (B, C, H, W), best channels-last; never written to.
            labels: int64 (B,).
            draws: what `draw` returned for B images.
        """
        params = draws.on(x.device)
        y = torch.zeros(len(labels), self._num_classes, device=x.device).scatter_(1, labels[:, None], 1.0)
        for op, i in self._geometry:
            x, y = op.apply(x, y, params[i])
        constants = self._affine(x)
        if self._compiling:
            try:
                return self._finish(x, y, params, *constants)
            except torch._dynamo.exc.TorchDynamoException as error:
                self._say(f"augmentation runs uncompiled: {str(error).strip().splitlines()[0]}")
                self._finish, self._compiling = self._finish_eager, False
        return self._finish_eager(x, y, params, *constants)

    def normalize(self, x: Tensor) -> Tensor:
        """uint8 images as the model sees them without augmentation: what evaluation needs."""
        return affine(x, *self._affine(x), unit=255.0)

    def _finish_eager(
        self, x: Tensor, y: Tensor, params: Sequence[Params], scale: Tensor, shift: Tensor
    ) -> tuple[Tensor, Tensor]:
        unit = 255.0
        if self._image:
            x = x.to(torch.float32, memory_format=torch.contiguous_format).mul_(1 / 255)
            unit = 1.0
        for op, i in self._image:
            x, y = op.apply(x, y, params[i])
        x = affine(x, scale, shift, unit=unit)
        for op, i in self._batch:
            x, y = op.apply(x, y, params[i])
        return x, y

    def _affine(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift for every number of an image (H W C), made once for each device and size.

        Three values spread over the innermost dimension by broadcasting were 7 times slower on CPU.
        """
        pixels = x.shape[-1] * x.shape[-2]
        key = (x.device, pixels)
        if key not in self._constants:
            both = torch.tensor([self._scale, self._shift]).repeat(1, pixels).to(x.device)
            self._constants[key] = (both[0], both[1])
        return self._constants[key]


def affine(x: Tensor, scale: Tensor, shift: Tensor, *, unit: float) -> Tensor:
    """`x / unit * scale + shift` as float32 channels-last; x (B, C, H, W), scale and shift (H W C).

    Overwrites x if it is float32 and channels-last already.
    """
    pixels = x.permute(0, 2, 3, 1)  # (B, H, W, C)
    rows = pixels.flatten(1).to(torch.float32)
    torch.addcmul(shift, rows, scale, value=1 / unit, out=rows)
    return rows.view(pixels.shape).permute(0, 3, 1, 2)


def build_op(choice: Choice, catalog: Catalog) -> Op:
    """The op that a recipe chose, its nested ops built first."""
    options = {
        name: [build_op(item, catalog) for item in value] if name in _op_lists(choice, catalog) else value
        for name, value in choice.options.items()
    }
    op: Op = catalog.load(catalog.get("op", choice.name))(**options)
    return op


def stage_of(choice: Choice, catalog: Catalog) -> str:
    """ "geometry", "image" or "batch": where an op runs; a combinator runs where its last member must."""
    part = catalog.get("op", choice.name)
    inner = [stage_of(item, catalog) for name in _op_lists(choice, catalog) for item in choice.options[name]]
    if inner:
        return max(inner, key=("geometry", "image", "batch").index)
    return "geometry" if part.meta.get("geometry") else str(part.meta["stage"])


def _op_lists(choice: Choice, catalog: Catalog) -> list[str]:
    return [param.name for param in catalog.get("op", choice.name).params if param.type == "list[Op]"]
