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
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engine.contract.recipe.option_types import Bool, Float, Int, Rule
from engine.contract.text import escaped

NOT_HASHED: Final = ("title", "description", "promise")
PIN: Final = "@sha256:"
"""What stands between the place of initial weights and their SHA-256 in `Recipe.init_from`."""

YOUNGER: Final[dict[tuple[str, str], Any]] = {
    ("compute", "graph"): "auto",
    ("optimizer", "independent_decay"): False,
    ("optimizer", "groups"): [],
    ("optimizer", "lookahead_alpha_end"): 0.0,
    ("optimizer", "lookahead_buffers"): False,
}
"""Fields added after 0.1.0, with the value at which they are not hashed, so that existing ids do not change."""

YOUNGER_VALUES: Final[dict[tuple[str, str], tuple[Any, Any]]] = {("compute", "compile"): ("auto", "off")}
"""Defaults changed after 0.1.0, with the 0.1.0 default that they are hashed as, for the same reason."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, defer_build=True)


class Choice(BaseModel):
    """A part chosen by name with all of its options, validated. Nested ops are Choices, as in `options["of"]`."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.__pydantic_extra__ or {})

    def __hash__(self) -> int:
        return hash(json.dumps(self.table(), sort_keys=True))

    def table(self) -> dict[str, Any]:
        """The plain TOML table: name and options, with nested ops as tables."""
        return {"name": self.name} | {key: _plain(value) for key, value in self.options.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Choice):
        return value.table()
    if isinstance(value, Rule):
        return value.model_dump()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class Promise(_Closed):
    """The accuracy that a recipe should reach: reported by its source, or measured by us in repeatable runs."""

    accuracy: Annotated[Float, Field(ge=0, le=1)]
    """Test accuracy, 0..1."""
    spread: Annotated[Float, Field(ge=0, le=1)] = 0.0
    """Standard deviation over seeds; 0 where n is 1."""
    tta: Literal["off", "flip", "crops"] = "off"
    """The test-time augmentation, as in `evaluate.tta`, of `tta_accuracy`; the other figures are without it."""
    tta_accuracy: Annotated[Float, Field(ge=0, le=1)] = 0.0
    """Test accuracy of the averaged views, 0..1, in the same runs; 0 with `tta` off."""
    tta_spread: Annotated[Float, Field(ge=0, le=1)] = 0.0
    """Standard deviation of `tta_accuracy` over seeds; 0 where n is 1."""
    runs: Annotated[Int, Field(ge=0)] = 1
    """Number of runs behind the figure; 0 for a target that has not been measured yet."""
    selection: Literal["last", "best_on_test", "best_on_holdout", "unknown"] = "last"
    """Which epoch the figure comes from."""
    source: str
    """"measured" for our own runs, else who reported the figure and where."""
    minutes: Annotated[Float, Field(ge=0)] = 0.0
    """Wall-clock time of one run, in minutes; 0 if unknown."""
    device: str = ""
    """Device that it ran on."""

    @model_validator(mode="after")
    def _views_have_a_figure(self) -> Promise:
        if (self.tta == "off") != (self.tta_accuracy == 0):
            raise ValueError("tta and tta_accuracy belong together: give both or neither")
        return self


def _first_part(value: str) -> str:
    """A slice in canonical form, so that `first:.50` and `first:0.5` are the same recipe."""
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


def _whole(value: float) -> float:
    """A whole number as an int, so that 9 and 9.0 epochs are the same recipe, hashed and written as 9."""
    return int(value) if value.is_integer() else value


_GIVEN: Final[dict[str, Any]] = {"needs": "normalize=given"}  # for forms: see `Param.needs`


class DataConfig(_Closed):
    """Which images, and how many of them."""

    name: str = "cifar10"
    """The data set."""
    fraction: Annotated[Float, Field(gt=0, le=1)] = 1.0
    """Fraction of the training images to use, the same of every class; the test set stays complete."""
    holdout: Annotated[Float, Field(ge=0, lt=1)] = 0.0
    """Fraction of the training images held out to select the best epoch on."""
    split_seed: Annotated[Int, Field(ge=0, lt=2**63)] = 0
    """Seed for drawing the fraction and the hold-out."""
    normalize: Literal["train", "test", "none", "given"] = "train"
    """Source of the mean and standard deviation for normalization; test and given are for repeating published runs."""
    mean: Annotated[tuple[Float, ...], Field(json_schema_extra=_GIVEN)] = ()
    """Mean of each channel for normalize = "given", for pixels in 0..1."""
    std: Annotated[tuple[Float, ...], Field(json_schema_extra=_GIVEN)] = ()
    """Standard deviation of each channel for normalize = "given", for pixels in 0..1."""
    train_slice: Slice = "all"
    """"all", or "first:0.5" for only the first half of the training images in file order; the fraction is of these."""
    test_slice: Slice = "all"
    """The same for the test images; only for repeating published runs that were tested on a subset."""


