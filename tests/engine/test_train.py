"""What the loop does and says."""

import gc
import itertools
import json
import math
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from engine.augment.pipeline import Pipeline
from engine.contract.errors import BadInput
from engine.contract.run import predictions
from engine.contract.run.events import (
    Checkpoint,
    Epoch,
    Finished,
    Message,
    Phase,
    RunStarted,
    Step,
    Stopped,
    encode,
    read_event,
)
from engine.data.device import Resident
from engine.data.load import DataSet, Split
from engine.data.split import epoch_order
from engine.loop.evaluate import predict, score
from engine.loop.observe import Diverged
from engine.models.build import build_model

CPU = torch.device("cpu")


def test_it_learns(make, tiny):
    memorised = DataSet(**(vars(tiny) | {"test": tiny.train}))
    trial = make(memorised, epochs=25, augmentation=[], model="dropout_net", optimizer={"name": "adam", "lr": 0.005})
    finished = trial.go()[-1]
    assert finished.last_accuracy > 0.9
    losses = [event.train_loss for event in trial.events if isinstance(event, Epoch)]
    assert losses[-1] < losses[0] / 3


def test_the_events_come_in_order_and_each_can_be_written(make):
    trial = make(averaging="ema")
    events = trial.go(interval=0)
    order = [type(event) for event in events if not isinstance(event, Step | Checkpoint)]
    assert order == [Phase, RunStarted, Message, *[Phase, Phase, Epoch] * 3, Phase, Finished]
    phases = [event.name for event in events if isinstance(event, Phase)]
    assert phases == ["starting", *["training", "evaluating"] * 3, "saving"]
    assert [event.why for event in events if isinstance(event, Checkpoint)][-1] == "end"
    assert next((event.epoch, event.step) for event in events if isinstance(event, Step)) == (1, 1)
    assert all(encode(event) for event in events)
    times = [event.t for event in events if not isinstance(event, Checkpoint)]  # these carry the time of the writer
    assert times == sorted(times)


def test_it_says_what_it_trains_on(make, tiny):
    trial = make(batch_size=50, last_batch="keep", averaging="ema")
    started = next(event for event in trial.go(stop_after=0) if isinstance(event, RunStarted))
    assert (started.epochs, started.steps_per_epoch, started.batch_size, started.params) == (3, 7, 50, 62_006)
    assert (started.train_images, started.test_images, started.holdout_images) == (330, 105, 0)
    assert started.classes == list(tiny.classes)
    assert (started.device, started.precision, started.compile, started.threads) == ("cpu", "fp32", "off", 1)
    assert (started.best_on, started.attempt) == ("test", 1)


@pytest.mark.parametrize("last_batch, steps, images", [("drop", 5, 320), ("keep", 6, 330)])
def test_the_train_figures_are_means_over_the_images_that_were_seen(make, last_batch, steps, images):
    """With a learning rate of next to nothing every batch is judged by the same weights: one can be asked for them."""
    model = {"name": "dropout_net", "drop": 0.0}
    options = {"name": "sgd", "lr": 1e-30, "momentum": 0.0}
    trial = make(epochs=1, last_batch=last_batch, augmentation=[], model=model, optimizer=options)
    epoch = next(event for event in trial.go() if isinstance(event, Epoch))
    net = build_model(trial.recipe.model, num_classes=10, catalog=trial.parts)
    net.load_state_dict(trial.weights())
    net.train()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (trial.data.mean, trial.data.std))
    order = torch.from_numpy(epoch_order(trial.seed, 0, 330))[:images]
    losses, hits = 0.0, 0
    for chosen in order.split(64):
        logits = net((trial.data.train.images[chosen] / 255 - mean) / std)
        labels = trial.data.train.labels[chosen]
        losses += F.cross_entropy(logits, labels, reduction="sum").item()
        hits += int((logits.argmax(1) == labels).sum())
    assert len(order.split(64)) == steps
    assert epoch.train_loss == pytest.approx(losses / images, rel=1e-5)
    assert epoch.train_accuracy == pytest.approx(hits / images, abs=1e-9)


