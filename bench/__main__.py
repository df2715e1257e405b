"""`python -m bench [what ...] [--json FILE]`: speed relative to peers and to the limit, measured in the same process.

augment     each op and the named pipelines against torchvision's per-image transforms
engine      the training loop against the same model on one fixed batch, and a whole epoch against a plain loop
steps       a training step eager or compiled, with or without a CUDA graph; runs only if named
workbench   first paint, key to repaint, large runs, ten thousand runs, bytes sent to the terminal
zoo         training speed of every model next to its GMACs; takes long, so it runs only if named
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

FIRST, WIDTH = 40, 10  # of the table's columns: rows are printed before the widest one is known
AREAS = ("augment", "engine", "workbench")
ON_REQUEST = ("steps", "zoo")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="*", choices=[[], *AREAS, *ON_REQUEST], help=f"default: {', '.join(AREAS)}")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time; figures are not for publication")
    chosen = parser.parse_args()
    report: dict[str, Any] = {"machine": machine(), "began": time.strftime("%Y-%m-%d %H:%M")}
    print("  ".join(f"{key} {value}" for key, value in report["machine"].items()))
    for area in chosen.what or AREAS:
        print(f"\n{area}")
        report[area] = []
        for row in shown(importlib.import_module(f"bench.{area}").measure(quick=chosen.quick)):
            report[area].append(row)
            if chosen.json:  # after every row, so that an interrupted run keeps what it has measured
                chosen.json.write_text(json.dumps(report, indent=1))


def machine() -> dict[str, str]:
    """The hardware and software that the figures were measured on."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    cpu = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    return {
        "cpu": f"{cpu}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}",
        "gpu": gpu,
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "python": platform.python_version(),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def shown(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Pass rows through, printing each one as soon as it is available; a row with other keys starts a new table."""
    head: list[str] = []
    for row in rows:
        widths = [FIRST, *(max(WIDTH, len(key)) for key in list(row)[1:])]
        for line in [list(row)] * (list(row) != head) + [[cell(value) for value in row.values()]]:
            print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip(), flush=True)
        head = list(row)
        yield row


def cell(value: Any) -> str:
    """A figure as text, with three significant digits."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


if __name__ == "__main__":
    main()
