"""The code in a model card that loads its weights: pure PyTorch for ResNets and wide ResNets, else with cifar-tui."""

from __future__ import annotations

from typing import Any, Final

from engine.exchange.weights import niwenjin

RESNETS: Final = (
    "resnet20", "resnet20_seed", "resnet32", "resnet44", "resnet56", "resnet110", *niwenjin.MODELS,
)  # fmt: skip
WIDE_RESNETS: Final = ("wrn_16_4", "wrn_28_10", "wrn_40_2", "wrn_40_10")

READ: Final = {
    "safetensors": """\
from safetensors.torch import load_file

state = load_file("{file}")
""",
    "pth": """\
state = torch.load("{file}", map_location="cpu", weights_only=True)
""",
}

RESNET: Final = """\
class Block(nn.Module):
    def __init__(self, state, prefix, stride):
        super().__init__()
        convs = sorted(key for key in state if key.startswith(prefix + "body.") and state[key].ndim == 4)
        middle = 1 if len(convs) == 3 else 0  # a bottleneck strides in its 3x3 convolution
        layers = []
        for i, key in enumerate(convs):
            layers += [conv_bn(state[key], stride if i == middle else 1), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1])
        projection = state.get(prefix + "shortcut.0.weight")
        self.shortcut = nn.Identity() if projection is None else conv_bn(projection, stride)

    def forward(self, x):
        return (self.body(x) + self.shortcut(x)).relu()


def conv_bn(weight, stride=1):
    return nn.Sequential(conv(weight, stride), nn.BatchNorm2d(len(weight)))


class Net(nn.Module):
    def __init__(self, state):
        super().__init__()
        self.stem = nn.Sequential(conv_bn(state["stem.0.0.weight"]), nn.ReLU())
        self.stages = stages(state, Block)
        self.head = nn.Linear(*state["head.weight"].shape[::-1])

    def forward(self, x):
        return self.head(self.stages(self.stem(x)).mean((2, 3)))
"""

WIDE_RESNET: Final = """\
class Block(nn.Module):
    def __init__(self, state, prefix, stride):
        super().__init__()
        first, last = sorted(key for key in state if key.startswith(prefix + "body.") and state[key].ndim == 4)
        dropout = [nn.Identity()] if last == prefix + "body.3.weight" else []  # does nothing in eval mode
        width = len(state[first])
        self.norm = norm_relu(state[first].shape[1])
        self.body = nn.Sequential(conv(state[first], stride), norm_relu(width), *dropout, conv(state[last]))
        projection = state.get(prefix + "project.weight")
        self.project = None if projection is None else conv(projection, stride)

    def forward(self, x):
        active = self.norm(x)
        return self.body(active) + (x if self.project is None else self.project(active))


def norm_relu(channels):
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


class Net(nn.Module):
    def __init__(self, state):
        super().__init__()
        self.stem = conv(state["stem.weight"])
        self.stages = stages(state, Block)
        self.norm = norm_relu(len(state["norm.0.weight"]))
        self.head = nn.Linear(*state["head.weight"].shape[::-1])

    def forward(self, x):
        return self.head(self.norm(self.stages(self.stem(x))).mean((2, 3)))
"""

SHARED: Final = """\
def conv(weight, stride=1):
    cout, cin, size, _ = weight.shape
    return nn.Conv2d(cin, cout, size, stride, padding=size // 2, bias=False)


def stages(state, block):
    indices = sorted({tuple(map(int, key.split(".")[1:3])) for key in state if key.startswith("stages.")})
    made = {}
    for stage, i in indices:
        stride = 2 if stage > 0 and i == 0 else 1
        made.setdefault(stage, []).append(block(state, f"stages.{stage}.{i}.", stride))
    return nn.Sequential(*(nn.Sequential(*blocks) for blocks in made.values()))
"""

PREPARE: Final = """\
# images: uint8 (N, {channels}, {size}, {size})
mean = torch.tensor({mean}).view(1, -1, 1, 1)
std = torch.tensor({std}).view(1, -1, 1, 1)
with torch.no_grad():
    logits = model((images / 255 - mean) / std)
"""

ONNX: Final = """\
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("{file}", providers=["CPUExecutionProvider"])

# images: uint8 (N, {channels}, {size}, {size})
mean = np.array({mean}, np.float32).reshape(1, -1, 1, 1)
std = np.array({std}, np.float32).reshape(1, -1, 1, 1)
(logits,) = session.run(["logits"], {{"images": (images.astype(np.float32) / 255 - mean) / std}})
"""

OURS: Final = """\
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model

model = build_model(
    Choice.model_validate({choice}),
    num_classes={classes},
    in_channels={channels},
    image_size={size},
    catalog=catalog(),
)
"""


def plain(config: dict[str, Any]) -> bool:
    """Whether the architecture of an export can be loaded by pure PyTorch code that is in the card."""
    ordinary = not config["model_options"].get("ghost_batch") and config["names"] == "cifar-tui"
    return ordinary and config["architecture"] in (*RESNETS, *WIDE_RESNETS)


def loading(config: dict[str, Any]) -> str:
    """Python code that reads the weights file, builds the model and applies it to `images`; `logits` is the result.

    Args:
        config: what `card.config_of` returns.
    """
    channels, size, _ = config["input_size"]
    facts = {"channels": channels, "size": size, "mean": config["mean"], "std": config["std"]}
    if config["format"] == "onnx":
        return ONNX.format(file=config["file"], **facts)
    read = READ[config["format"]].format(file=config["file"])
    load = "model.load_state_dict(state)\nmodel.eval()\n"
    prepare = PREPARE.format(**facts)
    if plain(config):
        network = RESNET if config["architecture"] in RESNETS else WIDE_RESNET
        head = "import torch\nfrom torch import nn\n"
        return "\n".join((head + read, "", SHARED, "", network, "", "model = Net(state)\n" + load, prepare))
    own = OURS.format(
        choice={"name": config["architecture"], **config["model_options"]}, classes=config["num_classes"], **facts
    )
    if config["names"] == "niwenjin":
        own = "from engine.exchange.weights.niwenjin import from_niwenjin\n\nstate = from_niwenjin(state)\n\n" + own
    return "\n".join(("import torch\n" + read, own + load, prepare))
