"""The tests mirror the tree: the tests of a module are found at its own place under `tests`, by its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
TREES: Final = ("bench", "engine", "presets", "tui")
CORE: Final = (
    "engine/contract", "engine/launch", "engine/analysis", "engine/loop", "tui/plans", "tui/drawing", "presets",
)  # fmt: skip
"""Each module of these rooms has a test file by its name, except for those in `ELSEWHERE`."""

ACROSS: Final = {
    "engine/augment": {
        "every_op": "what all ops of the catalog keep, whichever module they are in",
        "grey_images": "all ops on images of one channel",
    },
    "engine/loop": {
        "fidelity": "the first epochs of published recipes against their own logs",
        "learning": "whole trainings that learn",
        "on_gpu": "the loop on a GPU, through all of its modules",
    },
    "engine/models": {
        "common_options": "the options that every model takes, on all families",
        "every_model": "what all models of the catalog keep",
        "overfit": "every model learns by heart",
        "paper_results": "the marks of all models against what papers report",
        "published_counts": "parameters of all models against counts of others",
    },
    "engine/optim": {
        "against_torch": "SGD, Adam and AdamW against one reference",
        "every_optimizer": "what all optimizers of the catalog keep",
    },
    "presets": {
        "published_schedules": "the rows of all suites against the schedules of their sources",
        "published_starts": "the rows of all suites against the initializations of their sources",
        "recipe_ids": "the ids of all presets and suites",
    },
    "tui": {
        "in_tmux": "a walk through all screens in a real terminal",
        "blank": "the measure of blank space that the tests of screens use",
    },
    "tui/screens": {
        "goldens": "every screen against its stored text, in three sizes",
        "marks_everywhere": "the color and mark of a run on every screen that draws it",
        "redraws": "which panes of the screens are drawn again at a key",
    },
    "tui/commands": {
        "own_parts": "a file of one's own through all commands that take it",
    },
}
"""Tests that belong to no single module, by room: what holds for all parts of a kind, or for several modules at once."""

ELSEWHERE: Final = {
    "engine/contract/catalog.py": "tests/engine/contract/recipe/test_catalog.py",
    "engine/contract/recipe/common.py": "tests/engine/models/test_common_options.py",
    "engine/contract/recipe/resolve.py": "tests/engine/contract/recipe/test_schema.py",
    "engine/contract/run/store.py": "tests/engine/contract/run/test_create.py",
    "engine/analysis/judged_images.py": "tests/engine/analysis/test_mistakes.py",
    "tui/drawing/overview_panes.py": "tests/tui/commands/test_runs_show_tabs.py",
    "tui/drawing/palette.py": "tests/tui/test_theme.py",
}
"""The modules of `CORE` that are tested in a file of another name."""


def mirrored_tests(room: Path) -> Iterator[Path]:
    return (path for path in sorted((ROOT / "tests" / room).rglob("test_*.py")))


def names_in(room: Path) -> set[str]:
    """Modules and packages in a room."""
    packages = {path.name for path in (ROOT / room).iterdir() if (path / "__init__.py").exists()}
    return packages | {path.stem for path in (ROOT / room).glob("*.py")}


def is_named_after(test: Path, name: str) -> bool:
    """test_NAME.py, or test_NAME_TOPIC.py where there is more to test than one file holds."""
    return test.stem == f"test_{name}" or test.stem.startswith(f"test_{name}_")


@pytest.mark.parametrize("tree", TREES)
def test_every_test_file_is_named_after_a_module_of_the_mirrored_room(tree: str) -> None:
    lost = []
    for path in mirrored_tests(Path(tree)):
        room = path.relative_to(ROOT / "tests").parent
        if not (ROOT / room / "__init__.py").exists():
            lost.append(f"{path.relative_to(ROOT)}: there is no package {room}")
        elif path.stem.removeprefix("test_") not in ACROSS.get(room.as_posix(), {}) and not any(
            is_named_after(path, name) for name in names_in(room)
        ):
            lost.append(f"{path.relative_to(ROOT)}: no module of {room} is called that")
    assert lost == []


@pytest.mark.parametrize("core", CORE)
def test_every_module_of_the_core_has_a_test_file(core: str) -> None:
    untested = []
    for module in sorted((ROOT / core).rglob("*.py")):
        path = module.relative_to(ROOT)
        if module.stem == "__init__" or path.as_posix() in ELSEWHERE:
            continue
        if not any(is_named_after(test, module.stem) for test in (ROOT / "tests" / path.parent).glob("test_*.py")):
            untested.append(path.as_posix())
    assert untested == []


@pytest.mark.parametrize("module", ELSEWHERE)
def test_a_module_that_is_tested_elsewhere_is_mentioned_there(module: str) -> None:
    assert (ROOT / module).exists()
    assert module.removesuffix(".py").replace("/", ".") in (ROOT / ELSEWHERE[module]).read_text()


def test_the_tables_hold_nothing_that_is_gone_or_not_needed() -> None:
    for room, topics in ACROSS.items():
        for topic in topics:
            test = ROOT / "tests" / room / f"test_{topic}.py"
            assert test.exists(), test
            assert not any(is_named_after(test, name) for name in names_in(Path(room))), test
    for module in map(Path, ELSEWHERE):
        tests = (ROOT / "tests" / module.parent).glob("test_*.py")
        assert not any(is_named_after(test, module.stem) for test in tests), module
