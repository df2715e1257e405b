"""The loop on a GPU: it never waits, it repeats itself where that was asked for, and it says who uses the card."""

import pytest
import torch

from engine.attempt import gpu_uuids
from engine.contract.run.events import Epoch, Finished, Message, Phase, Resumed, RunStarted, Step
from engine.loop import judge
from engine.loop.compiling import pays, step_seconds
from engine.loop.evaluate import VIEWS, forward_views
from engine.loop.failures import describe
from engine.loop.steps import CudaRecorder, Recorded
from engine.loop.system import MachineSampler

pytestmark = pytest.mark.gpu
GPU = torch.device("cuda:0")


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "resnet20"},
        {"averaging": "ema", "optimizer": {"name": "adamw", "clip_norm": 1.0}, "compute": {"precision": "bf16"}},
        {"augmentation": ["random_crop", "color_jitter", {"name": "choice", "of": ["mixup", "cutmix"]}]},
        {"compute": {"precision": "bf16", "accumulate": 2}},
        {"model": "resnet20", "compute": {"precision": "bf16", "graph": "on"}},
        {"model": "resnet20", "compute": {"precision": "bf16", "graph": "off"}},
    ],
)
def test_no_step_waits_for_the_gpu(make, changes):
    """With a graph, it has been recorded in the first epoch and is replayed in the second."""
    stream = make(epochs=2, **changes).start(device=GPU)
    started = next(event for event in stream if isinstance(event, RunStarted))
    asked = changes.get("compute", {}).get("graph")
    assert asked is None or started.graph == (asked == "on")
    next(event for event in stream if isinstance(event, Epoch))  # everything is warm
    next(event for event in stream if isinstance(event, Phase) and event.name == "training")
    torch.cuda.set_sync_debug_mode("error")
    try:
        next(event for event in stream if isinstance(event, Phase) and event.name == "evaluating")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    stream.close()


def test_losses_arrive_without_being_waited_for(make):
    steps = [event for event in make(epochs=30).go(device=GPU) if isinstance(event, Step)]
    assert steps
    assert all(event.loss > 0 and event.images_per_second > 0 for event in steps)


def test_a_deterministic_run_resumes_with_the_same_bits(make):
    compute = {"precision": "bf16", "deterministic": True}
    kind = {"model": "dropout_net", "averaging": "ema", "compute": compute, "augmentation": ["random_crop", "mixup"]}
    whole, pieces = make(**kind), make(**kind)
    whole.go(device=GPU)
    while not isinstance(pieces.go(stop_after=3, device=GPU)[-1], Finished):
        assert pieces.attempts < 30
    assert pieces.ends_as(whole)
    assert all(event.exact for event in pieces.events if isinstance(event, Resumed))


def test_without_that_a_resume_promises_nothing(make):
    trial = make()
    trial.go(stop_after=3, device=GPU)
    resumed = next(event for event in trial.go(device=GPU) if isinstance(event, Resumed))
    assert not resumed.exact
    assert "compute.deterministic" in resumed.why


def test_a_run_moves_from_the_gpu_to_the_cpu_and_says_what_changed(make):
    trial = make()
    trial.go(stop_after=3, device=GPU)
    events = trial.go()
    resumed = next(event for event in events if isinstance(event, Resumed))
    assert "device changed from cuda to cpu" in resumed.why
    assert isinstance(events[-1], Finished)


def test_auto_takes_bf16_where_the_gpu_has_it(make):
    started = next(event for event in make(compute={}).go(stop_after=0, device=GPU) if isinstance(event, RunStarted))
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    assert (started.precision, started.device) == ("bf16" if native else "fp32", "cuda:0")
    assert started.device_name == torch.cuda.get_device_name(GPU)


def test_the_card_is_sampled_with_our_share(tmp_path):
    ballast = torch.zeros(2**28, dtype=torch.uint8, device=GPU)
    (card,) = MachineSampler(tmp_path, gpu_uuids(GPU), torch.cuda.memory_reserved).sample().gpus
    assert card["uuid"] in gpu_uuids(GPU)
    assert ballast.numel() <= card["memory_ours"] <= card["memory_used"] <= card["memory_total"]
    assert 0 <= card["utilization"] <= 1


def test_out_of_memory_says_how_much_was_taken(make, tmp_path):
    with pytest.raises(torch.OutOfMemoryError) as caught:
        torch.zeros(2**46, dtype=torch.uint8, device=GPU)
    failed = describe(caught.value, make().recipe, MachineSampler(tmp_path, gpu_uuids(GPU), torch.cuda.memory_reserved))
    assert failed.reason == "gpu_memory"
    assert "this run used up to" in failed.message
    assert "processes hold" in failed.message


