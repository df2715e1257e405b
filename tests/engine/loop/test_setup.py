"""What `prepare` builds from a recipe, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms.functional import normalize

from engine.contract.errors import BadInput
from engine.data.load import Split
from engine.loop.setup import prepare, wants_graph
from engine.models.build import build_model
from engine.train import train_step
from tests.engine.conftest import CPU, tiny_recipe

PLAIN_SGD = {"name": "sgd", "lr": 0.05}


@pytest.fixture
def prepared(tmp_path):
    def prepared(trial, *, seed=1, threads=1):
        return prepare(
            trial.recipe, trial.data, tmp_path / "probe.json", seed=seed, device=CPU, threads=threads, parts=trial.parts
        )

    return prepared


def test_the_weights_are_those_of_a_model_built_after_the_seed(make, prepared):
    trial = make(model="dropout_net")
    setup = prepared(trial, seed=7)
    torch.manual_seed(7)
    net = build_model(trial.recipe.model, num_classes=10, catalog=trial.parts)
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in setup.model.state_dict().items())
    other = prepared(trial, seed=8).model.state_dict()
    assert not all(torch.equal(value, other[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("channels_last", [True, False])
def test_clean_images_are_normalized_as_torchvision_does_it(make, prepared, channels_last):
    setup = prepared(make(compute={"precision": "fp32", "channels_last": channels_last}))
    images = setup.train.images[:8]
    clean = setup.clean(images)
    torch.testing.assert_close(clean, normalize(images / 255, make().data.mean, make().data.std), rtol=1e-4, atol=1e-4)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert clean.is_contiguous(memory_format=layout)
    weights = next(weight for weight in setup.model.parameters() if weight.dim() == 4)
    assert weights.is_contiguous(memory_format=layout)


def test_without_augmentation_a_training_batch_is_the_clean_images_with_one_hot_targets(make, prepared):
    setup = prepared(make(augmentation=[]))
    images, labels = setup.train.images[:16], setup.train.labels[:16]
    x, y = setup.augmented(images, labels, 0, 0)
    assert torch.equal(x, setup.clean(images))
    assert torch.equal(y, F.one_hot(labels, 10).float())
    assert not setup.mixed
    assert prepared(make(augmentation=["random_crop", "mixup"])).mixed


def test_the_objective_is_the_loss_of_the_models_logits(make, prepared):
    setup = prepared(make(loss={"name": "cross_entropy", "label_smoothing": 0.1}))
    x, y = setup.augmented(setup.train.images[:16], setup.train.labels[:16], 0, 0)
    loss, logits = setup.objective(x, y)
    torch.testing.assert_close(logits, setup.model(x))
    torch.testing.assert_close(loss, F.cross_entropy(logits, y, label_smoothing=0.1))


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_model_runs_in_the_precision_that_was_decided(make, prepared, precision, dtype):
    setup = prepared(make(compute={"precision": precision}))
    with setup.autocast():
        assert setup.model(setup.clean(setup.train.images[:4])).dtype == dtype
    assert all(parameter.dtype == torch.float32 for parameter in setup.parameters)


@pytest.mark.parametrize(("last_batch", "steps"), [("drop", 5), ("keep", 6)])
def test_an_epoch_has_as_many_steps_as_batches(make, prepared, last_batch, steps):
    setup = prepared(make(last_batch=last_batch))
    assert setup.steps == steps == len(list(setup.train.batches(range(330), 64, last_batch)))


def test_the_images_are_divided_as_in_the_data_set(make, prepared, tiny):
    setup = prepared(make())
    assert (len(setup.train), setup.holdout, len(setup.test)) == (330, None, 105)
    part = Split(tiny.train.images[:60], tiny.train.labels[:60])
    setup = prepared(make(replace(tiny, holdout=part)))
    assert setup.holdout is not None and torch.equal(setup.holdout.labels, part.labels)


def test_the_optimizer_starts_at_the_peak_rate_and_holds_every_trainable_parameter(make, prepared):
    setup = prepared(make(optimizer={"name": "sgd", "lr": 0.25}))
    assert setup.peak_lr == 0.25
    held = {id(parameter) for group in setup.optimizer.param_groups for parameter in group["params"]}
    assert held == {id(parameter) for parameter in setup.parameters}


@pytest.mark.parametrize("deterministic", [True, False])
def test_torch_is_configured_as_the_recipe_says(make, prepared, deterministic):
    torch.backends.cudnn.allow_tf32 = True
    prepared(make(compute={"precision": "fp32", "deterministic": deterministic}), threads=1)
    assert torch.backends.cudnn.allow_tf32 is False
    assert torch.are_deterministic_algorithms_enabled() is deterministic
    assert torch.backends.cudnn.benchmark is not deterministic
    assert torch.get_num_threads() == 1


def test_what_was_decided_is_recorded_and_read_again(make, prepared, tmp_path):
    trial = make(compute={"precision": "fp32"})
    first = prepared(trial).decisions
    record = json.loads((tmp_path / "probe.json").read_text())
    assert record["precision"] == first.precision == "fp32"
    (tmp_path / "probe.json").write_text(json.dumps(record | {"precision": "bf16"}))
    assert prepared(trial).decisions.precision == "bf16"


def test_a_compiler_that_does_not_work_is_a_warning(make, prepared, monkeypatch):
    monkeypatch.setattr("engine.loop.decisions.compile_problem", lambda device: "no C++ compiler")
    setup = prepared(make(compute={"precision": "fp32", "compile": "default"}))
    assert setup.decisions.compile == "off"
    assert setup.warnings == ["torch.compile does not work here, running eagerly: no C++ compiler"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"compute": {"accumulate": 2}}, "accumulate"),
        ({"compute": {"deterministic": True}}, "deterministic"),
        ({"optimizer": PLAIN_SGD | {"sharpness": "sam"}}, "two passes"),
        ({"optimizer": PLAIN_SGD | {"lookahead": 5}}, "lookahead"),
        ({"schedule": {"name": "one_cycle", "momentum_low": 0.8}}, "momentum"),
        ({"loss": {"name": "distillation", "teacher": "/nowhere"}}, "teacher"),
    ],
)
def test_what_differs_from_step_to_step_is_not_recorded(parts, changes, reason):
    assert not wants_graph(tiny_recipe(parts, **changes), parts)
    insisting = changes | {"compute": changes.get("compute", {}) | {"graph": "on"}}
    with pytest.raises(BadInput, match=rf"compute\.graph: .*{reason}"):
        tiny_recipe(parts, **insisting)


def test_only_parts_of_our_own_are_recorded_without_being_asked(parts):
    assert wants_graph(tiny_recipe(parts), parts)
    assert not wants_graph(tiny_recipe(parts, compute={"graph": "off"}), parts)
    own = {"model": "dropout_net"}
    assert not wants_graph(tiny_recipe(parts, **own), parts)
    assert wants_graph(tiny_recipe(parts, **own, compute={"graph": "on"}), parts)


@pytest.mark.parametrize("model", ["lenet", {"name": "resnet20", "ghost_batch": 16}], ids=str)
def test_a_step_in_micro_batches_is_that_of_the_whole_batch(make, prepared, model):
    ends = []
    for size in (0, 16):
        setup = prepared(make(model=model))
        setup.decisions = replace(setup.decisions, micro_batch=size)
        x, y = setup.augmented(setup.train.images[:64], setup.train.labels[:64], 0, 0)
        loss, logits, _ = train_step(setup, x, y, accumulate=1, clip_norm=0.0)
        ends.append((loss, logits, setup.model.state_dict()))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-4, atol=1e-5)
