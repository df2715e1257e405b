"""Runs that start from given weights: whose they are, what fits, and that a run resumes exactly without the file."""

import shutil

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.contract.run.create import create
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Message, Resumed
from engine.contract.run.initial import with_initial
from engine.contract.run.records import ExitRecord
from engine.exchange.weights.niwenjin import to_niwenjin
from engine.loop.checkpoint_files import load_weights
from engine.loop.initial import fit_state
from engine.models.build import build_model
from tests.engine.conftest import Trial, tiny_recipe

FROZEN = {"optimizer": {"name": "sgd", "lr": 1e-30, "momentum": 0.0}, "epochs": 1}
"""Steps that change no parameter of lenet, which has no batch norm either."""


@pytest.fixture
def starting(tmp_path, tiny, parts):
    """`starting(init_from, **changes)`: a run that starts from these weights."""

    def make(init_from: str, root: str = "starting", **changes: object) -> Trial:
        recipe, initial = with_initial(tiny_recipe(parts, init_from=init_from, **changes), [])
        return Trial(recipe, create(tmp_path / root, recipe, seed=1, initial=initial), tiny, parts)

    return make


def build(name: str, classes: int = 10, **options: object) -> nn.Module:
    choice = Choice.model_validate({"name": name, **options})
    return build_model(choice, num_classes=classes, in_channels=3, image_size=32, catalog=catalog())


def ended(trial: Trial) -> Trial:
    """With the record that a supervisor writes, and the last event, which the caller of the loop writes."""
    with EventWriter(trial.run.events) as events:
        for event in trial.events:
            events.write(event)
    ExitRecord(state="finished", ended=trial.events[-1].t).write(trial.run.exit)
    return trial


def messages(events) -> list[str]:
    return [event.text for event in events if isinstance(event, Message) and event.text.startswith("starts from")]


@pytest.mark.parametrize("form", ["pth", "safetensors"])
def test_training_starts_from_the_file(starting, tmp_path, form):
    state, file = build("lenet").state_dict(), tmp_path / f"x.{form}"
    torch.save(state, file) if form == "pth" else save_file(state, file)
    trial = starting(str(file), **FROZEN)
    events = trial.go()
    assert messages(events) == [f"starts from {file} (SHA-256 {trial.run.info().initial['sha256'][:12]})"]
    assert all(torch.equal(trial.weights()[name], state[name]) for name in state)


@pytest.mark.parametrize("averaging", ["off", "ema"])
def test_the_average_starts_there_too(starting, tmp_path, averaging):
    state, file = build("lenet").state_dict(), tmp_path / "x.pth"
    torch.save(state, file)
    trial = starting(str(file), averaging=averaging, **FROZEN)
    trial.go()
    for name, value in trial.weights().items():
        torch.testing.assert_close(value, state[name])


def test_our_own_run_by_way_of_safetensors(make, starting, tmp_path, tiny):
    """The logits before the first step are those of the run that the weights come from."""
    first = make(epochs=2)
    epochs = [event for event in first.go() if isinstance(event, Epoch)]
    ended(first)
    file = tmp_path / "x.safetensors"
    save_file({name: value.contiguous() for name, value in first.weights().items()}, file)
    for source in (str(file), str(first.run.path)):
        trial = starting(source, root=source.replace("/", "_"), **FROZEN)
        (epoch,) = (event for event in trial.go() if isinstance(event, Epoch))
        assert (epoch.test_loss, epoch.test_accuracy) == (epochs[-1].test_loss, epochs[-1].test_accuracy)
        before, after = (load_weights(each.run.checkpoints)["logits"] for each in (first, trial))
        assert torch.equal(before, after)


@pytest.mark.parametrize("gone", [True, False])
def test_a_resume_needs_no_file_and_is_exact(starting, tmp_path, gone):
    file = tmp_path / "x.pth"
    torch.save(build("lenet").state_dict(), file)
    whole = starting(str(file), root="whole", epochs=2)
    whole.go()
    trial = starting(str(file), epochs=2)
    trial.stop_at(1, 2)
    file.unlink() if gone else file.write_bytes(b"changed")
    events = trial.go()
    (resumed,) = (event for event in events if isinstance(event, Resumed))
    assert (resumed.epoch, resumed.step, resumed.exact) == (1, 2, True) and not messages(events)
    assert whole.ends_as(trial)


def test_a_first_start_without_the_file_is_refused(starting, tmp_path):
    file = tmp_path / "x.pth"
    torch.save(build("lenet").state_dict(), file)
    trial = starting(str(file))
    file.unlink()
    with pytest.raises(BadInput, match=r"^init_from: .*x.pth: no such file"):
        trial.go()
    torch.save(build("lenet").state_dict(), file)
    with pytest.raises(BadInput, match=r"^init_from: .* these weights have changed \(SHA-256 \w{12}, \w{12} when"):
        trial.go()