def losses(trial) -> list[float]:
    return [event.train_loss for event in trial.events if isinstance(event, Epoch)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "resnet20"},
        {"optimizer": {"name": "adamw", "clip_norm": 1.0}},
        {"optimizer": {"name": "sgd", "lr": 0.05, "groups": [{"match": "features.0.*", "until": 0.5}]}},
    ],
    ids=["lenet", "resnet20", "adamw", "a group that ends after the first epoch"],
)
def test_a_recorded_step_trains_as_the_ordinary_one_does(make, changes):
    recorded, ordinary = (
        make(**changes, compute={"precision": "fp32", "graph": graph}, epochs=2) for graph in ("on", "off")
    )
    started = [next(e for e in trial.go(device=GPU) if isinstance(e, RunStarted)) for trial in (recorded, ordinary)]
    assert [event.graph for event in started] == [True, False]
    assert not [e for e in recorded.events if isinstance(e, Message) and e.level == "warning"]
    assert losses(recorded) == pytest.approx(losses(ordinary), rel=2e-2)  # cuDNN may take other algorithms


def test_a_recorded_step_gives_the_same_bits_as_the_ordinary_one():
    """With one algorithm per shape, what is launched is the same, so the weights are."""
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True

    def trained(wrap) -> torch.nn.Module:
        torch.manual_seed(0)
        net = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Flatten(), torch.nn.Linear(8 * 36, 10)
        ).to(GPU)
        lr = torch.tensor(0.1, device=GPU)
        optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9, fused=True)

        def step(x, y):
            optimizer.zero_grad()
            logits = net(x)
            loss = torch.nn.functional.cross_entropy(logits, y)
            loss.backward()
            optimizer.step()
            return loss.detach(), logits.detach(), None

        take = wrap(step)
        generator = torch.Generator().manual_seed(1)
        for i in range(12):
            lr.fill_(0.1 / (1 + i))
            x = torch.randn(16, 3, 8, 8, generator=generator).to(GPU)
            take(x, torch.eye(10, device=GPU)[torch.arange(16) % 10])
        return net

    said: list[str] = []
    quick = trained(lambda step: Recorded(step, CudaRecorder(GPU), said.append)).state_dict()
    plain = trained(lambda step: step).state_dict()
    assert said == []
    assert all(torch.equal(quick[name], plain[name]) for name in plain)


@pytest.mark.parametrize("averaging", ["off", "ema"])
def test_a_recorded_evaluation_gives_the_same_logits_as_an_eager_one(make, monkeypatch, averaging):
    """In bf16, where the converted weights must not be those of the recording."""
    monkeypatch.setattr("engine.loop.judge.EVALUATION_BATCH", {"cuda": 20})
    compute = {"precision": "bf16", "graph": "on"}
    trial = make(model="resnet20", averaging=averaging, compute=compute, evaluate={"tta": "crops"}, epochs=3)
    predict, eager = judge.predict_views, []

    def twice(model, split, batch_size, prepare, forward, stopping):
        found = predict(model, split, batch_size, prepare, forward, stopping)
        views = [view for _, view in VIEWS["crops"]][: len(found)]
        again = forward_views(model, views, lambda: torch.autocast("cuda", torch.bfloat16))
        eager.append(predict(model, split, batch_size, prepare, again, stopping))
        torch.testing.assert_close(found, eager[-1], rtol=1e-2, atol=1e-2)  # cuDNN may take other algorithms
        return found

    monkeypatch.setattr(judge, "predict_views", twice)
    trial.go(device=GPU)
    assert len(eager) >= 3
    assert not [e for e in trial.events if isinstance(e, Message) and e.level == "warning"]


def test_a_model_that_waits_for_the_gpu_trains_without_a_graph(make):
    trial = make(model="waiting_net", compute={"precision": "fp32", "graph": "on"})
    events = trial.go(device=GPU)
    assert any(isinstance(e, Message) and "runs eagerly" in e.text for e in events)
    assert isinstance(events[-1], Finished)


def test_whether_compiling_pays_is_found_without_a_trace():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 64, 3), torch.nn.BatchNorm2d(64), torch.nn.Dropout(), torch.nn.Flatten()
    ).to(GPU)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    batch = torch.randn(256, 3, 32, 32, device=GPU)
    state = torch.cuda.get_rng_state(GPU)
    assert 1e-6 < step_seconds(net, batch, bf16=True) < 0.1
    assert pays(net, batch, 10**9, bf16=True)
    assert not pays(net, batch, 1, bf16=True)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert torch.equal(state, torch.cuda.get_rng_state(GPU))


def test_a_long_run_is_compiled_and_recorded(make, monkeypatch):
    monkeypatch.setattr("engine.loop.decisions.pays", lambda *args, **options: True)
    trial = make(model="resnet20", compute={"precision": "bf16"}, epochs=2)
    started = next(event for event in trial.go(device=GPU) if isinstance(event, RunStarted))
    assert (started.compile, started.graph) == ("default", True)
    assert not [event for event in trial.events if isinstance(event, Message) and event.level == "warning"]
    assert isinstance(trial.events[-1], Finished)
