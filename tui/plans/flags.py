"""The flags of a run in one table, which the command line, drafts, repeated runs and the form all read.

To add a flag, add a row. `tui.commands.options` turns the rows into command-line options, `tui.plans.draft` reads their
values and writes the command that repeats a run, `tui.plans.again` parses such a command, and `tui.plans.placement`
gives the form its placement fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

TRAIN: Final = "train"
"""The command without a noun: `cifar-tui --preset NAME`."""
GRID: Final = "grid"
SUITE: Final = "suites run"
SWEEP: Final = "lr-find"
BATCHES: Final = (TRAIN, GRID, SUITE)
"""The commands that start runs."""

Target = Literal["preset", "part", "field", "sets", "add_ops", "drop_ops", "parts", "seeds", "place"]
"""Where a draft keeps the value of a flag.

preset, sets, add_ops, drop_ops, parts: in the attribute of that name.
part: the name of a model, augmentation or schedule.
field: the value of one recipe field; every other field goes through `--set`.
seeds: the seeds, as text.
place: a field of the placement, which never changes the weights.
"""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: how it is written, what it means, and what it sets."""

    name: str
    """The key of its value in the mapping that `from_flags` takes."""
    option: str
    target: Target
    path: str
    """The recipe field or placement field that it sets; "" where `target` says it all."""
    metavar: str
    help: str
    commands: tuple[str, ...]
    """The commands that accept it."""
    kind: type = str
    """Of one value, as the command line parses it; bool for a switch, which takes none."""
    many: bool = False
    """Whether it may be given several times; its value is a list then."""
    on_resume: bool = False
    """Whether a batch passes it on to the runs that it resumes; other placement fields stay as they were."""