class ComputeConfig(_Closed):
    """How the computation is done."""

    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """bf16 autocast or fp32; auto uses the faster one in a short benchmark."""
    channels_last: Bool = True
    """Keep images in channels-last (NHWC) memory format, usually faster for convolutions."""
    compile: Literal["auto", "off", "default", "max-autotune"] = "auto"
    """torch.compile mode for model, loss and augmentation; auto compiles the model in long runs on a GPU."""
    graph: Literal["auto", "on", "off"] = "auto"
    """Run each training step as one CUDA graph; auto does so where it is known to be safe. CUDA only."""
    deterministic: Bool = False
    """Use only deterministic algorithms, which give bit-identical results; slower on a GPU."""
    accumulate: Annotated[Int, Field(ge=1, le=1024)] = 1
    """Split each batch into this many parts and accumulate their gradients, to use less memory."""


class EvaluateConfig(_Closed):
    """When the model is evaluated."""

    every: Annotated[Int, Field(ge=0)] = 1
    """Evaluate on the test set (and the hold-out) every this many epochs, and always after the last one; 0 tests only
    once, after the last epoch, and selects no best epoch."""
    train_every: Annotated[Int, Field(ge=0)] = 0
    """Also evaluate on the training images, without augmentation, every this many epochs; 0 is off."""
    tta: Literal["off", "flip", "crops"] = "off"
    """Also report test accuracy over several views of each image: flip averages it with its mirror image, crops with
    shifted ones too."""


class ResizingConfig(_Closed):
    """Smaller training images, which cost less; evaluation always sees the full size."""

    start: Annotated[Int, Field(ge=0, le=1024)] = 0
    """Width and height in px of the first training images, after augmentation; 0 trains at full size throughout."""
    until: Annotated[Float, Field(gt=0, le=1)] = 0.5
    """Fraction of the training after which images have their full size."""
    increment: Annotated[Int, Field(ge=1, le=1024)] = 4
    """By how many px the size grows at a time; all sizes before the full one last equally long."""
    crop: Annotated[Int, Field(ge=0, le=1024)] = 0
    """Width and height in px of the central part of the augmented image on which training goes on once it no longer
    resizes; 0 trains on whole images."""
    crop_until: Annotated[Float, Field(gt=0, le=1)] = 0.9
    """Fraction of the training after which images are whole."""


class HardExamplesConfig(_Closed):
    """Training on the images with the largest losses only, from some epoch on."""

    keep: Annotated[Float, Field(gt=0, le=1)] = 1.0
    """Fraction of the training images that a pass visits: those with the largest latest losses. An epoch keeps its
    number of steps and makes several passes. 1 trains on all images throughout."""
    start: Annotated[Float, Field(ge=0, lt=1)] = 0.5
    """Fraction of the training after which the next epoch begins to leave images out."""


class Recipe(_Closed):
    """Everything that can affect the weights, except the seed."""

    title: str = ""
    """Title for lists, on one line."""
    description: str = ""
    """Its purpose, and where its numbers come from."""
    promise: Promise | None = None
    """The accuracy that it should reach."""
    epochs: Annotated[Float, Field(ge=1, le=1_000_000), AfterValidator(_whole)]
    """Passes over the training images. A fraction such as 9.9 ends with a short epoch, which counts as one: the number
    of steps is that of one epoch times this, rounded."""
    batch_size: Annotated[Int, Field(ge=1, le=1_000_000)]
    """Images per step, over all devices together."""
    last_batch: Literal["drop", "keep"] = "drop"
    """Drop or keep the last, incomplete batch of an epoch; dropping leaves out different images each epoch."""
    init_from: str = ""
    """Weights to start from: a run (RUN, RUN:best or RUN:ema) or a file; if empty, random ones drawn from the seed."""
    data: DataConfig
    model: Choice
    augmentation: tuple[Choice, ...]
    optimizer: Choice
    schedule: Choice
    loss: Choice
    averaging: Choice
    compute: ComputeConfig
    evaluate: EvaluateConfig
    resizing: ResizingConfig = ResizingConfig()
    hard_examples: HardExamplesConfig = HardExamplesConfig()

    @cached_property
    def recipe_id(self) -> str:
        """SHA-256 of the canonical JSON, without title, description and promise. Runs are grouped by it.

        Fields added after 0.1.0 do not change it at their default (`YOUNGER`, `YOUNGER_VALUES`).
        """
        table = {key: value for key, value in self.to_table().items() if key not in NOT_HASHED}
        for (section, field), neutral in YOUNGER.items():
            if table[section][field] == neutral:
                del table[section][field]
        if pin := table.get("init_from", "").partition(PIN)[2]:
            table["init_from"] = pin  # the same weights in another place are the same recipe
        if not self.resizing.crop:
            del table["resizing"]["crop"], table["resizing"]["crop_until"]
        if not self.resizing.start and not self.resizing.crop:
            del table["resizing"]
        if table["hard_examples"]["keep"] == 1:
            del table["hard_examples"]
        for (section, field), (younger, older) in YOUNGER_VALUES.items():
            if table[section][field] == younger:
                table[section][field] = older
        canonical = json.dumps(table, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_table(self) -> dict[str, Any]:
        """The resolved recipe as a plain table, which is a valid preset."""
        table: dict[str, Any] = {}
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, Choice | tuple):
                table[key] = _plain(value)
            elif isinstance(value, BaseModel):
                table[key] = value.model_dump(mode="json")  # tuples become lists, as in TOML
            elif value is not None and value != "":
                table[key] = value
        return table

    def to_toml(self) -> str:
        """The resolved recipe as TOML text, with control and reordering characters escaped."""
        return escaped(tomli_w.dumps(self.to_table()))


