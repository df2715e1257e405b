"""The recipe: all that can change the weights except the seed, and the placement: all that cannot.

One closed schema feeds TOML files, `--set`, the forms, the JSON schema and the docs. A `Recipe` is always resolved:
every default is filled in, so it can be stored, hashed and run again. Tables from users pass through
`engine.contract.recipe.resolve`, which reports every problem at once with its place and the nearest valid name.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.contract.recipe.params import Bool, Float, Int, Param
from engine.contract.text import escaped

NOT_HASHED: Final = ("title", "description", "promise")

YOUNGER: Final[dict[tuple[str, str], Any]] = {("compute", "graph"): "auto"}
"""Fields that came after 0.1.0, with the value at which they are not hashed: who leaves them alone keeps their ids."""

YOUNGER_VALUES: Final[dict[tuple[str, str], tuple[Any, Any]]] = {("compute", "compile"): ("auto", "off")}
"""Defaults that came after 0.1.0, with the default of 0.1.0 that they are hashed as, for the same reason."""

COMMON: Final[dict[str, tuple[Param, ...]]] = {
    "model": (
        Param(
            "reinit",
            "choice",
            "off",
            "draw the weights of convolutions and linear layers anew by this rule",
            choices=("off", "kaiming", "xavier", "orthogonal", "dirac"),
        ),
        Param("ghost_batch", "int", 0, "images that batch norm takes together; 0 is the whole batch", ge=0),
    ),
    "optimizer": (
        Param("decay_norm_bias", "bool", True, "apply weight decay to norm layers and biases as well"),
        Param("clip_norm", "float", 0.0, "clip the gradient to this global L2 norm; 0 is off", ge=0.0),
        Param("sharpness", "choice", "off", "sharpness-aware steps, at twice the cost", choices=("off", "sam", "asam")),
        Param(
            "rho",
            "float",
            0.0,
            "radius that they look around; 0 takes 0.05 for SAM, 0.5 for ASAM",
            ge=0.0,
            needs="sharpness",
        ),
        Param(
            "eta", "float", 0.01, "added to the weights' size where ASAM scales by it", ge=0.0, needs="sharpness=asam"
        ),
        Param("lookahead", "int", 0, "steps between Lookahead's slow weights; 0 is off", ge=0, le=1_000_000),
        Param(
            "lookahead_alpha",
            "float",
            0.5,
            "how far the slow weights follow each time",
            gt=0.0,
            le=1.0,
            needs="lookahead",
        ),
    ),
    "schedule": (
        Param("warmup", "float", 0.0, "linear warm-up in front of the schedule", ge=0.0, unit="epochs"),
        Param(
            "warmup_start",
            "float",
            0.0,
            "where the warm-up begins, as a part of the peak",
            ge=0.0,
            le=1.0,
            needs="warmup",
        ),
        Param(
            "warmup_kind",
            "choice",
            "prepended",
            "the curve runs over what the warm-up leaves, over all epochs, or after it at the pace of all epochs",
            choices=("prepended", "overlaid", "gradual"),
            needs="warmup",
        ),
        Param("by", "choice", "step", "move the learning rate every step or every epoch", choices=("step", "epoch")),
        Param(
            "offset",
            "int",
            0,
            "added to the count of epochs: 1 where a source stepped before the epoch",
            ge=0,
            unit="epochs",
        ),
        Param("momentum_low", "float", 0.0, "momentum at the peak of the learning rate; 0 is off", ge=0.0, lt=1.0),
    ),
}


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, defer_build=True)


class Choice(BaseModel):
    """A part picked by name with all its options, checked and filled in. Nested ops are Choices in `options["of"]`."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.__pydantic_extra__ or {})

    def __hash__(self) -> int:
        return hash(json.dumps(self.table(), sort_keys=True))

    def table(self) -> dict[str, Any]:
        """The plain TOML table: name and options, nested ops as tables."""
        return {"name": self.name} | {key: _plain(value) for key, value in self.options.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Choice):
        return value.table()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class Promise(_Closed):
    """What a recipe is said to reach: reported by its source, or measured by us in runs that can be repeated."""

    accuracy: Annotated[Float, Field(ge=0, le=1)]
    """Test accuracy, 0..1."""
    spread: Annotated[Float, Field(ge=0, le=1)] = 0.0
    """Standard deviation over seeds; 0 where n is 1."""
    runs: Annotated[Int, Field(ge=0)] = 1
    """How many runs the figure stands on; 0 for a target that nobody has measured yet."""
    selection: Literal["last", "best_on_test", "best_on_holdout", "unknown"] = "last"
    """Which epoch the figure is of."""
    source: str
    """"measured" for our own runs, else who reported it and where."""
    minutes: Annotated[Float, Field(ge=0)] = 0.0
    """Wall time of one run; 0 where it is not known."""
    device: str = ""
    """What it ran on."""


def _first_part(value: str) -> str:
    """A slice in its one form, so that `first:.50` and `first:0.5` are the same recipe."""
    if value == "all":
        return value
    try:
        part = float(value.removeprefix("first:"))
    except ValueError:
        part = 0.0
    if not (value.startswith("first:") and 0 < part < 1):
        raise ValueError('"all" or "first:X" with 0 < X < 1')
    return f"first:{part!r}"


Slice = Annotated[str, AfterValidator(_first_part)]


_GIVEN: Final[dict[str, Any]] = {"needs": "normalize=given"}  # what forms know of a field; `Param.needs`