def test_one_step_equals_plain_torch(make):
    """The whole chain of order, normalisation, loss, clipping and SGD, against a few lines of torch."""
    options = {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "clip_norm": 0.3}
    trial = make(epochs=1, batch_size=330, augmentation=[], optimizer=options, schedule="constant")
    torch.manual_seed(1)
    net = build_model(trial.recipe.model, num_classes=10, catalog=trial.parts)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (trial.data.mean, trial.data.std))
    before = torch.cat([parameter.detach().flatten().clone() for parameter in net.parameters()])
    F.cross_entropy(net((trial.data.train.images / 255 - mean) / std), trial.data.train.labels).backward()
    norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 0.3)
    optimizer.step()
    after = torch.cat([parameter.detach().flatten() for parameter in net.parameters()])
    epoch = next(event for event in trial.go() if isinstance(event, Epoch))
    for name, value in net.state_dict().items():
        torch.testing.assert_close(trial.weights()[name], value, rtol=1e-4, atol=1e-6)
    assert epoch.grad_norm == pytest.approx(norm.item(), rel=1e-4)
    assert epoch.update_ratio == pytest.approx(((after - before).norm() / before.norm()).item(), rel=1e-3)
    assert epoch.nonfinite == 0


def test_accumulated_gradients_are_those_of_the_whole_batch(make):
    one, parts = make(), make(compute={"precision": "fp32", "accumulate": 4})  # lenet has no batch norm
    one.go()
    parts.go()
    for name, value in one.weights().items():
        torch.testing.assert_close(parts.weights()[name], value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "observation",
    [
        {"evaluate": {"train_every": 1}},
        {"evaluate": {"every": 3}},
        {"evaluate": {"tta": "crops"}},
        {"interval": 0},
        {"interval": 1e9},
    ],
    ids=["clean pass over train", "test every third epoch", "six views", "checkpoints all the time", "no checkpoints"],
)
def test_looking_at_a_run_does_not_change_it(make, observation):
    common = {"model": "dropout_net", "averaging": "ema", "augmentation": ["random_crop", "mixup"]}
    plain = make(**common)
    plain.go(interval=30)
    interval = observation.pop("interval", 30) if "interval" in observation else 30
    watched = make(**common, **observation)
    watched.go(interval=interval)
    assert watched.ends_as(plain)


def test_evaluation_is_made_when_due_and_always_at_the_end(make):
    trial = make(epochs=5, evaluate={"every": 2, "train_every": 3}, averaging="ema")
    events = [event for event in trial.go() if isinstance(event, Epoch)]
    assert [math.isnan(event.test_accuracy) for event in events] == [True, False, True, False, False]
    assert [math.isnan(event.raw_test_accuracy) for event in events] == [True, False, True, False, False]
    assert [math.isnan(event.clean_train_loss) for event in events] == [True, True, False, True, True]
    assert all(len(event.per_class) == (0 if math.isnan(event.test_accuracy) else 10) for event in events)


def test_views_stand_beside_the_plain_figure_and_only_when_asked_for(make):
    plain, seen = make(epochs=2), make(epochs=2, evaluate={"tta": "flip"})
    one, other = ([event for event in trial.go() if isinstance(event, Epoch)] for trial in (plain, seen))
    assert [event.test_accuracy for event in one] == [event.test_accuracy for event in other]
    assert all(event.tta == "off" and math.isnan(event.tta_accuracy) for event in one)
    assert all(event.tta == "flip" and 0 < event.tta_accuracy < 1 for event in other)
    assert all(math.isnan(event.test_top5) for event in one)
    assert seen.run.predictions.read_bytes() == plain.run.predictions.read_bytes()


def evaluate(trial, which, split):
    net = build_model(trial.recipe.model, num_classes=10, catalog=trial.parts).to(memory_format=torch.channels_last)
    net.load_state_dict(trial.weights(which))
    pipeline = Pipeline([], seed=0, mean=trial.data.mean, std=trial.data.std, num_classes=10)
    fp32 = torch.autocast("cpu", enabled=False)
    return predict(net, Resident(split, CPU), len(split), pipeline.normalize, lambda: fp32)


