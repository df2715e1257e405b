"""From raw images to what the model sees: all ops of a recipe, in order, on the device, without a host sync.

uint8 images -> ops that move pixels -> floats in [0, 1] -> color ops -> normalized -> ops that mix the batch
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from engine.augment.compiled import CompiledOp, Compiler
from engine.augment.draws import Draws, generator, lasting_generator
from engine.augment.op import Arrays, Op, Seen
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.catalog import catalog as default_catalog
from engine.contract.recipe.ops import member_lists, stage

if TYPE_CHECKING:
    from engine.contract.recipe.schema import Choice


class Pipeline:
    """The augmentation of one recipe, including normalization and one-hot targets.

    Draws depend only on (seed, epoch, step, position of the op), not on the device, the precision or the ops after it.
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
            ops: the ops of the recipe, in order; those on single images come before those that mix the batch.
            seed: the seed of the run, 0 <= seed < 2**64.
            mean, std: the mean and standard deviation of each channel, for images in [0, 1].
            num_classes: the width of the targets.
            catalog: where ops are looked up; the engine's own catalog by default.
            compile: whether to run the float kernels through `torch.compile`. If that fails (no C++ compiler), one
                message is passed to `say` and everything stays eager.
            say: receives that message.

        Raises:
            BadInput: an op is unknown, or its options do not fit together.
        """
        known = catalog or default_catalog()
        compiler = Compiler(say) if compile else None
        self._seed = seed
        facts = {"mean": tuple(map(float, mean))}
        self._ops = tuple(build_op(choice, known, facts, compiler) for choice in ops)
        self._by_image = [bool(known.get("op", choice.name).meta.get("by_image")) for choice in ops]
        stages = [stage(choice, known) for choice in ops]
        # A geometry op that comes after a color op runs where it is listed, on floats.
        floats = next((i for i, stage in enumerate(stages) if stage != "geometry"), len(stages))
        self._geometry = range(floats)
        self._image = [i for i in range(floats, len(stages)) if stages[i] != "batch"]
        self._batch = [i for i in range(floats, len(stages)) if stages[i] == "batch"]
        self._planes = compiler(planes) if compiler else planes
        self._scale = [1 / s for s in std]
        self._shift = [-m / s for m, s in zip(mean, std, strict=True)]
        self._num_classes = num_classes
        self._constants: dict[tuple[torch.device, int], Tensor] = {}

    def draw(self, epoch: int, step: int, n: int, size: int, images: np.ndarray | None = None) -> Draws:
        """Make every random choice of one step for n images with sides of `size` pixels, on the host.

        Args:
            images: the indices of these images in the training set, int64 (n,); by default the first n.
        """
        images = np.arange(n) if images is None else images
        return Draws([self._draw(i, epoch, step, images, size) for i in range(len(self._ops))])

    def _draw(self, i: int, epoch: int, step: int, images: np.ndarray, size: int) -> Arrays:
        draw: Callable[..., Arrays] = self._ops[i].draw
        seen = (Seen(images, epoch, lasting_generator(self._seed, i)),) if self._by_image[i] else ()
        return draw(generator(self._seed, epoch, step, i), len(images), size, *seen)

    def __call__(
        self, x: Tensor, labels: Tensor, epoch: int, step: int, images: np.ndarray | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw and apply; see `draw` and `apply`."""
        return self.apply(x, labels, self.draw(epoch, step, len(x), x.shape[-1], images))

    def apply(self, x: Tensor, labels: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """Augmented, normalized images (B, C, H, W) float32 channels-last and targets (B, classes) float32.

        Args:
            x: uint8 (B, C, H, W), preferably channels-last; never written to.
            labels: int64 (B,).
            draws: the result of `draw` for B images.
        """
        params = draws.on(x.device)
        y = torch.zeros(len(labels), self._num_classes, device=x.device).scatter_(1, labels[:, None], 1.0)
        for i in self._geometry:
            x, y = self._ops[i].apply(x, y, params[i])
        if self._image:
            x = self._planes(x)
            for i in self._image:
                x, y = self._ops[i].apply(x, y, params[i])
        x = self.normalize(x)
        for i in self._batch:
            x, y = self._ops[i].apply(x, y, params[i])
        return x, y

    def normalize(self, x: Tensor) -> Tensor:
        """Normalized images, float32 channels-last; evaluation needs nothing else.

        Args:
            x: uint8 (B, C, H, W), or float32 in [0, 1], which may be overwritten.
        """
        pixels = x.permute(0, 2, 3, 1)  # (B, H, W, C)
        rows = pixels.flatten(1).to(torch.float32)
        scale, shift = self._affine(x.device, x.shape[-1] * x.shape[-2])
        torch.addcmul(shift, rows, scale, value=1.0 if x.is_floating_point() else 1 / 255, out=rows)
        return rows.view(pixels.shape).permute(0, 3, 1, 2)

    def _affine(self, device: torch.device, pixels: int) -> Tensor:
        """Scale and shift (2, pixels * C) for every value of an image, made once per device and size.

        Broadcasting three values over the innermost dimension was 7 times slower on CPU.
        """
        if (device, pixels) not in self._constants:
            both = torch.tensor([self._scale, self._shift]).repeat(1, pixels)
            self._constants[device, pixels] = both.to(device)
        return self._constants[device, pixels]


def planes(x: Tensor) -> Tensor:
    """Convert uint8 (B, C, H, W) of any memory format to float32 in [0, 1], contiguous."""
    return x.to(torch.float32, memory_format=torch.contiguous_format).mul_(1 / 255)


def build_op(choice: Choice, catalog: Catalog, facts: Mapping[str, Any], compiler: Compiler | None = None) -> Op:
    """Build an op of a recipe, its nested ops first; with a compiler, float kernels are compiled.

    Args:
        facts: values by name; the op receives those that its constructor names as positional parameters.

    Raises:
        TypeError: the op asks for a fact that does not exist.
    """
    part = catalog.get("op", choice.name)
    if unknown := sorted(set(part.positional) - set(facts)):
        raise TypeError(f"{part.path}:{part.line}: an op can ask for {', '.join(facts)}, not for {', '.join(unknown)}")
    options = choice.options
    nested = member_lists(choice)
    for name, members in nested.items():
        options[name] = [build_op(member, catalog, facts, compiler) for member in members]
    op: Op = catalog.load(part)(**{name: facts[name] for name in part.positional}, **options)
    # Combinators branch on what was drawn, so only their members are compiled. Copying bytes gains nothing from
    # compilation, and `eager=True` marks a kernel that is faster without it.
    stays = nested or part.meta.get("geometry") or part.meta.get("eager")
    return CompiledOp(op, compiler) if compiler and not stays else op
