"""The options that every model, every optimizer and every schedule takes beside its own."""

from __future__ import annotations

from typing import Final

from engine.contract.recipe.params import RULES, Param

COMMON: Final[dict[str, tuple[Param, ...]]] = {
    "model": (
        Param(
            "reinit",
            "choice",
            "off",
            "reinitialize the weights of convolutions and linear layers with this rule",
            choices=("off", "kaiming", "xavier", "orthogonal", "dirac"),
        ),
        Param("ghost_batch", "int", 0, "images per batch-norm group (ghost batch norm); 0 is the whole batch", ge=0),
    ),
    "optimizer": (
        Param("decay_norm_bias", "bool", True, "apply weight decay to norm layers and biases as well"),
        Param(
            "independent_decay",
            "bool",
            False,
            "weight_decay is the decay of one step at the peak of the schedule, whatever the learning rate",
        ),
        Param(
            "groups",
            RULES,
            (),
            "rules for parameters by name: factors on learning rate and weight decay, and when they are frozen",
        ),
        Param("clip_norm", "float", 0.0, "clip the gradient to this global L2 norm; 0 is off", ge=0.0),
        Param(
            "sharpness",
            "choice",
            "off",
            "sharpness-aware steps, at twice the cost",
            choices=("off", "sam", "asam"),
        ),
        Param(
            "rho",
            "float",
            0.0,
            "neighborhood radius of SAM; 0 uses 0.05 for SAM, 0.5 for ASAM",
            ge=0.0,
            needs="sharpness",
        ),
        Param(
            "eta", "float", 0.01, "added to the weight magnitudes by which ASAM scales", ge=0.0, needs="sharpness=asam"
        ),
        Param("lookahead", "int", 0, "steps between updates of Lookahead's slow weights; 0 is off", ge=0, le=1_000_000),
        Param(
            "lookahead_alpha",
            "float",
            0.5,
            "fraction of the way that the slow weights move per update",
            gt=0.0,
            le=1.0,
            needs="lookahead",
        ),
        Param(
            "lookahead_alpha_end",
            "float",
            0.0,
            "that fraction at the end of the training, approached with the cube of the progress; 0 keeps it constant",
            ge=0.0,
            le=1.0,
            needs="lookahead",
        ),
        Param(
            "lookahead_buffers",
            "bool",
            False,
            "include float buffers, such as the statistics of batch norm, in the slow weights",
            needs="lookahead",
        ),
    ),
    "schedule": (
        Param("warmup", "float", 0.0, "length of the linear warm-up", ge=0.0, unit="epochs"),
        Param(
            "warmup_start",
            "float",
            0.0,
            "learning rate at the start of the warm-up, as a fraction of the peak",
            ge=0.0,
            le=1.0,
            needs="warmup",
        ),
        Param(
            "warmup_kind",
            "choice",
            "prepended",
            "whether the curve spans the epochs after the warm-up, all epochs, or follows it at the pace of all epochs",
            choices=("prepended", "overlaid", "gradual"),
            needs="warmup",
        ),
        Param("by", "choice", "step", "update the learning rate every step or every epoch", choices=("step", "epoch")),
        Param(
            "offset",
            "int",
            0,
            "added to the epoch count; 1 if the source code steps the schedule before each epoch",
            ge=0,
            unit="epochs",
        ),
        Param("momentum_low", "float", 0.0, "momentum at the peak of the learning rate; 0 is off", ge=0.0, lt=1.0),
    ),
}