@pytest.mark.parametrize("averaging", ["off", "ema"])
def test_predictions_equal_a_fresh_evaluation_of_the_saved_weights(make, tiny, averaging):
    trial = make(epochs=4, averaging=averaging, optimizer={"name": "sgd", "lr": 0.2}, schedule="constant")
    finished = trial.go()[-1]
    found = predictions.read(trial.run.predictions)
    for which, logits in (("last", found.last), ("best", found.best)):
        fresh = evaluate(trial, which, tiny.test)
        assert np.array_equal(logits, (fresh - fresh.amax(1, keepdim=True)).half().numpy()), which
    assert np.array_equal(found.labels, tiny.test.labels.numpy())
    assert tuple(found.classes) == tiny.classes
    assert (found.last_epoch, found.best_epoch) == (4, finished.best_epoch)
    assert found.weights == found.best_weights == ("raw" if averaging == "off" else "ema")
    assert (found.version, found.data, len(found.holdout)) == (2, tiny.fingerprint, 0)
    assert np.array_equal(found.test_index, np.arange(len(tiny.test)))
    epochs = {event.epoch: event for event in trial.events if isinstance(event, Epoch)}
    assert (found.last.argmax(1) == found.labels).mean() == epochs[4].test_accuracy == finished.last_accuracy
    assert (
        epochs[finished.best_epoch].test_accuracy
        == finished.best_accuracy
        == max(e.test_accuracy for e in epochs.values())
    )


def test_the_average_is_the_headline_and_the_raw_weights_stand_beside_it(make, tiny):
    trial = make(averaging={"name": "ema", "decay": 0.9, "warmup": False}, optimizer={"name": "sgd", "lr": 0.2})
    epochs = [event for event in trial.go() if isinstance(event, Epoch)]
    raw = make(optimizer={"name": "sgd", "lr": 0.2})
    plain = [event for event in raw.go() if isinstance(event, Epoch)]
    assert [event.raw_test_accuracy for event in epochs] == [event.test_accuracy for event in plain]
    assert [event.weights for event in epochs] == ["ema"] * 3
    assert [event.weights for event in plain] == ["raw"] * 3
    assert [event.test_loss for event in epochs] != [event.test_loss for event in plain]
    assert all(math.isnan(event.raw_test_accuracy) for event in plain)


def test_a_holdout_selects_the_best_epoch(make, tiny):
    part = Split(tiny.train.images[:60], tiny.train.labels[:60])
    trial = make(DataSet(**(vars(tiny) | {"holdout": part})), epochs=6, optimizer={"name": "sgd", "lr": 0.3})
    finished = trial.go()[-1]
    epochs = [event for event in trial.events if isinstance(event, Epoch)]
    best = max(epochs, key=lambda event: event.holdout_accuracy)
    assert finished.best_on == "holdout"
    assert (finished.best_epoch, finished.best_accuracy) == (best.epoch, best.test_accuracy)
    assert best.holdout_accuracy == score(evaluate(trial, "best", part), part.labels).accuracy


@pytest.mark.parametrize(
    "augmentation, mixed",
    [
        ([], False),
        (["random_crop"], False),
        (["random_crop", "cutmix"], True),
        ([{"name": "with_probability", "probability": 0.5, "of": ["mixup"]}], True),
    ],
)
def test_train_accuracy_under_mixed_labels_is_marked(make, augmentation, mixed):
    events = make(epochs=1, augmentation=augmentation).go()
    assert next(event for event in events if isinstance(event, Epoch)).train_mixed is mixed


@pytest.mark.parametrize("above", [0.0, 40.0])
def test_a_loss_that_is_no_number_ends_the_run(make, above):
    trial = make(loss={"name": "explodes", "above": above}, optimizer={"name": "sgd", "lr": 5.0}, schedule="constant")
    with pytest.raises(Diverged, match=r"the loss became nan in epoch \d+, step \d+, at a learning rate of 5"):
        trial.go()


def test_one_bad_loss_between_two_live_ones_is_noticed(make, monkeypatch):
    monkeypatch.setattr("engine.loop.observe.EVERY", 1e9)
    trial = make(loss={"name": "explodes", "above": 0.0})
    with pytest.raises(Diverged):
        trial.go()
    assert sum(isinstance(event, Step) for event in trial.events) <= 1


@pytest.mark.parametrize("averaging", ["off", "ema"])
def test_weights_that_the_very_last_step_blows_up_end_the_run_as_diverged(make, averaging):
    last_step = {"batch_size": 320, "epochs": 1, "schedule": "constant", "optimizer": {"name": "sgd", "lr": 1e30}}
    trial = make(**last_step, averaging=averaging)
    with pytest.raises(Diverged, match=r"after epoch 1 the model's output is no finite number for 105 of 105 test"):
        trial.go()
    assert not any(isinstance(event, Epoch | Finished) for event in trial.events)


