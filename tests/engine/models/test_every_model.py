"""What every model of the catalog keeps, found by itself: a new family needs no test of its own to be held to these."""

import pickle

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.schema import Choice
from engine.models import summary
from engine.models.build import build_model
from engine.models.layers import DilatedConv
from engine.models.norms import normalizes_single_pixels
from engine.models.summary import Stage, find_stages
from tests.engine.models.shapes import ShapesOnly, blank

MODELS = catalog().parts("model")


def is_light(part: Part) -> bool:
    """Whether a few real steps take about a second on one core."""
    return part.meta["params"] <= 5e6 and part.meta["gmacs"] <= 0.3


def smallest_of_each_family() -> list[Part]:
    families: dict[str, Part] = {}
    for part in MODELS:
        families.setdefault(part.meta["family"], part)
        if part.meta["gmacs"] < families[part.meta["family"]].meta["gmacs"]:
            families[part.meta["family"]] = part
    return list(families.values())


def build(part: Part, num_classes: int = 10) -> nn.Module:
    return build_model(Choice(name=part.name), num_classes=num_classes, catalog=catalog())


def images(batch: int, channels: int = 3, size: int = 32, device: str = "cpu") -> torch.Tensor:
    return torch.randn(batch, channels, size, size, device=device)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(part, id=part.name, marks=() if is_light(part) else pytest.mark.slow)
        for part in MODELS
        if part.meta["params"] <= 60e6
    ],
)
def real(request: pytest.FixtureRequest) -> Part:
    return request.param


@pytest.fixture(scope="module")
def model(real: Part) -> nn.Module:
    """A built model that tests may run but must not change."""
    torch.manual_seed(0)
    return build(real, num_classes=7)


@pytest.fixture(scope="module")
def twin(real: Part) -> nn.Module:
    """The same model started otherwise, in the other memory layout, to load states into."""
    torch.manual_seed(1)
    return build(real, num_classes=7).to(memory_format=torch.channels_last)


class Once(nn.Module):
    """A model that runs only where `find_stages` runs it: one pass then shows what the model is and what it does."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.stages = model, [Stage("", "", (), 0, 0)]

    def forward(self, image: torch.Tensor) -> None:
        self.stages = find_stages(self.model, *image.shape[1:3])


class WholeModel:
    """Stands in for the tracker with which torch counts for each module by name, at a third of the time of a pass."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("part", MODELS, ids=lambda part: part.name)
