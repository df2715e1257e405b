"""Draw a picture of every screen as SVG: `python -m tools.pictures` writes them to docs/pictures/.

Nothing is trained: the runs are the demonstration runs of `tests/tui/demo.py`, whose curves follow the published log of
Niwenjin/CIFAR-10. Their predictions are made up to agree with these curves; the images are those of CIFAR-10, which is
downloaded where it is missing.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from engine.contract.run.folder import RunFolder
from engine.contract.run.index import Index
from engine.data.cifar import cifar10
from tests.tui.demo import Demo, predict_as_confused, write_run
from tui.app import Workbench
from tui.widgets import top_bar
from tui.workspace import Workspace

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SIZE = (120, 40)
HOST = "gpubox"
"""Where the demonstration runs are said to run."""
MINUTE = 60.0
RUNS = (  # preset, seed, accuracy above the published log's, state, epochs done, seconds per epoch, minutes ago
    ("resnet18_adam", 0, -0.1220, "finished", 200, 6.0, 4300),
    ("resnet34_adam", 0, -0.1125, "finished", 200, 9.8, 3100),
    ("resnet34_jitter", 0, -0.0270, "finished", 500, 9.9, 2600),
    ("resnet34_jitter", 1, -0.0255, "finished", 500, 9.9, 2500),
    ("resnet34_sgd_cosine", 0, -0.1115, "finished", 500, 9.1, 900),
    ("resnet34_sgd_cosine", 1, -0.1098, "finished", 500, 9.1, 880),
    ("resnet34_cutmix", 0, -0.0012, "finished", 500, 10.0, 700),
    ("resnet34_cutmix", 1, 0.0009, "finished", 500, 10.0, 600),
    ("resnet50_adam", 0, -0.1240, "failed", 12, 15.0, 420),
    ("resnet34_cutmix", 2, 0.0, "stopped", 214, 10.0, 240),
    ("resnet34_cutmix", 3, 0.0, "running", 111, 10.0, 0),
)


def write_runs(root: Path) -> list[RunFolder]:
    """The runs above, each with the events of its whole life."""
    now, runs = time.time(), list[RunFolder]()
    images = cifar10(os.environ.get("CIFAR_TUI_DATA", ""), lambda phase, note: None)
    for number, (preset, seed, shift, state, epochs, seconds, ago) in enumerate(RUNS):
        demo = Demo(
            preset=preset, seed=seed, shift=shift, state=state, epochs_done=epochs, seconds=seconds,
            name="paper v2" if seed == 3 else "", tags=("paper",) if preset == "resnet34_cutmix" else (),
        )  # fmt: skip
        run = write_run(root, demo, now=now - ago * MINUTE)
        if state == "finished":
            predict_as_confused(run, images.test_labels, images.fingerprint, seed=number)
        runs.append(run)
    return runs


async def shoot(workspace: Workspace, mode: str, keys: tuple[str, ...] = ()) -> str:
    """One screen of the workbench as SVG, after `keys` were pressed; the key "suites" opens a published table."""
    app = Workbench(workspace, start_mode=mode)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(4.0)  # the end of a run is painted first, and the rest of it follows
        for key in keys:
            if key == "suites":
                app.show_suite("")
            else:
                await pilot.press(key)
            await pilot.pause(1.0)
        await pilot.pause(2.0)
        return app.export_screenshot(title="cifar-tui")


SCREENS = {  # the section to open, and the keys to press there
    "dashboard": ("dashboard", ()),
    "results": ("results", ()),
    "new_run": ("new_run", ()),
    "compare": ("compare", ()),
    "compare_recipes": ("compare", ("o",)),
    "inspect_overview": ("inspect", ()),
    "inspect_confusion": ("inspect", ("tab",)),
    "inspect_mistakes": ("inspect", ("tab", "tab")),
    "inspect_disagree": ("inspect", ("tab", "tab", "tab")),
    "suites": ("results", ("suites",)),
}
MARKED = (("resnet34_cutmix", 0), ("resnet34_cutmix", 1), ("resnet34_jitter", 0))
"""(preset, seed) of the runs that Compare and Inspect show."""


async def draw() -> None:
    """Draw every screen."""
    top_bar.host_name = lambda: HOST
    with tempfile.TemporaryDirectory(prefix="cifar-tui-") as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        root = Path(folder) / "runs"
        root.mkdir()
        with patch("socket.gethostname", return_value=HOST):
            runs = write_runs(root)
        marked = [run for wanted in MARKED for run, made in zip(runs, RUNS, strict=True) if made[:2] == wanted]

        def workspace(mode: str) -> Workspace:
            fresh = Workspace(
                [root], state_file=Path(folder) / "state.json", index=Index(Path(folder) / "index.sqlite")
            )
            fresh.refresh()
            fresh.marked = marked if mode in ("compare", "inspect") else []
            fresh.selected = marked[0] if fresh.marked else runs[-1]
            return fresh

        PICTURES.mkdir(exist_ok=True)
        for name, (mode, keys) in SCREENS.items():
            (PICTURES / f"{name}.svg").write_text(await shoot(workspace(mode), mode, keys), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(draw())