def test_no_value_of_a_run_that_blows_up_is_taken_for_garbage(make):
    """A rate of 1e30 is a mistake, but it is what the run was told, and the reader of its events has to show it."""
    trial = make(batch_size=320, epochs=1, schedule="constant", optimizer={"name": "sgd", "lr": 1e30})
    with pytest.raises(Diverged):
        trial.go()
    assert [event.lr for event in trial.events if isinstance(event, Step)] == [1e30]
    for event in trial.events:
        assert read_event(json.loads(encode(event))) == (event, 0)


@pytest.mark.parametrize("which", ["test", "holdout", "clean", "raw", "tta"])
def test_any_evaluation_that_meets_logits_that_are_not_finite_ends_the_run_and_its_epoch_is_never_best(
    make, tiny, monkeypatch, which
):
    from engine.loop import judge

    changes = {"evaluate": {"train_every": 1}, "averaging": "ema", "epochs": 2}
    at = {"clean": 0, "test": 1, "holdout": 2, "raw": 3, "tta": 1}[which]
    if which == "tta":
        changes["evaluate"] |= {"tta": "flip"}
    held_out = Split(tiny.test.images[:50], tiny.test.labels[:50])
    trial, asked = make(DataSet(**(vars(tiny) | {"holdout": held_out})), **changes), itertools.count()

    def predict(*arguments):
        found = predicted(*arguments)
        if next(asked) == 4 + at:  # in the second epoch
            found[-1][3] = math.nan  # of the last view alone, for one image
        return found

    predicted = judge.predict_views
    monkeypatch.setattr(judge, "predict_views", predict)
    with pytest.raises(Diverged, match="after epoch 2 the model's output is no finite number for 1 of"):
        trial.go()
    assert [event.epoch for event in trial.events if isinstance(event, Epoch)] == [1]
    trial.go(attempt=2)
    assert [event for event in trial.events if isinstance(event, Finished)], "the same run goes on from before"


def test_live_losses_come_at_most_twice_a_second(make):
    trial = make(epochs=8)
    steps = [event for event in trial.go() if isinstance(event, Step)]
    gaps = [later.t - earlier.t for earlier, later in itertools.pairwise(steps)]
    assert steps[0].step == 1
    assert all(gap > 0.4 for gap in gaps)
    assert all(event.images_per_second > 0 for event in steps)


def test_fewer_images_than_a_batch_are_refused(make):
    with pytest.raises(BadInput, match=r"batch_size = 400: the training set has only 330 images"):
        make(batch_size=400, last_batch="keep").go()


def test_closing_the_stream_ends_the_writer_and_leaves_no_context_open(make):
    stream = make().start(interval=0)
    next(event for event in stream if isinstance(event, Epoch))
    stream.close()
    gc.collect()
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("checkpoint")]


def test_no_event_is_told_inside_a_context(make):
    for _ in make(averaging="ema", compute={"precision": "bf16"}).start(interval=0):
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")


class Syncs(TorchDispatchMode):
    """Counts the calls that would make the host wait for a device."""

    WAITING = (
        torch.ops.aten._local_scalar_dense.default,
        torch.ops.aten.nonzero.default,
        torch.ops.aten.is_nonzero.default,
        torch.ops.aten.masked_select.default,
        torch.ops.aten.equal.default,
        torch.ops.aten.unique_dim.default,
    )

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        boolean = func is torch.ops.aten.index.Tensor and any(i is not None and i.dtype == torch.bool for i in args[1])
        if func in self.WAITING or boolean:
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"averaging": "ema", "optimizer": {"name": "adamw", "clip_norm": 1.0}},
        {"augmentation": ["random_crop", "color_jitter", {"name": "choice", "of": ["mixup", "cutmix"]}]},
        {"compute": {"precision": "bf16", "accumulate": 2}},
        {"schedule": {"name": "one_cycle", "momentum_low": 0.5}},
    ],
)
def test_no_step_waits_for_the_device(make, changes):
    stream = make(**changes).start()
    for event in stream:
        if isinstance(event, Phase) and event.name == "training":
            break
    with Syncs() as syncs:
        for event in stream:
            if isinstance(event, Phase) and event.name == "evaluating":
                break
    stream.close()
    assert syncs.seen == []