FLAGS: Final[tuple[Flag, ...]] = (
    Flag("preset", "--preset", "preset", "", "P",
         "Preset name, TOML file, suite:NAME/ROW, or run:RUN to repeat a run.", (TRAIN, SWEEP)),
    Flag("model", "--model", "part", "model", "M", "Use this model.", (TRAIN, GRID, SWEEP)),
    Flag("augmentation", "--augmentation", "part", "augmentation", "A",
         "Use this named augmentation.", (TRAIN, GRID, SWEEP)),
    Flag("schedule", "--schedule", "part", "schedule", "S", "Use this learning rate schedule.", (TRAIN, GRID)),
    Flag("epochs", "--epochs", "field", "epochs", "N",
         "Number of passes over the training images; 9.9 ends with a short one.", (TRAIN, GRID), float),
    Flag("batch_size", "--batch-size", "field", "batch_size", "N", "Images per step.", (TRAIN, GRID, SWEEP), int),
    Flag("lr", "--lr", "field", "optimizer.lr", "X", "Learning rate at the peak of the schedule.",
         (TRAIN, GRID), float),
    Flag("init_from", "--init-from", "field", "init_from", "RUN|FILE",
         "Start from the weights of a run (RUN, RUN:best, or RUN:ema) or of a file instead of random ones.",
         (TRAIN, GRID, SWEEP)),
    Flag("sets", "--set", "sets", "", "KEY=VALUE",
         "Set any recipe field, for example optimizer.momentum=0.8. Repeatable.", (TRAIN, GRID, SWEEP), many=True),
    Flag("add_ops", "--add-op", "add_ops", "", "O",
         "Add an augmentation op, for example color_jitter:hue=0.1. Repeatable.", (TRAIN, GRID, SWEEP), many=True),
    Flag("drop_ops", "--drop-op", "drop_ops", "", "O",
         "Remove an augmentation op by name. Repeatable.", (TRAIN, GRID, SWEEP), many=True),
    Flag("parts", "--parts", "parts", "", "FILE",
         "Python file that defines parts of your own. Repeatable.", (TRAIN, GRID, SWEEP), Path, many=True),
    Flag("seed", "--seed", "seeds", "", "N", "Seed of a single run.", (TRAIN, SWEEP)),
    Flag("seeds", "--seeds", "seeds", "", "N",
         "Several seeds, one run each: 5 (seeds 0 to 4), 0-4, or 0,3,7.", (TRAIN, GRID, SUITE)),
    Flag("device", "--device", "place", "device", "D",
         "Device to train on: auto, cpu, cuda, cuda:1, or mps.", (TRAIN, GRID, SUITE, SWEEP), on_resume=True),
    Flag("gpus", "--gpus", "place", "gpus", "N",
         "Number of GPUs that one run uses, or all of this machine.", BATCHES),
    Flag("nodes", "--nodes", "place", "nodes", "N",
         "Slurm: number of nodes for one run; each has an equal part of --gpus.", BATCHES, int),
    Flag("threads", "--threads", "place", "threads", "N",
         "Number of CPU threads; 0 uses all cores.", (TRAIN, GRID, SUITE, SWEEP), int, on_resume=True),
    Flag("name", "--name", "place", "name", "TEXT", "Name of the run, for people.", (TRAIN,)),
    Flag("tags", "--tag", "place", "tags", "T", "Tag to find the run by. Repeatable.", (TRAIN, GRID, SUITE), many=True),
    Flag("data_dir", "--data-dir", "place", "data_dir", "DIR",
         "Folder that holds the data set.", (TRAIN, GRID, SUITE, SWEEP), on_resume=True),
    Flag("wait_free", "--wait-free", "place", "wait_free_gb", "GB",
         "Wait until the GPU has this much free memory.", (TRAIN, GRID, SUITE), float, on_resume=True),
    Flag("share", "--share", "place", "share", "W", "Who may read the run folder: private or group.", (TRAIN, GRID)),
    Flag("keep", "--keep", "place", "keep", "K",
         "Checkpoints to keep after training: all, resumable, weights, or none.", (TRAIN, GRID, SUITE)),
    Flag("tensorboard", "--tensorboard", "place", "tensorboard", "",
         "Also write event files for TensorBoard into the run folder.", (TRAIN, GRID, SUITE), bool, on_resume=True),
    Flag("launcher", "--launcher", "place", "launcher", "L",
         "What starts the run: local (this machine), slurm, or command (see --template).", BATCHES),
    Flag("partition", "--partition", "place", "partition", "P", "Slurm: partition.", BATCHES, on_resume=True),
    Flag("account", "--account", "place", "account", "A", "Slurm: account to charge.", BATCHES, on_resume=True),
    Flag("qos", "--qos", "place", "qos", "Q", "Slurm: quality of service.", BATCHES, on_resume=True),
    Flag("time", "--time", "place", "time", "T",
         "Slurm: time limit of a job, for example 90 (minutes), 4:00:00, or 1-12 (days-hours).", BATCHES,
         on_resume=True),
    Flag("cpus", "--cpus", "place", "cpus", "N",
         "Slurm and command: CPU cores of a job on each node; 0 takes the scheduler's default.", BATCHES, int,
         on_resume=True),
    Flag("memory", "--memory", "place", "memory", "M", "Slurm: memory of a job on each node, for example 16G.", BATCHES,
         on_resume=True),
    Flag("constraint", "--constraint", "place", "constraint", "F", "Slurm: features that the node must have.", BATCHES,
         on_resume=True),
    Flag("sbatch", "--sbatch", "place", "sbatch", "OPTIONS",
         "Slurm: further options, as sbatch takes them.", BATCHES, on_resume=True),
    Flag("setup", "--setup", "place", "setup", "COMMANDS",
         "Slurm and command: shell commands that a job runs first, for example 'module load cuda'.", BATCHES,
         on_resume=True),
    Flag("resubmit", "--resubmit", "place", "resubmit", "N",
         "Slurm: how often a job that was preempted or ran out of time submits itself again (default 3).", BATCHES, int,
         on_resume=True),
    Flag("template", "--template", "place", "template", "COMMAND",
         "Command that hands a run over, for example 'ssh gpubox {run}'; also {gpus}, {cpus}, and {name}.", BATCHES,
         on_resume=True),
)  # fmt: skip
"""In the order in which help, commands and the form list them."""


def accepted_by(command: str) -> tuple[Flag, ...]:
    """The flags of a command."""
    return tuple(flag for flag in FLAGS if command in flag.commands)


def with_target(target: Target) -> tuple[Flag, ...]:
    """The flags whose values a draft keeps in the same place."""
    return tuple(flag for flag in FLAGS if flag.target == target)
