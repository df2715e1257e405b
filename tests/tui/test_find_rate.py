"""Find rate on the screen: draws while it goes, and what is taken stands in the form."""

import threading

import pytest

from engine.contract.events import Failed, Message, Phase, Step
from tui import rate_sweep
from tui.forms.form import Form
from tui.screens.find_rate import FindRate


class SlowSweep:
    """Says its events, then waits until it is let go on or stopped."""

    def __init__(self, *events, hold=False):
        self.said, self.go, self.stopped = events, threading.Event(), False
        if not hold:
            self.go.set()

    def events(self):
        yield Phase(name="training", note="fp32, 60 steps of 16 images")
        yield from self.said
        self.go.wait(20)
        if not self.stopped:
            yield Message(text="all rates were tried")

    def stop(self):
        self.stopped = True
        self.go.set()


RATES = [10 ** (-4 + 4 * i / 59) for i in range(60)]
FALLING = [Step(step=i + 1, lr=rate, loss=2.3 - 1 / (1 + (0.01 / rate) ** 2)) for i, rate in enumerate(RATES)]


@pytest.fixture
def sweep(monkeypatch):
    """Puts a sweep that only talks in the place of the process."""

    def put(*events, **how) -> SlowSweep:
        fake = SlowSweep(*events, **how)
        monkeypatch.setattr(rate_sweep, "Sweep", lambda request, environment: fake)
        return fake

    return put


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_enter_puts_the_suggestion_into_the_form(workbench, sweep, screen_text, settle, size):
    sweep(*FALLING)
    async with workbench("new_run").run_test(size=size) as pilot:
        form = pilot.app.screen
        await pilot.press("f")
        await settle(pilot, 0.2)
        seen = screen_text(pilot.app)
        for words in ("loss against learning rate", "steepest fall of the smoothed loss", "enter take 0.01", "● take"):
            assert words in seen
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.screen is form
        assert form.desk.draft.sets["optimizer.lr"].startswith("0.01")
        assert form.query_one(Form).field.path == "optimizer.lr"


async def test_a_tenth_of_the_lowest_can_be_taken_too(workbench, sweep, settle):
    sweep(*FALLING)
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("f")
        await settle(pilot, 0.2)
        await pilot.press("t")
        await settle(pilot)
        assert float(pilot.app.screen.desk.draft.sets["optimizer.lr"]) == pytest.approx(0.1, rel=0.1)


async def test_nothing_is_taken_before_the_end_and_q_ends_the_process(workbench, sweep, screen_text, until):
    fake = sweep(*FALLING[:30], hold=True)
    async with workbench("new_run").run_test() as pilot:
        before = pilot.app.screen.desk.draft
        await pilot.press("f")
        await until(pilot, lambda: "step 30 of 100" in screen_text(pilot.app))
        await pilot.press("enter", "t")
        assert isinstance(pilot.app.screen, FindRate)
        await pilot.press("q")
        await until(pilot, lambda: fake.stopped)
        assert pilot.app.screen.desk.draft == before


async def test_what_goes_wrong_is_said(workbench, sweep, screen_text, settle):
    sweep(Failed(reason="gpu_memory", message="out of GPU memory: this run took up to 3.0 GB"))
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("f")
        await settle(pilot, 0.2)
        assert "out of GPU memory: this run took up to 3.0 GB" in screen_text(pilot.app)


async def test_a_data_set_that_is_not_there_is_said(workbench, screen_text, settle):
    app = workbench("new_run")
    async with app.run_test() as pilot:
        app.new_run({"preset": "resnet20_fast"})  # real CIFAR-10, which is not here
        app.screen._take_draft()
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot, 0.2)
        assert "CIFAR-10 is not on this machine" in screen_text(app)


async def test_a_wrong_field_is_shown_first(workbench, sweep, settle):
    sweep(*FALLING)
    async with workbench("new_run").run_test() as pilot:
        pilot.app.screen.desk.put("epochs", "0")
        await pilot.press("f")
        await settle(pilot)
        assert not isinstance(pilot.app.screen, FindRate)
        assert pilot.app.screen.query_one(Form).field.path == "epochs"
