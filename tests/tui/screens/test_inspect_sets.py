"""Inspect on further test sets: `d` shows them one after the other, in all tabs."""

import pytest

from tests.tui.demo import Demo, write_run
from tests.tui.further import put_results


@pytest.fixture
def run(root):
    made = write_run(root, Demo(epochs_done=20, state="finished", name=""))
    put_results(made)
    return made


@pytest.fixture
def shown(workbench, run):
    app = workbench("inspect")
    app.workspace.selected = run
    return app


async def show(pilot, until, settle, on):
    await pilot.press("d")
    await until(pilot, lambda: (pilot.app.screen._facts.on.name if pilot.app.screen._facts.on else "") == on)
    await settle(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_d_goes_through_all_sets_and_back(shown, screen_text, until, settle, size):
    async with shown.run_test(size=size) as pilot:
        await until(pilot, lambda: shown.screen._facts is not None)
        await settle(pilot)
        text = screen_text(shown)
        assert "further test sets" in text and "newer" in text and "no labels" in text
        for name in ("cifar10-c", "newer", "unknown"):
            await show(pilot, until, settle, name)
            assert f"on {name}" in screen_text(shown).splitlines()[1]
        await show(pilot, until, settle, "")
        assert "on newer" not in screen_text(shown).splitlines()[1]


async def test_overview_has_the_table_of_corruptions(shown, screen_text, until, settle):
    async with shown.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: shown.screen._facts is not None)
        await show(pilot, until, settle, "cifar10-c")
        text = screen_text(shown)
        assert "cifar10-c, test % by severity" in text and "mean of 3" in text and "spatter (extra)" in text
        assert "3 corruptions of 60 images, m" in text and "▸cifar10-c" in text


async def test_confusion_and_mistakes_are_those_of_the_set(shown, screen_text, until, settle):
    async with shown.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: shown.screen._facts is not None)
        await show(pilot, until, settle, "cifar10-c")
        await show(pilot, until, settle, "newer")
        await pilot.press("tab")
        await settle(pilot, 0.3)
        right = 100 * shown.screen._facts.on.accuracy
        assert "confusion, newer, images" in screen_text(shown) and f"{right:.2f} % right" in screen_text(shown)
        await pilot.press("tab")
        await settle(pilot, 0.3)
        wrong = round(60 * (1 - right / 100))
        assert "mistakes on newer" in screen_text(shown) and f"{wrong} of 60" in screen_text(shown)
        await show(pilot, until, settle, "unknown")
        await settle(pilot, 0.3)
        assert "these images have no labels" in screen_text(shown)


async def test_y_copies_the_command_for_the_set(shown, until, settle, run, monkeypatch):
    copied = []
    monkeypatch.setattr(type(shown), "copy", lambda self, text, what: copied.append(text))
    async with shown.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: shown.screen._facts is not None)
        await show(pilot, until, settle, "cifar10-c")
        await pilot.press("y")
    assert copied == [f"cifar-tui runs show {run.id} --tab overview --on cifar10-c"]


async def test_without_further_sets_d_says_how_to_get_one(workbench, root, until, settle):
    write_run(root, Demo(epochs_done=20, state="finished", name=""))
    app = workbench("inspect")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen._facts is not None)
        await pilot.press("d")
        await settle(pilot)
        (note,) = app._notifications
        assert note.message.startswith("only the test set so far: cifar-tui runs predict RUN --data DATA")
