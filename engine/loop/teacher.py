"""A teacher at work: a finished run's model that looks at the student's own augmented batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run import own_code
from engine.contract.run.folder import RunFolder
from engine.contract.run.teacher import FIELD, hired, is_taught
from engine.data.load import DataSet, load
from engine.loop.checkpoint_files import UNREADABLE, load_weights
from engine.loop.layout import memory_format, place
from engine.models.build import build_model


class Teacher(nn.Module):
    """A model in evaluation that takes images as its student's are normalised, and gives logits without a gradient.

    Args:
        own, student: mean and standard deviation per channel, of pixels in 0..1, of the images that the model has
            learned and of those that it will be shown.
        about: who it is, in a line for people.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        model: nn.Module,
        own: tuple[tuple[float, ...], tuple[float, ...]],
        student: tuple[tuple[float, ...], tuple[float, ...]],
        about: str = "",
    ) -> None:
        super().__init__()
        self.about = about
        self.model = model
        (mean, std), (seen_mean, seen_std) = (map(torch.tensor, pair) for pair in (own, student))
        self.register_buffer("scale", (seen_std / std).view(1, -1, 1, 1))
        self.register_buffer("shift", ((seen_mean - mean) / std).view(1, -1, 1, 1))
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, classes)
        logits: Tensor = self.model(torch.addcmul(self.shift, x, self.scale))
        return logits


def load_teachers(
    recipe: Recipe, run: RunFolder, data: DataSet, *, data_dir: str, device: torch.device, parts: Catalog
) -> tuple[Teacher, ...]:
    """The teacher that a run was made with, on the device in its student's memory layout; none where it has none.

    It is built from its own recipe and parts and gets the weights that its run is judged by: those of the last epoch,
    averaged where it averaged. Random numbers are drawn, so this comes before the student is seeded.

    Args:
        data: the student's.
        data_dir: where the teacher's data are measured, if it normalised its images in another way.

    Raises:
        BadInput: it is gone, damaged or not the same any more, has learned other classes, or brings code along that
            nobody has agreed to.
    """
    if not is_taught(recipe, parts):
        return ()
    teacher, folder = hired(run)
    own_code.check(folder)
    own_parts = catalog(tuple(own_code.code_of(folder)))
    own = folder.recipe(own_parts)
    if own.data.model_dump() == recipe.data.model_dump():
        measured = data
    else:
        measured = load(own.data, data_dir, lambda name, note: None, parts)
    if measured.classes != data.classes:
        raise BadInput(f"{FIELD}: run {teacher.id} learned other classes: {', '.join(measured.classes)}")
    model = build_model(
        own.model,
        num_classes=len(data.classes),
        in_channels=data.channels,
        image_size=data.image_size,
        catalog=own_parts,
    )
    try:
        weights = load_weights(folder.checkpoints)
        model.load_state_dict(weights["model"])
    except UNREADABLE as error:
        raise BadInput(f"{FIELD}: the weights of run {teacher.id} cannot be read: {error}") from error
    about = f"teacher {teacher.id}: {teacher.model}, {teacher.weights} weights of epoch {teacher.epoch}"
    whole = Teacher(model, (measured.mean, measured.std), (data.mean, data.std), about)
    return (place(whole, device, memory_format(recipe.compute.channels_last)),)
