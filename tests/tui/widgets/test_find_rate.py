"""The learning-rate sweep on the screen: drawn beside the form as it runs, its result taken into the form."""

import threading

import pytest

from engine.contract.run.events import Failed, Message, Phase, RunStarted, Step
from tui.forms.form import Form
from tui.plans import sweep as rate_sweep
from tui.screens.confirm import Confirm
from tui.screens.new_run import NewRun
from tui.widgets.find_rate import FindRate


class SlowSweep:
    """Emits its events, then waits until it is released or stopped."""

    def __init__(self, *events, hold=False):
        self.recorded, self.go, self.stopped = events, threading.Event(), False
        if not hold:
            self.go.set()

    def events(self):
        yield Phase(name="training", note="fp32, 60 steps of 16 images")
        yield from self.recorded
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
    """Replaces the process of a sweep with one that only emits events."""

    def put(*events, **how) -> SlowSweep:
        fake = SlowSweep(*events, **how)
        monkeypatch.setattr(rate_sweep, "Sweep", lambda request, environment: fake)
        return fake

    return put


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_sweep_is_drawn_beside_the_form_and_a_key_takes_its_rate(workbench, sweep, screen_text, settle, size):
    sweep(*FALLING)
    async with workbench("new_run").run_test(size=size) as pilot:
        await pilot.press("f")
        await settle(pilot, 0.3)
        seen = screen_text(pilot.app)
        for words in ("loss against learning rate", "a tenth of the largest rate", "● take", "learning rate 0.2"):
            assert words in " ".join(seen.split())
        line = seen.splitlines()[-1]
        assert line.startswith(" f use 0.1 or ") and "esc close the sweep" in line
        assert line.count(" f ") == 1
        await pilot.press("f")
        await settle(pilot)
        assert "a tenth of the largest rate" in screen_text(pilot.app)
        await pilot.press("enter")
        await settle(pilot)
        form = pilot.app.screen
        assert form.editor.draft.sets["optimizer.lr"] == "0.1"
        assert form.query_one(Form).field.path == "optimizer.lr"
        assert "loss against learning rate" not in screen_text(pilot.app)
        await pilot.press("u")
        await settle(pilot)
        assert "optimizer.lr" not in form.editor.draft.sets, "undone like any other change"


async def test_the_rate_where_the_loss_falls_fastest_can_be_taken_too(workbench, sweep, settle):
    sweep(*FALLING)
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("f")
        await settle(pilot, 0.3)
        await pilot.press("f")
        await settle(pilot)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert float(pilot.app.screen.editor.draft.sets["optimizer.lr"]) == pytest.approx(0.01, rel=0.3)


async def test_the_form_can_be_filled_in_while_the_sweep_runs(workbench, sweep, screen_text, until):
    fake = sweep(RunStarted(steps_per_epoch=60), *FALLING[:30], hold=True)
    async with workbench("new_run").run_test(size=(120, 40)) as pilot:
        await pilot.press("f")
        await until(pilot, lambda: "step 30 of 60" in screen_text(pilot.app))
        assert " left" in screen_text(pilot.app)
        editor = pilot.app.screen.editor
        pilot.app.screen.query_one(Form).go_to("epochs")
        await pilot.press("enter", *["backspace"] * 4, "5", "enter")
        await until(pilot, lambda: editor.draft.sets.get("epochs") == "5")
        assert "the form has changed since this sweep started" in screen_text(pilot.app)
        await pilot.press("f")
        await pilot.pause()
        assert "optimizer.lr" not in editor.draft.sets, "nothing is taken before the end"
        assert not fake.stopped
        fake.stop()  # else the workbench waits for it when it closes


@pytest.mark.parametrize("key", ["q", "escape"])
async def test_going_back_ends_the_sweep_before_it_leaves_the_form(workbench, sweep, screen_text, until, key, settle):
    fake = sweep(*FALLING[:30], hold=True)
    async with workbench("new_run").run_test() as pilot:
        before = pilot.app.screen.editor.draft
        await pilot.press("f")
        await until(pilot, lambda: "step 30" in screen_text(pilot.app))
        await pilot.press(key)
        await until(pilot, lambda: fake.stopped)
        assert isinstance(pilot.app.screen, NewRun) and pilot.app.screen.editor.draft == before
        assert "loss against learning rate" not in screen_text(pilot.app)
        await pilot.press(key)
        await settle(pilot)
        assert isinstance(pilot.app.screen, Confirm)


