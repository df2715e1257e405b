"""`cifar-tui lr-find`: one real sweep, and what surrounds it."""

import json
import shlex
from xml.etree import ElementTree

import pytest

from engine.analysis.lr_curve import fold
from engine.contract.recipe.catalog import catalog
from engine.contract.run.events import Failed, Message, Step
from engine.contract.run.roots import runs_root
from tui.plans import sweep as rate_sweep

QUICK = ("lr-find", "--preset", "quickstart", "--set", "model=lenet", "--set", "compute.precision=fp32",
         "--batch-size", "16", "--threads", "1", "--device", "cpu")  # fmt: skip


@pytest.mark.usefixtures("shapes_ready")
def test_a_real_sweep_prints_one_object_and_leaves_nothing_behind(cli):
    answer = cli(*QUICK, "--steps", "20", "--min", "1e-4", "--max", "0.1", "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"]) == 20
    assert (found["rates"][0], found["rates"][-1]) == pytest.approx((1e-4, 0.1))
    assert all(1.5 < loss < 4 for loss in found["losses"])
    assert found["device"] == "cpu" and found["ending"] == "all rates were tried"
    assert "training: fp32, 20 steps of 16 images" in answer.err
    assert not runs_root().exists()


class FakeSweep:
    """Says what it was given; `Interrupt` in it is Ctrl-C."""

    def __init__(self, *events):
        self.said, self.stopped = events, 0

    def events(self):
        for event in self.said:
            if event is KeyboardInterrupt:
                raise KeyboardInterrupt
            yield event

    def stop(self):
        self.stopped += 1


@pytest.fixture
def scripted(monkeypatch):
    """Puts a sweep that only talks in the place of the process."""

    def put(*events) -> FakeSweep:
        fake = FakeSweep(*events)
        monkeypatch.setattr(rate_sweep, "Sweep", lambda request, environment: fake)
        return fake

    return put


def falling(steps: int = 60) -> list[Step]:
    """A loss that falls fastest at 0.01."""
    rates = [10 ** (-4 + 4 * i / (steps - 1)) for i in range(steps)]
    return [Step(step=i + 1, lr=rate, loss=2.3 - 1 / (1 + (0.01 / rate) ** 2)) for i, rate in enumerate(rates)]


