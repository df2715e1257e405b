"""What all sections share: how they are shown for the first time."""

import pytest
from textual.screen import Screen

from tui.screens import results_table


async def test_a_section_resumes_once_for_each_visit(workbench, make_run, settle, monkeypatch):
    make_run()
    resumed = []
    monkeypatch.setattr(results_table, "saved", lambda: resumed.append("results") or [])
    app = workbench("results")
    async with app.run_test() as pilot:
        await settle(pilot)
        assert len(resumed) == 1
        await pilot.press("5")
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        assert app.current_mode == "results" and len(resumed) == 2


@pytest.mark.parametrize("mode", ["dashboard", "new_run"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_a_section_has_the_classes_of_its_size_before_it_is_laid_out(
    workbench, make_run, settle, monkeypatch, mode, size
):
    """Else all of its widgets are styled a second time before the first paint."""
    make_run()
    missing = []
    update = Screen.update_classes

    def watched(screen, classes, **options):
        missing.append((screen, {name for name, on in classes.items() if on} - screen.classes))
        return update(screen, classes, **options)

    monkeypatch.setattr(Screen, "update_classes", watched)
    app = workbench(mode)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        mine = [names for screen, names in missing if screen is app.screen]
        assert mine and not any(mine)
        await pilot.resize_terminal(70, 20)
        await settle(pilot)
        assert {"-narrow", "-short"} <= app.screen.classes
        assert not {"-normal", "-wide", "-tall"} & app.screen.classes
