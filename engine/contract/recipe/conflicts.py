"""Conflicts between fields of a recipe that are valid one by one: found before anything starts, without torch."""

from __future__ import annotations

import math
from collections.abc import Collection

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.ops import members, stage, walk
from engine.contract.recipe.schema import Choice, Recipe


def conflicts(recipe: Recipe, catalog: Catalog) -> list[str]:
    """All conflicts in a recipe, one message each. No part ever silently overrides another."""
    problems = []
    present = {op.name for op in walk(recipe.augmentation)}
    whole = [choice.name for choice in recipe.augmentation if _takes_whole_batch(choice, catalog)]
    if len(whole) > 1:
        problems.append(f"augmentation: {' and '.join(whole)} both mix the whole batch; put them in one `choice`")
    for choice in recipe.augmentation:
        problems += _op_conflicts(choice, present, catalog)
    problems += _schedule_conflicts(recipe)
    problems += _batches(recipe, catalog)
    problems += _ghost_batches(recipe)
    problems += _lonely_images(recipe, catalog)
    problems += _smaller_images(recipe, catalog)
    problems += _averaged_weights(recipe)
    problems += _selection(recipe)
    problems += _sharpness_conflicts(recipe, catalog)
    problems += _decay_conflicts(recipe, catalog)
    problems += _graph_conflicts(recipe)
    seen_batch_op = ""
    for choice in recipe.augmentation:
        if stage(choice, catalog) == "batch":
            seen_batch_op = choice.name
        elif seen_batch_op:
            problems.append(f"augmentation: {choice.name} works on single images and must come before {seen_batch_op}")
    return problems + _data_conflicts(recipe, present, catalog)


def _sharpness_conflicts(recipe: Recipe, catalog: Catalog) -> list[str]:
    """A sharpness-aware step computes the gradient twice, through the closure of `step`."""
    sharpness = recipe.optimizer.options["sharpness"]
    if sharpness == "off" or catalog.get("optimizer", recipe.optimizer.name).meta.get("closure", True):
        return []
    which = f"{sharpness} needs two gradients per step, but {recipe.optimizer.name} takes no closure to compute them"
    return [f"optimizer.sharpness: {which}; set it to off or choose another optimizer"]


def _decay_conflicts(recipe: Recipe, catalog: Catalog) -> list[str]:
    """Weight decay can be independent of the learning rate only if a step takes off their product times the weight."""
    name = recipe.optimizer.name
    if recipe.optimizer.options["independent_decay"] and catalog.get("optimizer", name).meta.get("rescales_decay"):
        return [f"optimizer.independent_decay: {name} rescales the decay with the gradient; choose another optimizer"]
    return []


