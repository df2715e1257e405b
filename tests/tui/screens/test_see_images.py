"""See images: what the form says is drawn on real images, and the process that draws ends with the screen."""

import threading

import numpy as np
import pytest

from engine.analysis.contact_sheet import ContactSheet
from engine.contract.errors import BadInput
from tui.forms.form import Form
from tui.screens import see_images
from tui.screens.see_images import SeeImages


class FakePreview:
    """Gives a sheet of `columns` columns, once it may."""

    asked: list

    def __init__(self, columns=4, problem="", hold=False):
        self.asked, self.columns, self.problem = [], columns, problem
        self.go, self.stopped = threading.Event(), False
        if not hold:
            self.go.set()

    def __call__(self, request):
        self.asked.append(request)
        return self

    def sheet(self):
        assert self.go.wait(20)
        if self.problem or self.stopped:
            raise BadInput(self.problem or "stopped")
        count, columns = self.asked[-1]["images"], self.columns
        tiles = np.random.default_rng(0).integers(0, 255, (count, columns, 32, 32, 3), np.uint8)
        captions = [[[f"cat {row}"], *[["60% cat", "40% dog"]] * (columns - 1)] for row in range(count)]
        return ContactSheet(tiles, ["original", *(f"step {column}" for column in range(1, columns))], captions)

    def stop(self):
        self.stopped = True
        self.go.set()


@pytest.fixture
def preview(monkeypatch):
    """Puts a preview that only pretends in the place of the process."""

    def put(**how) -> FakePreview:
        fake = FakePreview(**how)
        monkeypatch.setattr(see_images, "Preview", fake)
        return fake

    return put


@pytest.mark.parametrize(("size", "shown"), [((80, 24), 4), ((120, 40), 6)])
async def test_the_form_is_drawn_on_images_in_the_width_there_is(workbench, preview, screen_text, settle, size, shown):
    fake = preview(columns=7)
    async with workbench("new_run").run_test(size=size) as pilot:
        pilot.app.screen.editor.put("augmentation.random_crop.padding", "3")
        await pilot.press("i")
        await settle(pilot)
        seen = screen_text(pilot.app)
        ops = fake.asked[0]["recipe"]["augmentation"]
        assert next(op for op in ops if op["name"] == "random_crop")["padding"] == 3
        assert "augmentation of quickstart on shapes · seed 0" in seen
        assert f"{7 - shown} {'column needs' if shown == 6 else 'columns need'} a wider terminal" in seen
        assert "▀" * 16 in seen and "cat 0" in seen and "40% dog" in seen and "original" in seen
        assert f"step {7 - shown + 1}" in seen and f"step {7 - shown} " not in seen
        await pilot.press("q")
        await settle(pilot)
        assert pilot.app.screen.query_one(Form)


async def test_j_and_k_scroll_and_n_draws_others(workbench, preview, screen_text, settle):
    fake = preview()
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("i")
        await settle(pilot)
        await pilot.press("j", "j")
        await settle(pilot)
        assert "cat 0" not in screen_text(pilot.app) and "cat 1" in screen_text(pilot.app)
        await pilot.press("k", "k", "n")
        await settle(pilot)
        assert "cat 0" in screen_text(pilot.app) and "seed 1" in screen_text(pilot.app)
        assert [request["seed"] for request in fake.asked] == [0, 1]


async def test_closing_ends_the_process(workbench, preview, screen_text, until):
    fake = preview(hold=True)
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("i")
        await until(pilot, lambda: fake.asked)
        assert "loading torch takes a few seconds" in screen_text(pilot.app)
        await pilot.press("n", "q")  # no second set while the first is being drawn
        await until(pilot, lambda: fake.stopped)
        assert len(fake.asked) == 1 and not isinstance(pilot.app.screen, SeeImages)


async def test_what_goes_wrong_is_said(workbench, preview, screen_text, settle):
    preview(problem="mine.py:3: no such op")
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("i")
        await settle(pilot)
        assert "mine.py:3: no such op" in screen_text(pilot.app)


async def test_nothing_is_downloaded_for_a_look(workbench, preview, screen_text, settle):
    fake = preview()
    app = workbench("new_run")
    async with app.run_test() as pilot:
        app.new_run({"preset": "resnet20_fast"})  # real CIFAR-10, which is not here
        app.screen._open_requested_draft()
        await pilot.press("i")
        await settle(pilot)
        assert "CIFAR-10 is not on this machine" in screen_text(app) and not fake.asked


async def test_a_terminal_without_blocks_is_told_of_the_file(workbench, preview, screen_text, settle):
    fake = preview()
    app = workbench("new_run")
    app.glyphs = "ascii"
    async with app.run_test() as pilot:
        await pilot.press("i")
        await settle(pilot)
        assert "can write them to a file" in screen_text(app) and not fake.asked
