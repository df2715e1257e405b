"""`cifar-tui runs export RUN --weights ...`: the weights of a run as a folder that other programs can read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.errors import BadInput, user_path
from engine.contract.run import own_code
from engine.exchange.weights import niwenjin
from engine.launch.piped import PipedChild
from tui.commands.common import BAD_INPUT, FAILED, INTERRUPTED, print_json
from tui.commands.trust import agreed

if TYPE_CHECKING:
    from engine.contract.run.folder import RunFolder

WEIGHTS: Final = ("final", "best", "ema")
FORMATS: Final = ("safetensors", "pth", "onnx")
NAMES: Final = ("cifar-tui", "niwenjin")


@dataclass(frozen=True, slots=True)
class WeightsOptions:
    """The options of the command that concern weights."""

    which: str
    """"final", "best" or "ema"."""
    form: str
    names: str
    check: bool
    trust: bool = False
    """Run code that the run brings along even if it is another user's or has changed."""


def export_weights(run: RunFolder, wanted: WeightsOptions, out: Path | None, *, as_json: bool) -> None:
    """Export the weights of a run into a new folder, and print its path.

    Raises:
        BadInput: an option is invalid.
        SystemExit: the child process failed; it has printed the reason.
    """
    refuse(wanted, run.info().model)
    folder = user_path(str(out or f"{run.id}-{wanted.which}")).absolute()
    if folder.exists():
        raise BadInput(f"--out {folder} exists already; choose another folder")
    request = asdict(wanted) | {"run": str(run.path), "out": str(folder), "check": False}
    del request["trust"]
    environment = own_code.environment(agreed(lambda trust: own_code.approve([run], trust), wanted.trust))
    answer = from_child(request, environment)
    if wanted.check:
        answer |= {"check": from_child(request | {"check": True}, environment)}
    if as_json:
        return print_json(answer)
    typer.echo(f"{answer['file']}: {answer['kind']} weights of epoch {answer['epoch']}")
    if wanted.check:
        checked = answer["check"]
        difference = checked["difference"]
        result = f"differ by at most {difference:.2g}" if difference else "are equal"
        typer.echo(f"checked in a fresh process: the logits of {checked['images']} test images {result}")
    return None


def refuse(wanted: WeightsOptions, model: str) -> None:
    """Refuse options that do not go together or do not exist. Raises BadInput."""
    for option, value, allowed in (
        ("--weights", wanted.which, WEIGHTS),
        ("--format", wanted.form, FORMATS),
        ("--names", wanted.names, NAMES),
    ):
        if value not in allowed:
            raise BadInput(f"{option}: got {value!r}, needs {', '.join(allowed[:-1])} or {allowed[-1]}")
    if wanted.names == "niwenjin" and wanted.form != "pth":
        raise BadInput("--names niwenjin: that project reads .pth files only; add --format pth")
    if wanted.names == "niwenjin" and model not in niwenjin.MODELS:
        raise BadInput(f"--names niwenjin: that project has {', '.join(niwenjin.MODELS)}, but not {model}")


def from_child(request: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """Let a process that imports torch answer. Raises SystemExit if it fails; its stderr is ours."""
    child = PipedChild("engine.export.child", request, environment, show_errors=True)
    try:
        answer, code = child.read(), child.wait()
    finally:
        child.stop()
    if code:
        raise SystemExit(code if code in (BAD_INPUT, INTERRUPTED) else FAILED)
    found: dict[str, Any] = json.loads(answer)
    return found