class DataConfig(_Closed):
    """Which images, and how much of them."""

    name: str = "cifar10"
    """The data set."""
    fraction: Annotated[Float, Field(gt=0, le=1)] = 1.0
    """Part of the training images used, the same part of every class; the test set stays whole."""
    holdout: Annotated[Float, Field(ge=0, lt=1)] = 0.0
    """Part of the training images kept aside to select the best epoch on."""
    split_seed: Annotated[Int, Field(ge=0, lt=2**63)] = 0
    """Seed of the fraction and the hold-out."""
    normalize: Literal["train", "test", "none", "given"] = "train"
    """Whose mean and standard deviation normalise the images; test and given are there to repeat a published run."""
    mean: Annotated[tuple[Float, ...], Field(json_schema_extra=_GIVEN)] = ()
    """With normalize = "given": the mean of each channel, for pixels in 0..1."""
    std: Annotated[tuple[Float, ...], Field(json_schema_extra=_GIVEN)] = ()
    """With normalize = "given": the standard deviation of each channel, for pixels in 0..1."""
    train_slice: Slice = "all"
    """"all", or "first:0.5": only that first part of the training images, as they come; the fraction is of these."""
    test_slice: Slice = "all"
    """The same of the test images: only to repeat a published run that was tested on a part of them."""


class ComputeConfig(_Closed):
    """How the arithmetic is done."""

    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """bf16 autocast or fp32; auto takes the faster one after a short probe."""
    channels_last: Bool = True
    """Keep images as NHWC in memory, which convolutions like."""
    compile: Literal["auto", "off", "default", "max-autotune"] = "auto"
    """torch.compile for model, loss and augmentation; auto compiles the model in long runs on a GPU."""
    graph: Literal["auto", "on", "off"] = "auto"
    """Launch a training step as one CUDA graph; auto does so wherever it is known to be safe. Only on CUDA."""
    deterministic: Bool = False
    """Only algorithms that give the same bits on every run; slower on a GPU."""
    accumulate: Annotated[Int, Field(ge=1, le=1024)] = 1
    """Split a batch into this many parts and add up their gradients, to fit a smaller memory."""


class EvaluateConfig(_Closed):
    """When the model is looked at."""

    every: Annotated[Int, Field(ge=1)] = 1
    """Evaluate on the test set (and hold-out) every so many epochs; the last one always."""
    train_every: Annotated[Int, Field(ge=0)] = 0
    """Also evaluate on the training images, unaugmented, every so many epochs; 0 is off."""
    tta: Literal["off", "flip", "crops"] = "off"
    """Test accuracy by the mean of several views, beside the plain one: the mirror image, or moved ones as well."""


class Recipe(_Closed):
    """Everything that can change the weights, except the seed."""

    title: str = ""
    """One line for lists."""
    description: str = ""
    """What it is for and where its numbers come from."""
    promise: Promise | None = None
    """What it is said to reach."""
    epochs: Annotated[Int, Field(ge=1, le=1_000_000)]
    """Passes over the training images."""
    batch_size: Annotated[Int, Field(ge=1, le=1_000_000)]
    """Images a step, over all devices together."""
    last_batch: Literal["drop", "keep"] = "drop"
    """What happens to the images that do not fill a last batch; dropping leaves out others each epoch."""
    data: DataConfig
    model: Choice
    augmentation: tuple[Choice, ...]
    optimizer: Choice
    schedule: Choice
    loss: Choice
    averaging: Choice
    compute: ComputeConfig
    evaluate: EvaluateConfig

    @cached_property
    def recipe_id(self) -> str:
        """SHA-256 of the canonical JSON, without title, description and promise: runs group by it.

        What is younger than 0.1.0 and left at its default does not change it (`YOUNGER`, `YOUNGER_VALUES`).
        """
        table = {key: value for key, value in self.to_table().items() if key not in NOT_HASHED}
        for (section, field), neutral in YOUNGER.items():
            if table[section][field] == neutral:
                del table[section][field]
        for (section, field), (younger, older) in YOUNGER_VALUES.items():
            if table[section][field] == younger:
                table[section][field] = older
        canonical = json.dumps(table, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_table(self) -> dict[str, Any]:
        """The resolved recipe as a plain table: a valid preset."""
        table: dict[str, Any] = {}
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, Choice | tuple):
                table[key] = _plain(value)
            elif isinstance(value, BaseModel):
                table[key] = value.model_dump(mode="json")  # lists, as TOML has them
            elif value is not None and (value != "" or key not in NOT_HASHED):
                table[key] = value
        return table

    def to_toml(self) -> str:
        """The resolved recipe as TOML text, in which nothing hides: control and reordering characters are escaped."""
        return escaped(tomli_w.dumps(self.to_table()))


class Placement(_Closed):
    """Where and how a run is carried out: nothing here changes the weights, and a resume may change all of it."""

    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    """auto, cpu, mps, cuda or cuda:N."""
    gpus: Annotated[Int, Field(ge=1, le=64)] = 1
    """How many GPUs of this machine the run uses."""
    threads: Annotated[Int, Field(ge=0, le=4096)] = 0
    """CPU threads; 0 takes all cores that this process may use."""
    data_dir: str = ""
    """Folder with the data set; empty takes $CIFAR_TUI_DATA, then the user's own."""
    name: str = ""
    """A name for people."""
    tags: tuple[str, ...] = ()
    """Words to find the run by."""
    wait_free_gb: Annotated[Float, Field(ge=0)] = 0.0
    """Wait until the GPU has this much free memory (GB); 0 does not wait."""
    share: Literal["private", "group"] = "private"
    """Who may read the run folder."""
    keep: Literal["all", "resumable", "weights", "none"] = "weights"
    """What stays of the checkpoints when the run has finished."""
    parts: tuple[str, ...] = ()
    """Files with parts of the user's own."""
