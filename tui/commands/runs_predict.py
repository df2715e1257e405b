"""`cifar-tui runs predict`: the options. `predict_images` does the work and is imported only when it is needed."""

from __future__ import annotations

import typer

from tui.commands.common import Json, Refs, RunsDirs, TrustParts, roots


def predict(
    refs: list[str] = Refs,
    data: str = typer.Option(
        ...,
        "--data",
        help="A .npy or .npz file, a folder of images by class, the files of CIFAR-10.1 or CIFAR-10-C, or, for those "
        "in the data folder, cifar10.1, cifar10-c, or cifar100-c.",
        metavar="DATA",
    ),
    labels: str = typer.Option("", "--labels", help="The labels of images in a .npy file.", metavar="FILE"),
    name: str = typer.Option(
        "", "--name", help="What to call the test set; by default it is named after its files.", metavar="TEXT"
    ),
    weights: str = typer.Option(
        "final", "--weights", help="Weights to predict with: final, best, or ema.", metavar="WHICH"
    ),
    tta: bool = typer.Option(
        False, "--tta", help="Also average the views of the run's own test-time augmentation (evaluate.tta)."
    ),
    again: bool = typer.Option(False, "--again", help="Predict anew even if these files and weights are done."),
    device: str = typer.Option("auto", "--device", help="Device to use: auto, cpu, cuda, cuda:1, or mps.", metavar="D"),
    threads: int = typer.Option(0, "--threads", help="Number of CPU threads; 0 uses all cores.", metavar="N", min=0),
    data_dir: str = typer.Option("", "--data-dir", help="Folder that holds the data set.", metavar="DIR"),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
    trust_parts: bool = TrustParts,
) -> None:
    """Test finished runs on further images that you bring, such as CIFAR-10.1 or CIFAR-10-C.

    Answers and figures are stored in the run folder with the SHA-256 of every file that was read, and stand beside the
    results on the test set in Inspect, Compare and `runs show`. What is done already is not done again.
    """
    from engine.contract.run.store import find
    from engine.predict.asked import Asked
    from tui.commands.predict_images import predict_all

    places = roots(runs_dir)
    folders = list(dict.fromkeys(find(places, ref) for ref in refs))
    asked = Asked("", data, labels, name, weights, tta=tta, device=device, threads=threads, data_dir=data_dir)
    predict_all(folders, asked, again=again, trust=trust_parts, as_json=as_json)
