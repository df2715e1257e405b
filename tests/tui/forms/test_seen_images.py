"""The pictures beside the form: drawn once the form rests, again only when the augmentation changes."""

import pytest

from tests.tui.screens.test_see_images import FakePreview
from tui.forms import seen_images
from tui.forms.seen_images import SeenImages
from tui.screens.see_images import SeeImages

LARGE = (160, 45)


@pytest.fixture
def preview(monkeypatch):
    fake = FakePreview()
    monkeypatch.setattr(seen_images, "Preview", fake)
    monkeypatch.setattr(seen_images, "REST_SECONDS", 0.01)
    return fake


async def test_an_image_before_and_after_stands_beside_the_form(workbench, preview, screen_text, until):
    app = workbench("new_run")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "as trained" in screen_text(app))
        text = screen_text(app)
        assert "as stored  cat 0" in text and "60% cat 40% dog" in text and "step 1" in text
        assert text.count("▀") == 16 * 64
        assert [(asked["images"], asked["draws"]) for asked in preview.asked] == [(1, 2)]


async def test_only_a_change_of_the_augmentation_draws_again(workbench, preview, until, settle):
    app = workbench("new_run")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: len(preview.asked) == 1)
        app.screen.editor.put("optimizer.lr", "0.3")
        app.screen.show()
        await settle(pilot, 0.1)
        assert len(preview.asked) == 1
        app.screen.editor.put("augmentation.random_crop.padding", "3")
        app.screen.show()
        await until(pilot, lambda: len(preview.asked) == 2)
        crop = next(op for op in preview.asked[1]["recipe"]["augmentation"] if op["name"] == "random_crop")
        assert crop["padding"] == 3


async def test_n_shows_another_image_and_i_the_same_op_by_op(workbench, preview, until, settle):
    app = workbench("new_run")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: len(preview.asked) == 1)
        await pilot.press("n")
        await until(pilot, lambda: len(preview.asked) == 2)
        assert [asked["seed"] for asked in preview.asked] == [0, 1]
        await pilot.press("i")
        await settle(pilot)
        assert isinstance(app.screen, SeeImages)


async def test_on_a_small_terminal_nothing_is_drawn_and_n_says_where_the_images_are(workbench, preview, settle):
    app = workbench("new_run")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot, 0.1)
        await pilot.press("n")
        await settle(pilot, 0.1)
        assert preview.asked == [] and not app.screen.query_one(SeenImages).display
        assert any("i shows the images" in notice.message for notice in app._notifications)


async def test_a_problem_stands_in_the_place_of_the_pictures(workbench, preview, screen_text, until):
    preview.problem = "CIFAR-10 is not on this machine"
    app = workbench("new_run")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "CIFAR-10 is not on this machine" in screen_text(app))


async def test_the_drawing_ends_with_the_screen(workbench, monkeypatch, until, settle):
    fake = FakePreview(hold=True)
    monkeypatch.setattr(seen_images, "Preview", fake)
    app = workbench("new_run")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: fake.asked)
    assert fake.stopped


async def test_without_color_a_sentence_says_where_the_pictures_can_be_had(
    workbench, preview, screen_text, until, monkeypatch
):
    monkeypatch.setenv("NO_COLOR", "1")
    app = workbench("new_run")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "augmentations preview --out" in screen_text(app))
        assert preview.asked == []
