"""Options that several models share. The catalog reads them from source; nothing here imports torch."""

from __future__ import annotations

from typing import Annotated, Literal

from engine.contract.catalog import Spec

InitOption = Annotated[Literal["he", "torch"], Spec("how convolutions start: He et al. or PyTorch's own")]
ZeroInit = Annotated[bool, Spec("start every residual block as the identity")]
DropoutRate = Annotated[float, Spec("share of units dropped before the classifier", ge=0.0, lt=1.0)]
DropPathRate = Annotated[float, Spec("chance to drop the last block; the first has 0", ge=0.0, lt=1.0)]
LogitScale = Annotated[float, Spec("what the logits are multiplied by", gt=0.0)]
