"""Models as ONNX files: written by torch's exporter, run by onnxruntime.

The exporter needs the packages onnx and onnxscript. They and onnxruntime are imported only when a function needs them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.contract.errors import BadInput
from engine.export.network import BATCH

ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
"""Colors in the messages of torch's exporter."""


def written_onnx(model: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """A model in eval mode as the content of an ONNX file: "images" (batch, *shape), normalized, to "logits".

    Raises:
        BadInput: torch cannot export the model, or onnx and onnxscript are not installed.
    """
    require(("onnx", "onnxscript"), "--format onnx")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of versions of packages that are not needed
    try:
        with sdpa_kernel(SDPBackend.MATH):  # the exporter's own form of attention, whose strides the trace has to have
            program = torch.onnx.export(
                model,
                (torch.zeros(2, *shape),),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=["images"],
                output_names=["logits"],
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = ANSI.sub("", str(error)).splitlines()[0].partition(". This is step ")[0]
        raise BadInput(f"torch cannot export this model to ONNX: {reason}") from error
    assert program is not None
    batch = program.model_proto.graph.input[0].type.tensor_type.shape.dim[0]
    if not batch.dim_param:  # some operations make the exporter fix the batch size, without a word
        raise BadInput("torch cannot export this model to ONNX with a free batch size")
    content: bytes = program.model_proto.SerializeToString()
    return content


def onnx_logits(content: bytes, images: Tensor) -> Tensor:
    """What `logits` returns, computed by onnxruntime. Raises BadInput if that is not installed."""
    require(("onnxruntime",), "--check of an ONNX file")
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return torch.cat(
        [torch.from_numpy(session.run(["logits"], {"images": batch.numpy()})[0]) for batch in images.split(BATCH)]
    )


def require(packages: Sequence[str], purpose: str) -> None:
    """Check that packages are there, without importing them. BadInput if one is missing, with how to install it."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise BadInput(f"{purpose} needs {' and '.join(missing)}, not installed here: pip install 'cifar-tui[onnx]'")