async def test_closing_the_workbench_ends_the_sweep(workbench, sweep, screen_text, until):
    fake = sweep(*FALLING[:30], hold=True)
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("f")
        await until(pilot, lambda: "step 30" in screen_text(pilot.app))
    assert fake.stopped


async def test_a_result_is_announced_on_other_screens(workbench, sweep, screen_text, settle, until):
    fake = sweep(*FALLING, hold=True)
    app = workbench("new_run")
    async with app.run_test() as pilot:
        await pilot.press("f")
        await until(pilot, lambda: "step 60" in screen_text(app))
        await pilot.press("5")
        await until(pilot, lambda: app.current_mode == "queue")
        fake.go.set()
        await until(
            pilot, lambda: any("the sweep of quickstart has ended: 0.1" in n.message for n in app._notifications)
        )
        await pilot.press("4", "f")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.screen.editor.draft.sets["optimizer.lr"] == "0.1"


async def test_another_preset_ends_the_sweep_of_the_one_before(workbench, sweep, screen_text, settle, until):
    fake = sweep(*FALLING[:30], hold=True)
    app = workbench("new_run")
    async with app.run_test() as pilot:
        await pilot.press("f")
        await until(pilot, lambda: "step 30" in screen_text(app))
        await pilot.press("p", "j", "enter")
        await until(pilot, lambda: fake.stopped)
        assert app.screen.editor.draft.preset != "quickstart" and "step 30" not in screen_text(app)


async def test_without_a_rate_the_same_key_tries_more_steps(workbench, sweep, screen_text, settle, monkeypatch):
    sweep(*(Step(step=i, lr=1e-4 * 1.1**i, loss=2.3) for i in range(1, 41)))
    async with workbench("new_run").run_test(size=(120, 40)) as pilot:
        await pilot.press("f")
        await settle(pilot, 0.3)
        seen = " ".join(screen_text(pilot.app).split())
        assert "no suggestion: the loss never clearly fell" in seen and "f tries 80 steps instead" in seen
        asked, fake = [], SlowSweep(*FALLING)
        monkeypatch.setattr(rate_sweep, "Sweep", lambda request, environment: asked.append(request) or fake)
        await pilot.press("f")
        await settle(pilot, 0.3)
        assert [request["steps"] for request in asked] == [80]
        assert "f use 0.1 or" in screen_text(pilot.app)


async def test_a_failure_is_shown_and_can_be_retried(workbench, sweep, screen_text, settle):
    sweep(Failed(reason="gpu_memory", message="out of GPU memory: this run took up to 3.0 GB"))
    async with workbench("new_run").run_test(size=(120, 40)) as pilot:
        await pilot.press("f")
        await settle(pilot, 0.3)
        assert "out of GPU memory: this run took up to 3.0 GB" in screen_text(pilot.app)
        sweep(*FALLING)
        await pilot.press("f")
        await settle(pilot, 0.3)
        assert "f use 0.1 or" in screen_text(pilot.app)


async def test_a_missing_data_set_is_shown(workbench, screen_text, settle):
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        app.new_run({"preset": "resnet20_fast"})  # real CIFAR-10, which is not here
        app.screen._open_requested_draft()
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot, 0.3)
        assert "CIFAR-10 is not on this machine" in screen_text(app)


async def test_a_wrong_field_is_shown_first(workbench, sweep, settle):
    sweep(*FALLING)
    async with workbench("new_run").run_test() as pilot:
        pilot.app.screen.editor.put("epochs", "0")
        await pilot.press("f")
        await settle(pilot)
        assert pilot.app.screen.query_one(FindRate).draft is None
        assert pilot.app.screen.query_one(Form).field.path == "epochs"
