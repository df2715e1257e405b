"""The teacher of a distilled run: a finished run's model, applied to the student's own augmented batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run import own_code
from engine.contract.run.folder import RunFolder
from engine.contract.run.teacher import FIELD, is_distilled, teacher_of
from engine.data.load import DataSet, load
from engine.loop.checkpoint_files import UNREADABLE, load_weights
from engine.loop.layout import memory_format, place
from engine.models.build import build_model


class Teacher(nn.Module):
    """A model in eval mode that takes images normalized for its student, and returns logits without a gradient.

    Args:
        own, student: mean and standard deviation per channel, for pixels in 0..1, used to normalize the images that
            the model was trained on and those that it will receive.
        about: a description for the user.
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
    """The teacher of a distilled run, on the device in the student's memory format; empty for other runs.

    The model is built from the teacher's own recipe and parts. Its weights are those that the teacher's run was
    evaluated with in the last epoch: averaged ones if it used averaging. Building it draws random numbers, so this has
    to come before the student is seeded.

    Args:
        data: of the student.
        data_dir: folder of the data sets, in case the teacher used different normalization.

    Raises:
        BadInput: the teacher is missing, damaged or has changed, was trained on other classes, or contains code that
            has not been trusted.
    """
    if not is_distilled(recipe, parts):
        return ()
    teacher, folder = teacher_of(run)
    own_code.check(folder)
    own_parts = catalog(tuple(own_code.code_of(folder)))
    own = folder.recipe(own_parts)
    if own.data.model_dump() == recipe.data.model_dump():
        measured = data
    else:
        measured = load(own.data, data_dir, lambda name, note: None, parts)
    if measured.classes != data.classes:
        raise BadInput(f"{FIELD}: run {teacher.id} was trained on other classes: {', '.join(measured.classes)}")
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