def ungraphable(recipe: Recipe) -> str:
    """Why a training step cannot be one CUDA graph, which repeats the same kernels each time; "" if it can."""
    optimizer = recipe.optimizer.options
    reasons = {
        "compute.deterministic is on": recipe.compute.deterministic,
        "compute.accumulate splits each batch into parts": recipe.compute.accumulate > 1,
        f"optimizer.sharpness = {optimizer['sharpness']} takes two passes per step": optimizer["sharpness"] != "off",
        "optimizer.lookahead does not do the same work in every step": optimizer["lookahead"] > 0,
        "schedule.momentum_low changes the momentum": recipe.schedule.options["momentum_low"] > 0,
        f"loss = {recipe.loss.name} runs a teacher": "teacher" in recipe.loss.options,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _graph_conflicts(recipe: Recipe) -> list[str]:
    """A CUDA graph is requested but not possible."""
    reason = ungraphable(recipe) if recipe.compute.graph == "on" else ""
    return [f'compute.graph: {reason}; set compute.graph to "auto" or "off"'] if reason else []


def _data_conflicts(recipe: Recipe, ops: Collection[str], catalog: Catalog) -> list[str]:
    """What the images of the data set do not allow. A data set without the fact `channels` has three."""
    data = recipe.data
    try:
        channels = int(catalog.get("dataset", data.name).meta.get("channels", 3))
    except BadInput as error:
        return [f"data.name: {problem}" for problem in error.problems]
    problems = []
    for field, values in (("mean", data.mean), ("std", data.std)):
        if data.normalize != "given" and values:
            problems.append(f'data.{field}: only used with data.normalize = "given", not {data.normalize!r}')
        elif data.normalize == "given" and len(values) != channels:
            problems.append(f"data.{field}: got {len(values)} values, needs {channels}, one per channel")
    problems += [f"data.std: got {value:g}, needs > 0" for value in data.std if value <= 0]
    if channels == 1:
        problems += [
            f"augmentation: {name} changes colors, but the images of {data.name} are gray; drop it"
            for name in sorted(ops)
            if catalog.get("op", name).meta.get("colour")
        ]
    model = catalog.get("model", recipe.model.name)
    if channels != 3 and model.positional and "in_channels" not in model.positional:
        problems.append(f"model: {model.name} takes images with 3 channels; those of {data.name} have {channels}")
    return problems


def _schedule_conflicts(recipe: Recipe) -> list[str]:
    """Whether the schedule fits the number of epochs and the optimizer."""
    problems = []
    epochs, options = recipe.epochs, recipe.schedule.options
    warmup, offset, low = options["warmup"], options["offset"], options["momentum_low"]
    if warmup >= epochs and warmup > 0:
        length = "1 epoch" if epochs == 1 else f"{epochs} epochs"
        problems.append(f"schedule.warmup: {warmup:g} epochs of warm-up do not fit into {length}; use fewer (0 is off)")
    if offset >= epochs:
        problems.append(f"schedule.offset: got {offset}, needs < {epochs}, the number of epochs")
    if options["by"] == "epoch" and warmup > 0 and options["warmup_start"] == 0 and not offset:
        problems.append(
            'schedule.warmup_start = 0 with schedule.by = "epoch" gives the whole first epoch a learning rate of 0;'
            ' set warmup_start above 0, offset = 1 or by = "step"'
        )
    if low:
        name = recipe.optimizer.name
        own = next((key for key in ("momentum", "beta1") if key in recipe.optimizer.options), "")
        if not own:
            problems.append(f"schedule.momentum_low: {name} has no momentum; set it to 0")
        elif low >= recipe.optimizer.options[own]:
            highest = recipe.optimizer.options[own]
            problems.append(f"schedule.momentum_low: got {low:g}, needs < {highest:g}, the {own} of {name}")
    return problems


def _batches(recipe: Recipe, catalog: Catalog) -> list[str]:
    """Whether a batch can be split into its parts and is not clearly larger than the training set.

    The number of images that a fraction leaves is rounded per class, so a close case is left to the trainer.
    """
    problems, data = [], recipe.data
    if recipe.compute.accumulate > recipe.batch_size:
        batch = f"batch_size = {recipe.batch_size}, which is split into this many parts"
        problems.append(f"compute.accumulate: got {recipe.compute.accumulate}, needs <= {batch}")
    meta = catalog.get("dataset", data.name).meta if data.name in catalog.names("dataset") else {}
    part = data.fraction * (1 - data.holdout)
    if data.train_slice != "all":
        part *= float(data.train_slice.removeprefix("first:"))
    images = part * meta.get("train_images", float("inf"))
    if recipe.batch_size > images + meta.get("classes", 0):
        left = f"only about {images:,.0f} training images of {data.name} are left"
        problems.append(f"batch_size: got {recipe.batch_size}, but {left}; use a smaller batch or more training images")
    return problems


def _ghost_batches(recipe: Recipe) -> list[str]:
    """Whether the ghost batches of batch norm evenly divide the batches that the model gets."""
    images = recipe.model.options.get("ghost_batch", 0)
    if images == 1:
        return ["model.ghost_batch: got 1, needs at least 2 images to compute a variance; 0 is off"]
    seen, over = divmod(recipe.batch_size, recipe.compute.accumulate)
    if images and (over or seen % images):
        parts = f" in {recipe.compute.accumulate} parts" * (recipe.compute.accumulate > 1)
        return [f"model.ghost_batch: {images} does not divide a batch of {recipe.batch_size}{parts}"]
    return []


def _lonely_images(recipe: Recipe, catalog: Catalog) -> list[str]:
    """Whether a net that normalizes maps of 1x1 px gets a single image, as far as images can be counted here."""
    if not catalog.get("model", recipe.model.name).meta.get("single_pixels"):
        return []
    data = recipe.data
    meta = catalog.get("dataset", data.name).meta if data.name in catalog.names("dataset") else {}
    whole = data.fraction == 1 and not data.holdout and data.train_slice == "all"
    alone = lonely(recipe, meta.get("train_images", 0) if whole else 0)
    return [single_pixels(recipe, alone)] if alone else []


def lonely(recipe: Recipe, images: int) -> str:
    """Why a forward pass of training would get a single image, and what to change; "" if none would.

    Args:
        images: number of training images; 0 if unknown, and the last batch is then not checked.
    """
    batch, parts = recipe.batch_size, recipe.compute.accumulate
    if batch == 1:
        return "batch_size = 1; use 2 or more"
    if _smallest_part(batch, parts) == 1:
        return f"compute.accumulate = {parts} splits a batch of {batch} into parts as small as 1; use fewer"
    left = images % batch if recipe.last_batch == "keep" else 0
    if left and _smallest_part(left, parts) == 1:
        return f'the last batch of {images:,} images has {left}, and a part of it only 1; use last_batch = "drop"'
    return ""


def single_pixels(recipe: Recipe, alone: str) -> str:
    """The error message for the reason that `lonely` returned."""
    return f"model: {recipe.model.name} normalizes maps of 1x1 px, which needs at least two images: {alone}"


def _smallest_part(images: int, parts: int) -> int:
    """Size of the smallest part of a batch as `torch.chunk` splits it: parts of equal size and the rest."""
    size = -(-images // parts)
    return images % size or size


def _op_conflicts(choice: Choice, present: Collection[str], catalog: Catalog) -> list[str]:
    """Conflicts of an op, or of any op inside it, with the ops that are `present`."""
    meta, problems = catalog.get("op", choice.name).meta, []
    consent = meta.get("conflicts_unless", "")
    if not choice.options.get(consent):
        way_out = f", or set {choice.name}.{consent}" if consent else ""
        problems += [
            f"augmentation: {choice.name} cannot be combined with {other}; drop one of them{way_out}"
            for other in meta.get("conflicts", ())
            if other in present
        ]
    for item in members(choice):
        if catalog.get("op", item.name).meta.get("by_image"):
            problems.append(
                f"augmentation: {item.name} depends on what happened to each image in the previous epoch, but "
                f"{choice.name} picks images at random; use {item.name} on its own"
            )
        problems += _op_conflicts(item, present, catalog)
    return problems


def _smaller_images(recipe: Recipe, catalog: Catalog) -> list[str]:
    """Whether images that are resized or cropped become smaller than those of the data set, and for how long."""
    config, name = recipe.resizing, recipe.data.name
    meta = catalog.get("dataset", name).meta if name in catalog.names("dataset") else {}
    width = meta.get("image_size", math.inf)
    problems = [
        f"resizing.{key}: got {size}, needs < {width}, the width of the images of {name} in px (0 is off)"
        for key, size in (("start", config.start), ("crop", config.crop))
        if size >= width
    ]
    if config.start and config.crop and config.crop_until <= config.until:
        problems.append(
            f"resizing.crop_until: got {config.crop_until:g}, needs > {config.until:g} (resizing.until), since images "
            "are cropped only after they are no longer resized"
        )
    return problems


def _averaged_weights(recipe: Recipe) -> list[str]:
    """Whether stochastic weight averaging has more than one set of weights to average."""
    if recipe.averaging.name != "swa":
        return []
    start, every = recipe.averaging.options["start"], recipe.averaging.options["every"]
    span = (1 - start) * recipe.epochs
    if every <= span:
        return []
    last = f"the last {span:g} of {recipe.epochs} epochs (averaging.start = {start:g})"
    return [f"averaging.every: got {every:g}, more than {last}: nothing would be averaged"]


def _selection(recipe: Recipe) -> list[str]:
    """Whether there is a best epoch to select with the hold-out images."""
    if recipe.evaluate.every or not recipe.data.holdout:
        return []
    once = "evaluate.every = 0 tests only after the last epoch and selects none"
    return [f"data.holdout: holds out images to select the best epoch on, but {once}; use only one of the two"]


def _takes_whole_batch(choice: Choice, catalog: Catalog) -> bool:
    """Whether an op, or any that it is made of, is marked as one that mixes the whole batch."""
    return any(catalog.get("op", op.name).meta.get("whole_batch") for op in walk([choice]))
