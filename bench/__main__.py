"""`python -m bench [AREA ...]`: speed relative to peers and to the limit, measured in the same process.

areas:
  train      the training loop against the same model on one fixed batch and against a plain loop, and how the cost
             of an epoch grows with the number of images and the batch size (`engine` is the same)
  speedrun   the engine's airbench94 against the net in the record's own code; needs --airbench
  augment    each operation and the named pipelines against torchvision's per-image transforms
  workbench  start-up, key to repaint, large runs, ten thousand runs, bytes sent to the terminal
  steps      a training step eager or compiled, with or without a CUDA graph
  zoo        training speed of every model next to its GMACs; takes long
  all        all of these

Without an area: train, augment and workbench. `python -m bench compare A.json B.json` compares two files of figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.airbench import NoRecord, record_file
from bench.areas import ALIASES, ALL, cases, chosen
from bench.compare import NotAReport, compare
from bench.machine import Load, machine
from bench.plan import Budget, Case, Wishes
from bench.report import Report, RowPrinter


def main(words: Sequence[str]) -> None:
    """Run a command line."""
    if words[:1] == ["compare"]:
        parser = comparison()
        files = parser.parse_args(words[1:])
        try:
            compare(files.first, files.second)
        except (NotAReport, OSError) as error:
            parser.error(str(error))
    else:
        run(options().parse_args(words))


def options() -> argparse.ArgumentParser:
    """The options of a measurement."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    areas = [*ALL, *ALIASES]
    parser.add_argument("area", nargs="*", choices=[[], *areas], metavar="AREA", help=", ".join(areas))
    parser.add_argument(
        "--budget",
        type=positive,
        metavar="SECONDS",
        help="run only what fits into this time, most important first, and list what was left out",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file, row by row")
    parser.add_argument(
        "--quick", action="store_true", help="fewer and shorter rounds; the figures are not for publication"
    )
    parser.add_argument(
        "--airbench",
        type=checkout,
        metavar="PATH",
        help="a checkout of KellerJordan/cifar10-airbench, whose definitions `speedrun` executes",
    )
    return parser


def comparison() -> argparse.ArgumentParser:
    """The options of a comparison."""
    parser = argparse.ArgumentParser(
        prog="python -m bench compare",
        description="Print the figures of B divided by those of A, row by row, and name the rows that only one has.",
    )
    parser.add_argument("first", type=Path, metavar="A.json")
    parser.add_argument("second", type=Path, metavar="B.json")
    return parser


def positive(text: str) -> float:
    """A number of seconds above 0."""
    seconds = float(text)
    if not seconds > 0:
        raise ValueError(text)
    return seconds


def checkout(text: str) -> Path:
    """A folder that holds the record's code."""
    try:
        record_file(Path(text))
    except NoRecord as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return Path(text)


def run(asked: argparse.Namespace) -> None:
    """Measure the areas that were asked for; print and keep every row as it comes."""
    budget, load, table = Budget(asked.budget), Load(), RowPrinter()
    facts: dict[str, Any] = {"machine": machine(), "quick": asked.quick, "budget": asked.budget}
    report = Report(asked.json, load, facts)
    print("  ".join(f"{key} {value}" for key, value in facts["machine"].items()))
    print(f"load average before: {load.before:.2f}")
    areas, wishes = chosen(asked.area), Wishes(asked.quick, asked.airbench)
    if "speedrun" in areas and not wishes.airbench:
        print("speedrun is skipped: it needs --airbench PATH, a checkout of KellerJordan/cifar10-airbench")
    area = ""
    for case in budget.chosen(list(cases(areas, wishes))):
        if case.area != area:
            area = case.area
            table.heading(area)
        for row in case.measure():
            table.row(row)
            report.add(area, row)
    finish(report, load, [left_out(case, budget) for case in budget.left_out])


def left_out(case: Case, budget: Budget) -> str:
    """A case that did not fit, with the time that it would have taken."""
    return f"{case.area}: {case.name} (about {budget.expected(case):.0f} s)"


def finish(report: Report, load: Load, left_out: list[str]) -> None:
    """Print what the figures cannot show: what is missing, and how busy the machine was."""
    warning = report.end(left_out)
    print()
    if left_out:
        print("left out, because the budget does not suffice:")
        print("\n".join(f"  {case}" for case in left_out))
    print(f"load average after: {load.so_far()['after']:.2f}")
    if warning:
        print(warning)


if __name__ == "__main__":
    main(sys.argv[1:])