def test_the_verdict_names_its_rule_and_the_command_that_uses_it(cli, scripted, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    scripted(*falling(), Message(text="all rates were tried"))
    answer = cli(*QUICK, "--set", "optimizer.momentum=0.8")
    curve = fold([step.lr for step in falling()], [step.loss for step in falling()])
    assert curve.suggestion == pytest.approx(0.1, rel=0.01) and curve.second == pytest.approx(0.01, rel=0.3)
    assert answer.code == 0 and "\x1b" not in answer.out
    assert max(map(len, answer.out.splitlines()[:20])) <= 80
    assert f"{curve.suggestion:.3g}  a tenth of the largest rate at which the loss stays low" in answer.out
    assert f"{curve.second:.3g}  where the loss falls fastest" in answer.out
    words = shlex.split(answer.out.splitlines()[-1])
    assert words[words.index("--lr") + 1] == f"{curve.suggestion:.3g}"
    assert "--headless" in words and "--detach" not in words and "optimizer.momentum=0.8" in words
    dry = cli(*words[1:], "--dry-run")
    assert dry.code == 0 and f"lr = {curve.suggestion:.3g}" in dry.out


def test_the_plot_is_written_as_svg(cli, scripted, tmp_path):
    scripted(*falling(), Message(text="all rates were tried"))
    file = tmp_path / "rates.svg"
    answer = cli(*QUICK, "--svg", str(file))
    assert answer.code == 0 and f"wrote {file}" in answer.err and "a tenth of the largest rate" in answer.out
    assert "loss against learning rate" in ElementTree.parse(file).getroot().find(".//{*}text").text


def test_the_name_of_the_svg_is_checked_before_the_sweep(cli, monkeypatch):
    monkeypatch.setattr(rate_sweep, "Sweep", None)
    answer = cli(*QUICK, "--svg", "rates.png")
    assert answer.code == 2 and "--svg rates.png: the name has to end in .svg" in answer.err


def test_without_a_fall_nothing_is_suggested(cli, scripted):
    scripted(*(Step(step=i, lr=1e-4 * 1.1**i, loss=2.3) for i in range(40)))
    answer = cli(*QUICK)
    assert answer.code == 0 and "no suggestion: the loss never clearly fell" in answer.out
    assert "try more steps (--steps 80)" in answer.out and "--lr" not in answer.out
    assert json.loads(cli(*QUICK, "--json").out)["suggestion"] is None


def test_ctrl_c_ends_the_child_and_exits_with_130(cli, scripted):
    fake = scripted(*falling()[:3], KeyboardInterrupt)
    answer = cli(*QUICK)
    assert (answer.code, answer.out, fake.stopped) == (130, "", 1)


@pytest.mark.parametrize(("reason", "code"), [("bad_input", 2), ("gpu_memory", 1), ("data", 1)])
def test_a_sweep_that_fails_says_why(cli, scripted, reason, code):
    scripted(Failed(reason=reason, message="batch_size = 9: too much"))
    answer = cli(*QUICK)
    assert answer.code == code and "error: batch_size = 9: too much" in answer.err and answer.out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--min", "0"), "--min: got 0, needs 1e-09 <= x"),
        (("--min", "1", "--max", "0.1"), "--max: got 0.1, needs 1 (--min) < x"),
        (("--max", "nan"), "--max: got nan"),
        (("--steps", "5"), "--steps: got 5, needs 20 <= x"),
        (("--steps", "0"), "--steps: got 0, needs 20 <= x"),
        (("--set", "optimizer.lr=-1"), "optimizer.lr: got -1, needs > 0"),
        (("--set", "modle=lenet"), "unknown key modle; did you mean model"),
        (("--device", "cuda:99"), "device cuda:99: "),
        (("--seed", "x"), "seeds: got 'x'"),
    ],
)
def test_bad_input_ends_before_a_process_is_started(cli, monkeypatch, words, said):
    monkeypatch.setattr(rate_sweep, "Sweep", None)
    answer = cli(*QUICK, *words)
    assert answer.code == 2 and said in answer.err and answer.out == ""


def test_a_preset_is_needed_and_named(cli):
    assert "lr-find needs --preset; available: " in cli("lr-find").err
    assert "unknown preset 'quickstrat'; did you mean quickstart" in cli("lr-find", "--preset", "quickstrat").err


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ((), 1e-3, 3.0),
        (("--set", "optimizer=adam"), 1e-5, 0.03),
        (("--set", "optimizer=muon"), 2e-4, 0.6),
        (("--min", "1e-4"), 1e-4, 3.0),
        (("--max", "1"), 1e-3, 1.0),
    ],
)
def test_the_rates_to_try_lie_around_the_optimizers_own(cli, monkeypatch, words, low, high):
    asked = []
    fake = FakeSweep(*falling(), Message(text="all rates were tried"))
    monkeypatch.setattr(rate_sweep, "Sweep", lambda request, environment: asked.append(request) or fake)
    assert cli(*QUICK, *words).code == 0
    (request,) = asked
    assert (request["low"], request["high"]) == pytest.approx((low, high)) and request["steps"] == 0


def test_every_optimizer_has_a_rate_of_its_own_to_begin_from(cli, monkeypatch):
    asked = []
    monkeypatch.setattr(rate_sweep, "Sweep", lambda request, environment: asked.append(request) or FakeSweep())
    names = catalog().names("optimizer")
    for name in names:
        cli(*QUICK, "--set", f"optimizer={name}")
    assert len(asked) == len(names)


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "good"), [((), 0.2), (("--set", "optimizer=adam"), 0.001)])
def test_a_rate_is_found_for_the_quickstart(cli, optimizer, good):
    """Within a minute on two free cores."""
    answer = cli("lr-find", "--preset", "quickstart", "--device", "cpu", "--json", *optimizer)
    assert good / 4 <= json.loads(answer.out)["suggestion"] <= 4 * good