def test_the_counter_of_waits_sees_one():
    with Syncs() as syncs:
        torch.ones(3).sum().item()
        torch.ones(3)[torch.tensor([True, False, True])]
    assert len(syncs.seen) == 2


def test_a_compiler_that_does_not_work_costs_a_message_and_no_more(make, monkeypatch):
    monkeypatch.setattr("engine.loop.probe.compile_problem", lambda device: "no C++ compiler")
    eager, trial = make(), make(compute={"precision": "fp32", "compile": "default"})
    eager.go()
    events = trial.go()
    message = next(event for event in events if isinstance(event, Message) and event.level == "warning")
    assert message.text == "torch.compile does not work here, running eager: no C++ compiler"
    assert next(event for event in events if isinstance(event, RunStarted)).compile == "off"
    assert trial.ends_as(eager)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_compiled_run_computes_what_an_eager_one_does(make, precision):
    kind = {"epochs": 1, "augmentation": ["random_crop", "color_jitter", "mixup"], "model": "resnet20"}
    eager = make(**kind, compute={"precision": precision})
    trial = make(**kind, compute={"precision": precision, "compile": "default"})
    eager.go()
    events = trial.go()
    assert [event.name for event in events if isinstance(event, Phase)][:3] == ["starting", "compiling", "training"]
    assert not [event.text for event in events if isinstance(event, Message) and event.level == "warning"]
    tolerance = 1e-3 if precision == "fp32" else 0.05
    pair = [next(event for event in each.events if isinstance(event, Epoch)) for each in (trial, eager)]
    assert pair[0].train_loss == pytest.approx(pair[1].train_loss, rel=tolerance)


def test_nothing_but_the_layout_differs_without_channels_last(make):
    common = {"model": "resnet20", "epochs": 1, "batch_size": 330, "augmentation": ["random_crop"]}
    one, other = make(**common), make(**common, compute={"precision": "fp32", "channels_last": False})
    one.go()
    other.go()
    for name, value in one.weights().items():
        torch.testing.assert_close(other.weights()[name], value, rtol=1e-2, atol=1e-3)
    assert other.weights()["stem.0.0.weight"].is_contiguous()
    assert one.weights()["stem.0.0.weight"].is_contiguous(memory_format=torch.channels_last)


def test_augmentation_is_told_which_training_images_it_gets(make, monkeypatch):
    """In every epoch and step, of the last batch too, and after a resume in the middle of an epoch."""
    told, real = [], Pipeline.__call__

    def spy(self, x, labels, epoch, step, images=None):
        told.append((epoch, step, len(images)))
        assert torch.equal(x, trial.data.train.images[torch.from_numpy(images)])
        return real(self, x, labels, epoch, step, images)

    monkeypatch.setattr(Pipeline, "__call__", spy)
    trial = make(epochs=2, last_batch="keep", augmentation=["alternating_flip"])
    trial.go(stop_after=3)
    trial.go()
    assert told == [(epoch, step, 64 if step < 5 else 10) for epoch in range(2) for step in range(6)]


@pytest.mark.parametrize(
    "changes", [{"batch_size": 1}, {"batch_size": 8, "compute": {"precision": "fp32", "accumulate": 8}},
                {"batch_size": 109, "last_batch": "keep"}],
)  # fmt: skip
def test_one_image_alone_is_refused_where_batch_norm_needs_two_before_the_first_step(make, changes):
    """Of a net that is not ours, too; in the 330 images of the tests, batches of 109 leave 3, and those of 47 leave 1."""
    lonely = make(model="pixel_norm_net", **changes | ({"batch_size": 47} if "last_batch" in changes else {}))
    with pytest.raises(BadInput, match="pixel_norm_net normalises maps of 1x1 px, which takes two images at least"):
        lonely.go()
    assert not lonely.run.checkpoints.exists()
    if "last_batch" in changes:
        assert isinstance(make(model="pixel_norm_net", epochs=1, **changes).go()[-1], Finished)


def test_one_image_alone_trains_a_net_whose_batch_norm_sees_whole_maps(make):
    assert isinstance(make(model="dropout_net", batch_size=1).go(stop_after=3)[-1], Stopped)
