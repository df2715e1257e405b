"""An interrupted and resumed run computes what an uninterrupted one does, bit for bit."""

import hashlib
import json

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.run import predictions
from engine.contract.run.checkpoints import committed, read_meta
from engine.contract.run.events import Checkpoint, Epoch, Finished, Message, Resumed, RunStarted, Stopped

KINDS = {
    "plain": {},
    "averaged": {"averaging": {"name": "ema", "decay": 0.8}},
    "dropout and batch norm": {"model": "dropout_net", "optimizer": "adamw"},
    "bf16, deterministic": {"compute": {"precision": "bf16", "deterministic": True}},
    "mixed labels, last batch kept": {"augmentation": ["random_crop", "mixup"], "last_batch": "keep"},
    "an op that remembers images": {"augmentation": ["alternating_flip", "ricap"], "last_batch": "keep"},
    "accumulated and clipped": {
        "compute": {"precision": "fp32", "accumulate": 3},
        "optimizer": {"name": "sgd", "clip_norm": 0.5},
    },
    "lookahead between two meetings": {"optimizer": {"name": "sgd", "lookahead": 4}},
    "lookahead of the speed records": {
        "model": {"name": "airbench94", "width": 12},
        "optimizer": {"name": "sgd", "lookahead": 4, "lookahead_alpha_end": 0.2, "lookahead_buffers": True},
    },
    "sharpness-aware with dropout": {"model": "dropout_net", "optimizer": {"name": "adabound", "sharpness": "asam"}},
    "muon with lookahead": {"optimizer": {"name": "muon", "other": "adamw", "lookahead": 2}, "averaging": "ema"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_stopped_every_third_step_ends_with_the_same_bits(twice, kind):
    whole, pieces = twice(**KINDS[kind])
    while not isinstance(pieces.go(stop_after=3)[-1], Finished):
        assert pieces.attempts < 30
    assert pieces.attempts > 5
    assert pieces.ends_as(whole)
    assert pieces.ends_as(whole, "best")
    assert pieces.epochs() == whole.epochs()
    assert (
        predictions.read(pieces.run.predictions).last.tobytes()
        == predictions.read(whole.run.predictions).last.tobytes()
    )
    assert all(event.exact for event in pieces.events if isinstance(event, Resumed))


@pytest.mark.parametrize("asked", range(8))
def test_a_stop_at_any_point_of_an_epoch_can_be_resumed(twice, asked):
    whole, pieces = twice(averaging="ema")
    events = pieces.go(stop_after=asked)
    stopped, saved = events[-1], [event for event in events if isinstance(event, Checkpoint)][-1]
    assert isinstance(stopped, Stopped)
    assert (stopped.epoch, stopped.step) == (saved.epoch, saved.step) == (0, min(asked, 5))
    assert saved.why == "stop"
    started, resumed = [event for event in pieces.go() if isinstance(event, RunStarted | Resumed)]
    assert (resumed.epoch, resumed.step, resumed.exact, resumed.why) == (stopped.epoch, stopped.step, True, "")
    assert started.attempt == 2
    assert pieces.ends_as(whole)
    assert pieces.epochs() == whole.epochs()


def test_a_killed_run_goes_on_from_its_newest_checkpoint(make, finished):
    whole, killed = finished(), make()
    stream = killed.start(interval=0)
    next(event for event in stream if isinstance(event, Epoch) and event.epoch == 2)
    stream.close()
    resumed = next(event for event in killed.go() if isinstance(event, Resumed))
    assert (0, 0) < (resumed.epoch, resumed.step) <= (2, 0)
    assert killed.ends_as(whole)
    assert killed.epochs() == whole.epochs()


def test_a_run_killed_before_its_first_checkpoint_starts_again_and_says_so(make, finished):
    whole, killed = finished(), make()
    stream = killed.start()
    next(event for event in stream if isinstance(event, Epoch))
    stream.close()
    resumed = next(event for event in killed.go() if isinstance(event, Resumed))
    assert (resumed.epoch, resumed.step, resumed.exact) == (0, 0, True)
    assert killed.ends_as(whole)


def test_a_run_killed_after_its_last_checkpoint_still_finishes(make, finished):
    whole, killed = finished(), make()
    first = whole.events[-1]
    stream = killed.start()
    next(event for event in stream if isinstance(event, Checkpoint) and event.why == "end")
    stream.close()
    again = killed.go()[-1]
    assert isinstance(again, Finished)
    assert (again.last_accuracy, again.best_accuracy, again.best_epoch) == (
        first.last_accuracy,
        first.best_accuracy,
        first.best_epoch,
    )
    assert killed.ends_as(whole)


def test_a_finished_run_that_is_started_again_only_says_that_it_is_finished(make):
    trial = make()
    finished = trial.go()[-1]
    again = trial.go()
    assert not [event for event in again if isinstance(event, Epoch)]
    assert isinstance(again[-1], Finished)
    assert again[-1].last_accuracy == finished.last_accuracy


@pytest.mark.parametrize("change", ["recipe", "seed", "data"])
def test_a_checkpoint_of_another_recipe_seed_or_data_set_is_refused(make, tiny, change):
    trial = make()
    trial.go(stop_after=3)
    if change == "recipe":
        trial.recipe = make(batch_size=32).recipe
    elif change == "seed":
        trial.seed = 2
    else:
        object.__setattr__(tiny := make().data, "fingerprint", "of other images")
        trial.data = tiny
    with pytest.raises(BadInput, match=change):
        trial.go()


def test_other_threads_are_told_as_not_bit_identical(make):
    trial = make()
    trial.go(stop_after=3)
    events = trial.go(stop_after=1, placement=Placement(threads=2))
    resumed = next(event for event in events if isinstance(event, Resumed))
    assert not resumed.exact
    assert resumed.why == "resumed, not bit-identical: threads changed from 1 to 2"


def test_another_torch_is_told_as_not_bit_identical(make, monkeypatch):
    trial = make()
    trial.go(stop_after=3)
    monkeypatch.setattr(torch, "__version__", "9.9")
    resumed = next(event for event in trial.go() if isinstance(event, Resumed))
    assert not resumed.exact
    assert "torch" in resumed.why
    assert "to 9.9" in resumed.why


def test_only_the_last_two_checkpoints_stay_while_a_run_goes_on(make):
    trial = make()
    for event in trial.start(interval=0):
        if isinstance(event, Checkpoint):
            assert len(committed(trial.run.checkpoints)) <= 3  # the next one may have arrived meanwhile
    assert [read_meta(path)["epoch"] for path in committed(trial.run.checkpoints)] == [3]


@pytest.mark.parametrize(
    "keep, files",
    [
        ("weights", {"weights.pt", "best.pt", "meta.json"}),
        ("resumable", {"weights.pt", "best.pt", "state.pt", "meta.json"}),
        ("none", set()),
    ],
)
def test_a_finished_run_leaves_what_it_was_told_to_keep(make, keep, files):
    trial = make()
    trial.go(placement=Placement(threads=1, keep=keep), interval=0)
    left = [path for path in trial.run.checkpoints.rglob("*") if path.is_file()]
    assert {path.name for path in left} == files
    assert len({path.parent for path in left}) <= 1


def test_keeping_all_leaves_the_last_two_with_their_state(make):
    trial = make()
    trial.go(placement=Placement(threads=1, keep="all"), interval=0)
    assert len(list(trial.run.checkpoints.glob("*/state.pt"))) == 2


def rewritten(checkpoint, change):
    """A checkpoint's meta.json as another version might have written it, checksum included."""
    envelope = json.loads((checkpoint / "meta.json").read_text())
    change(envelope["checkpoint"])
    text = json.dumps(envelope["checkpoint"], sort_keys=True, allow_nan=False)
    envelope["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (checkpoint / "meta.json").write_text(json.dumps(envelope))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda meta: meta["made_on"].update(fused=True), "fused True is unknown to this version"),
        (lambda meta: meta["made_on"].pop("cpu"), "cpu was not recorded and is now"),
        (lambda meta: meta.pop("made_on"), "torch was not recorded and is now"),
        (lambda meta: meta["made_on"].pop("graph"), ""),  # younger than the first version, which had none
        (lambda meta: meta.update(colour="blue"), ""),
        (lambda meta: meta.pop("made_by"), ""),
    ],
)
def test_a_key_more_or_less_in_a_checkpoint_never_ends_a_resume(make, change, said):
    trial = make()
    trial.go(stop_after=7)
    rewritten(committed(trial.run.checkpoints)[-1], change)
    events = trial.go()
    (resumed,) = [event for event in events if isinstance(event, Resumed)]
    assert said in resumed.why and resumed.exact == (not said)
    assert isinstance(events[-1], Finished)


def test_a_checkpoint_of_a_newer_layout_is_refused_and_names_its_version(make):
    trial = make()
    trial.go(stop_after=7)
    rewritten(committed(trial.run.checkpoints)[-1], lambda meta: meta.update(schema=99, made_by="cifar-tui 7.2.0"))
    with pytest.raises(
        BadInput,
        match=r"has layout 99, newer than 1, the latest that this version knows; it was written by cifar-tui 7\.2\.0",
    ):
        trial.go()


def test_a_checkpoint_without_a_position_counts_as_damaged(make):
    trial = make()
    trial.go(stop_after=7)
    rewritten(committed(trial.run.checkpoints)[-1], lambda meta: meta.pop("step"))
    events = trial.go()
    assert any("is damaged" in event.text for event in events if isinstance(event, Message))
    assert isinstance(events[-1], Finished)


def test_whole_weights_of_another_net_are_refused_by_the_version_that_made_them(make, monkeypatch):
    trial = make()
    trial.go(stop_after=7)
    monkeypatch.setattr("engine.loop.setup.build_model", lambda *args, **options: torch.nn.Linear(1, 1).to("cpu"))
    monkeypatch.setattr("engine.loop.trials.choose_precision", lambda *args: ("fp32", "as told"))
    with pytest.raises(BadInput, match="does not fit this version's model or optimizer; it was made by cifar-tui"):
        trial.go()