def test_a_model_is_what_its_mark_says(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters, multiply-adds and whether batch norm sees single pixels; and the stages add up to the whole."""
    assert part.title and part.summary.endswith(".")
    assert {"year", "family", "paper", "params", "gmacs"} <= set(part.meta)

    model, counter, logits = blank(part.name), FlopCounterMode(display=False), []
    counter.mod_tracker = WholeModel()
    monkeypatch.setattr(summary, "FlopCounterMode", lambda display: counter)
    model.register_forward_hook(lambda _, __, out: logits.append(out.shape))
    once = Once(model)
    with ShapesOnly():
        single_pixels = normalizes_single_pixels(once, images(1, device="meta"))

    params = sum(p.numel() for p in model.parameters())
    assert params == part.meta["params"]
    assert counter.get_total_flops() / 2e9 == pytest.approx(part.meta["gmacs"], rel=0.005)
    assert logits == [(1, 10)]
    assert sum(stage.params for stage in once.stages) == params
    assert sum(stage.macs for stage in once.stages) / 1e9 == pytest.approx(part.meta["gmacs"], rel=0.005)
    assert any(stage.shape[:1] == (10,) for stage in once.stages)
    assert single_pixels == part.meta.get("single_pixels", False)


@pytest.mark.parametrize("part", MODELS, ids=lambda part: part.name)
def test_grey_images_of_another_size_become_logits_of_other_classes(part: Part) -> None:
    model = blank(part.name, num_classes=100, in_channels=1, image_size=28)
    with torch.no_grad(), ShapesOnly():
        assert model(images(2, 1, 28, "meta")).shape == (2, 100)


def test_every_parameter_that_trains_gets_a_finite_gradient(model: nn.Module) -> None:
    model.train().zero_grad()
    model(images(2)).square().mean().backward()
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained
    for name, parameter in trained:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_one_image_can_be_evaluated_and_does_not_depend_on_its_neighbours(model: nn.Module) -> None:
    """In fp64: gates of an untrained net, whose batch norms do not normalise yet, amplify the rounding of fp32."""
    x = images(2).double()
    try:
        model.eval().double()
        with torch.no_grad():
            together, alone = model(x), model(x[1:])
    finally:
        model.float()  # brings back the same bits
    assert alone.shape == (1, 7)
    torch.testing.assert_close(alone, together[1:], rtol=0, atol=1e-8 * float(together.abs().max()))


def test_a_seed_decides_how_a_model_starts(real: Part, model: nn.Module) -> None:
    torch.manual_seed(0)
    again = build(real, num_classes=7)
    assert all(map(torch.equal, model.parameters(), again.parameters()))


def test_state_and_pickle_bring_back_the_same_model(model: nn.Module, twin: nn.Module) -> None:
    x = images(2)
    twin.load_state_dict(model.state_dict(), strict=True)
    pickled = pickle.loads(pickle.dumps(model.eval()))
    with torch.no_grad():
        want = model.eval()(x)
        assert torch.equal(pickled(x), want)
    states = zip(model.state_dict().items(), twin.state_dict().items(), strict=True)
    assert all(name == other and torch.equal(value, loaded) for (name, value), (other, loaded) in states)


def test_layout_and_precision_change_the_logits_no_more_than_rounding_does(model: nn.Module, twin: nn.Module) -> None:
    """The yardstick is what rounding the images to bf16 does: an untrained deep net amplifies any change."""
    x = images(4)
    state = [value.clone() for value in model.buffers()]
    twin.load_state_dict(model.state_dict())
    for net in (model.train(), twin.train()):
        for module in net.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.eval()  # its mask follows the memory layout

    @torch.no_grad()
    def run(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        for buffer, value in zip(model.buffers(), state, strict=True):
            buffer.copy_(value)
        torch.manual_seed(2)  # the same gates of whole images and batches
        return model(x).float()

    exact = run(model, x)
    rounded = (run(model, x.bfloat16().float()) - exact).std()
    x = x.contiguous(memory_format=torch.channels_last)
    assert (run(twin, x) - exact).std() < 0.05 * rounded
    with torch.autocast("cpu", torch.bfloat16):
        assert (run(twin, x) - exact).std() < 32 * rounded


def test_dilated_convolutions_are_of_the_kind_that_stays_in_fp32_on_a_cpu(model: nn.Module) -> None:
    dilated = [module for module in model.modules() if isinstance(module, nn.Conv2d) and module.dilation != (1, 1)]
    assert all(isinstance(module, DilatedConv) for module in dilated)


def test_convolutions_and_norms_read_channels_last_maps(real: Part, twin: nn.Module) -> None:
    """One copy back to channels-first costs a fast kernel, and a copy at the next convolution again."""
    strays: list[str] = []

    def look(name: str, x: torch.Tensor) -> None:
        if min(x.shape[1:]) > 1 and x.stride(1) != 1:
            strays.append(f"{name} {tuple(x.shape)}")

    kinds = (nn.Conv2d, nn.BatchNorm2d)
    found = [(name, module) for name, module in twin.named_modules() if isinstance(module, kinds)]
    hooks = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: look(name, inputs[0])) for name, module in found
    ]
    with torch.no_grad():
        twin.eval()(images(2).contiguous(memory_format=torch.channels_last))
    for hook in hooks:
        hook.remove()
    assert not strays


@pytest.mark.slow
@pytest.mark.parametrize("small", smallest_of_each_family(), ids=lambda part: part.name)
def test_training_compiles_into_one_graph(small: Part) -> None:
    """Forward and backward are captured whole; the eager backend leaves out minutes of code generation."""
    torch.compiler.reset()
    model = torch.compile(build(small), fullgraph=True, backend="aot_eager")
    model(images(2)).square().mean().backward()