_SLURM: Final[dict[str, Any]] = {"needs": "launcher=slurm"}
_COMMAND: Final[dict[str, Any]] = {"needs": "launcher=command"}
_JOB: Final[dict[str, Any]] = {"needs": "launcher=slurm|command"}
WORD: Final = r"^[!-~]*$"
"""A value in the header of a job script: printable, and without spaces."""


class Placement(_Closed):
    """Where and how a run is executed. Nothing here affects the weights, and a resume may change all of it."""

    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    """auto, cpu, mps, cuda or cuda:N."""
    gpus: Annotated[Int, Field(ge=1, le=64)] = 1
    """Number of GPUs that one run uses; with `nodes`, of all its nodes together."""
    nodes: Annotated[Int, Field(ge=1, le=64, json_schema_extra=_SLURM)] = 1
    """Number of Slurm nodes that one run uses, each with an equal part of the GPUs."""
    threads: Annotated[Int, Field(ge=0, le=4096)] = 0
    """CPU threads; 0 uses all available cores."""
    data_dir: str = ""
    """Folder with the data set; if empty, $CIFAR_TUI_DATA or the user's data folder."""
    name: str = ""
    """Name of the run, for display."""
    tags: tuple[str, ...] = ()
    """Tags to find the run by."""
    wait_free_gb: Annotated[Float, Field(ge=0)] = 0.0
    """Wait until the GPU has this much free memory, in GB; 0 does not wait."""
    share: Literal["private", "group"] = "private"
    """Who may read the run folder."""
    keep: Literal["all", "resumable", "weights", "none"] = "weights"
    """Which checkpoint files to keep when the run has finished."""
    parts: tuple[str, ...] = ()
    """Files with the user's own parts."""
    tensorboard: Bool = False
    """Also write event files for TensorBoard into the run folder while training."""
    launcher: Literal["local", "slurm", "command"] = "local"
    """What starts the run: this machine, Slurm, or a command of the user's own."""
    partition: str = Field("", pattern=WORD, json_schema_extra=_SLURM)
    """Slurm partition; if empty, the cluster's default."""
    account: str = Field("", pattern=WORD, json_schema_extra=_SLURM)
    """Account that Slurm charges; if empty, the user's default."""
    qos: str = Field("", pattern=WORD, json_schema_extra=_SLURM)
    """Slurm quality of service; if empty, the default."""
    time: str = Field("", pattern=r"^(\d+|\d+(:\d\d){1,2}|\d+-\d+(:\d\d){0,2})?$", json_schema_extra=_SLURM)
    """Time limit of a job as Slurm writes it, such as 90 (minutes), 4:00:00 or 1-12; if empty, the partition's."""
    cpus: Annotated[Int, Field(ge=0, le=4096, json_schema_extra=_JOB)] = 0
    """CPU cores of a job on each of its nodes; 0 takes the scheduler's default."""
    memory: str = Field("", pattern=r"^(\d+[KMGT]?)?$", json_schema_extra=_SLURM)
    """Memory of a job on each of its nodes, such as 16G; if empty, the scheduler's default."""
    constraint: str = Field("", pattern=WORD, json_schema_extra=_SLURM)
    """Features that the node of a job must have, as Slurm's --constraint takes them."""
    sbatch: str = Field("", pattern=r"^[^\r\n\x00]*$", json_schema_extra=_SLURM)
    """Further options of sbatch, separated by spaces."""
    setup: str = Field("", pattern=r"^[^\x00]*$", json_schema_extra=_JOB)
    """Shell commands that a job runs before the run, such as `module load cuda`."""
    resubmit: Annotated[Int, Field(ge=0, le=1000, json_schema_extra=_SLURM)] = 3
    """How many times a job that was preempted or reached its time limit submits itself again."""
    template: str = Field("", pattern=r"^[^\r\n\x00]*$", json_schema_extra=_COMMAND)
    """Command that hands the run over to another machine or scheduler, with {run} in it."""
