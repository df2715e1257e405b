"""Options that several optimizers share. The catalog reads them from source; nothing here imports torch."""

from __future__ import annotations

from typing import Annotated

from engine.contract.catalog import Spec

LearningRate = Annotated[float, Spec("peak learning rate", gt=0.0)]
Momentum = Annotated[float, Spec("part of the last update that is kept", ge=0.0, lt=1.0)]
Nesterov = Annotated[bool, Spec("look ahead along the momentum before the step")]
L2Penalty = Annotated[float, Spec("L2 penalty, added to the gradient", ge=0.0)]
DecoupledDecay = Annotated[float, Spec("decay of the weights, times the learning rate", ge=0.0)]
Beta1 = Annotated[float, Spec("memory of the mean gradient", ge=0.0, lt=1.0)]
Beta2 = Annotated[float, Spec("memory of the squared gradient", ge=0.0, lt=1.0)]
AdamEps = Annotated[float, Spec("added to the root of the squared gradient", gt=0.0)]
