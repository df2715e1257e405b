"""Options that several models share. The catalog reads them from source, without an import."""

from __future__ import annotations

from typing import Annotated, Literal

from engine.contract.catalog import Spec

InitOption = Annotated[Literal["he", "torch"], Spec("initialization of convolutions: He et al. or PyTorch's default")]
ZeroInit = Annotated[bool, Spec("initialize every residual block as the identity")]
DropoutRate = Annotated[float, Spec("dropout rate before the classifier", ge=0.0, lt=1.0)]
DropPathRate = Annotated[
    float, Spec("drop-path rate of the last block, growing linearly from 0 in the first", ge=0.0, lt=1.0)
]
LogitScale = Annotated[float, Spec("factor on the logits", gt=0.0)]