def test_starting_over_needs_the_file(starting, tmp_path):
    """Without an intact checkpoint, training never begins from random weights instead."""
    file = tmp_path / "x.pth"
    torch.save(build("lenet").state_dict(), file)
    trial = starting(str(file), epochs=2)
    trial.stop_at(1, 1)
    for checkpoint in trial.run.checkpoints.iterdir():
        (checkpoint / "weights.pt").write_bytes(b"damaged")
    kept = tmp_path / "kept.pth"
    file.rename(kept)
    with pytest.raises(BadInput, match="no such file"):
        trial.go()
    kept.rename(file)
    assert len(messages(trial.go())) == 1


def test_without_initial_weights_the_seed_decides(make, starting, tmp_path):
    """Loading weights draws no random number: order and augmentation of a seed stay what they were."""
    plain = make(epochs=1)
    plain.go()
    file = tmp_path / "x.pth"
    torch.manual_seed(1)
    torch.save(build("lenet").state_dict(), file)
    trial = starting(str(file), epochs=1)
    trial.go()
    assert trial.ends_as(plain)


# --- what fits ------------------------------------------------------------------------------------------------


def test_the_classifier_is_replaced_where_classes_differ():
    with torch.device("meta"):
        model = build("resnet18", 10)
    fitted = fit_state(build("resnet18", 100).state_dict(), model, "resnet18", 10, "x.pth")
    assert fitted.head == ("; the classifier starts from random weights (head.bias, head.weight): 100 classes, not 10")
    assert fitted.state.keys() == model.state_dict().keys() - {"head.weight", "head.bias"}


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_the_names_of_niwenjin_are_understood(name):
    model = build(name)
    state = to_niwenjin(model.state_dict())
    fitted = fit_state({f"module.{key}": value for key, value in state.items()}, build(name), name, 10, "best.pth")
    assert all(torch.equal(fitted.state[key], value) for key, value in model.state_dict().items())


def test_a_model_of_timm_takes_the_file_of_timm(tmp_path):
    """`timm:` models that see enlarged images have a prefix that timm's own files lack."""
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("resnet18", num_classes=10).eval()
    ours = build("timm:resnet18")
    fitted = fit_state(theirs.state_dict(), ours, "timm:resnet18", 10, "x.pth")
    ours.load_state_dict(fitted.state)
    images = torch.randn(2, 3, 32, 32)
    large = nn.functional.interpolate(images, (128, 128), mode="bilinear")
    with torch.no_grad():
        assert torch.equal(ours.eval()(images), theirs(large))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s | {"extra.weight": torch.ones(1)}, "x.pth does not fit lenet: 1 surplus (extra.weight)"),
        (lambda s: {k: v for k, v in s.items() if k != "fc2.bias"}, "1 missing (fc2.bias)"),
        (
            lambda s: {k.replace("fc2", "fc_2"): v for k, v in s.items()},
            "2 missing (fc2.weight, nearest fc_2.weight; fc2.bias, nearest fc_2.bias); "
            "2 surplus (fc_2.weight, nearest fc2.weight; fc_2.bias, nearest fc2.bias)",
        ),
        (lambda s: {f"x{k}y": v for k, v in s.items()}, " and 7 more); 10 surplus (x"),
        (lambda s: s | {"fc1.weight": torch.ones(3, 3)}, "fc1.weight is 3x3 there, 120x400 in lenet"),
        (lambda s: s | {"fc1.bias": torch.full((120,), float("nan"))}, "fc1.bias has values that are not finite"),
        (
            lambda s: s | {"fc1.bias": torch.ones(120, dtype=torch.int8)},
            "fc1.bias is of type torch.int8, needs torch.f",
        ),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(change, says):
    model = Lenet()
    with pytest.raises(BadInput) as caught:
        fit_state(change(model.state_dict()), model, "lenet", 10, "x.pth")
    (problem,) = caught.value.problems
    assert says in problem and "\n" not in problem


class Lenet(nn.Module):
    """Of known names, whatever ours are called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)


def test_counters_of_old_batch_norms_may_be_missing():
    model = build("resnet20")
    state = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    assert fit_state(state, model, "resnet20", 10, "x.pth").state.keys() == state.keys()


def test_a_run_in_the_trash_is_gone(starting, make, tmp_path):
    first = make(epochs=1)
    first.go()
    trial = starting(str(ended(first).run.path), epochs=1)
    shutil.rmtree(first.run.path)
    with pytest.raises(BadInput, match=rf"^init_from: run {first.run.id} is gone; it was in {first.run.path}"):
        trial.go()
