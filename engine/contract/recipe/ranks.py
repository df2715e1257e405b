"""Whether batches divide among the GPUs of a run, and GPUs among its nodes. Both change only where work is done."""

from __future__ import annotations

from engine.contract.recipe.schema import Placement, Recipe


def indivisible(recipe: Recipe, gpus: int, images: int = 0) -> str:
    """Why the batches cannot be divided among so many GPUs, and what would divide; "" if they can.

    Every part of a batch (with `compute.accumulate`) is divided equally, in whole ghost batches. The last batch of an
    epoch, which `last_batch = "keep"` makes smaller, may be divided unequally, unless the model has ghost batches;
    every GPU needs at least one image of each part.

    Args:
        images: training images; 0 if they are not known yet.
    """
    if gpus == 1:
        return ""
    size, cut = recipe.batch_size, recipe.compute.accumulate
    group = int(recipe.model.options.get("ghost_batch", 0)) or 1
    unit = cut * group * gpus
    if size % unit:
        lower = size // unit * unit
        nearest = f"{lower} and {lower + unit}" if lower else str(unit)
        within = "".join(
            text
            for text, used in (
                (f" in {cut} parts (compute.accumulate)", cut > 1),
                (f" in ghost batches of {group}", group > 1),
            )
            if used
        )
        return f"batch_size: {size}{within} does not divide among {gpus} GPUs; the nearest sizes are {nearest}"
    rest = images % size if recipe.last_batch == "keep" else 0
    if not rest:
        return ""
    part = -(-rest // cut)
    parts = [part] * (rest // part) + [rest % part] * bool(rest % part)
    if min(parts) < gpus or (group > 1 and any(images % (group * gpus) for images in parts)):
        return (
            f"last_batch: the last batch of an epoch has {rest} images, which do not divide among {gpus} GPUs; "
            'use last_batch = "drop"'
        )
    return ""


def not_on_nodes(placement: Placement) -> str:
    """Why a run cannot use the number of nodes in its placement; "" if it can."""
    nodes, gpus = placement.nodes, placement.gpus
    if nodes == 1:
        return ""
    if placement.launcher != "slurm":
        return f"nodes = {nodes}: only launcher slurm starts a run on several nodes, not {placement.launcher}"
    if gpus % nodes:
        lower = gpus // nodes * nodes
        nearest = f"numbers are {lower} and {lower + nodes}" if lower else f"number is {nodes}"
        return f"nodes = {nodes}: gpus = {gpus} does not divide among {nodes} nodes; the nearest {nearest}"
    return ""
