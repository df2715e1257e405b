"""The walls between the packages, checked in fresh processes: which modules an import really loads."""

import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import engine.analysis
import engine.contract
import engine.exchange
import engine.launch
import presets
import tui
import tui.drawing
import tui.plans

TORCH, SCREENS = ("torch", "torchvision"), ("textual", "tui")


def modules(package) -> Iterator[str]:
    yield package.__name__
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield found.name


def loaded_by(names: list[str], banned: tuple[str, ...]) -> str:
    """The banned packages that importing all of `names` loads, in a fresh interpreter."""
    return str(sorted(packages_loaded_by(tuple(names)) & set(banned)))


@cache
def packages_loaded_by(names: tuple[str, ...]) -> set[str]:
    """All packages that importing all of `names` loads, in a fresh interpreter."""
    code = (
        f"import gc, importlib, sys\ngc.disable()\nfor name in {names!r}: importlib.import_module(name)\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "package",
    [tui, presets, engine.contract, engine.launch, engine.analysis, engine.exchange],
    ids=lambda p: p.__name__,
)
def test_nothing_on_the_torch_free_side_loads_torch(package):
    assert loaded_by(list(modules(package)), TORCH) == "[]"


def test_schedules_the_fetcher_and_the_library_are_torch_free():
    assert loaded_by(["engine.schedules", "engine.data.fetch", "engine.api"], (*TORCH, *SCREENS, "pandas")) == "[]"


@pytest.mark.parametrize(
    "package", [presets, engine.contract, engine.launch, engine.analysis, engine.exchange], ids=lambda p: p.__name__
)
def test_nothing_below_the_screens_loads_them(package):
    assert loaded_by(list(modules(package)), SCREENS) == "[]"


def test_the_way_to_a_run_folder_loads_no_front():
    assert loaded_by(list(modules(tui.plans)), (*TORCH, "textual", "typer", "rich")) == "[]"


def test_the_trainer_loads_no_screen():
    assert loaded_by(["engine.train", "engine.__main__"], SCREENS) == "[]"


def test_scipy_waits_for_a_comparison_that_needs_it():
    names = [*modules(engine.analysis), *modules(tui.drawing), "tui.commands.compare", "tui.commands.runs_table"]
    assert loaded_by(names, ("scipy", "statsmodels", "pandas")) == "[]"


def test_tensorboard_waits_for_a_command_that_needs_it():
    names = [*modules(engine.exchange), "engine.attempt", "tui.plans.plan", "tui.commands.runs"]
    assert loaded_by(names, ("tensorboard", "google", "pandas")) == "[]"


def test_drawing_loads_no_terminal_framework():
    assert loaded_by(list(modules(tui.drawing)), ("textual",)) == "[]"


def test_the_command_line_starts_without_textual_torch_and_plots():
    heavy = (*TORCH, "textual", "numpy")
    assert loaded_by(["tui.cli"], heavy) == "[]"


def test_the_first_paint_waits_for_neither_torch_nor_the_other_screens():
    names = ["tui.screens.dashboard", "tui.screens.compare", "tui.screens.new_run", "tui.screens.inspect"]
    code = f"import sys, tui.app; print([name for name in {names!r} if name in sys.modules])"
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


ROOT = Path(__file__).resolve().parent.parent
OPENERS = re.compile(r"\.read_text\(|\.read_bytes\(|(?<![\w.])open\(|(?<!os)\.open\(")
MAY_OPEN = {
    "engine/contract/run/process.py": "kernel files: /proc",
    "engine/contract/recipe/timm_names.py": "a file of an installed package",
    "engine/analysis/memory.py": "a file of this package",
    "engine/launch/reasons.py": "kernel files: /proc and /sys",
    "engine/contract/flock.py": "kernel files: /proc/locks",
    "engine/data/archives.py": "archives already known to be regular files",
    "engine/data/arrays.py": "the program's own cache",
    "engine/data/given/array_files.py": "members of an archive that the one reader has opened",
    "engine/data/given/image_folder.py": "Pillow on files that the one reader has opened",
    "engine/data/images.py": "the program's own cache",
    "engine/data/mnist.py": "files already verified by SHA-256",
    "tui/commands/out_file.py": "a new file of its own",
    "tui/commands/output.py": "the standard streams",
}


def test_every_file_is_opened_by_the_one_reader_or_for_a_known_reason():
    """Where other users can write, a path may be a FIFO, a device or a link: see `open_regular`."""
    places = ("tui", "presets", "engine/contract", "engine/launch", "engine/analysis", "engine/data")
    found = {
        path.relative_to(ROOT).as_posix()
        for place in places
        for path in (ROOT / place).rglob("*.py")
        if OPENERS.search(path.read_text())
    }
    assert found <= MAY_OPEN.keys()


def test_a_number_becomes_a_date_in_one_place():
    makers = ("fromtimestamp(", "localtime(", "ctime(")
    found = [
        path.relative_to(ROOT).as_posix()
        for place in ("tui", "presets", "engine")
        for path in (ROOT / place).rglob("*.py")
        if any(maker in path.read_text() for maker in makers)
    ]
    assert found == ["engine/contract/clock.py"]
