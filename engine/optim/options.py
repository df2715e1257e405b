"""Options that several optimizers share. The catalog reads them from source, without an import."""

from __future__ import annotations

from typing import Annotated

from engine.contract.catalog import Spec

LearningRate = Annotated[float, Spec("peak learning rate", gt=0.0)]
Momentum = Annotated[float, Spec("momentum factor: share of the last update that is kept", ge=0.0, lt=1.0)]
Nesterov = Annotated[bool, Spec("use Nesterov momentum")]
L2Penalty = Annotated[float, Spec("L2 penalty, added to the gradient", ge=0.0)]
DecoupledDecay = Annotated[float, Spec("decoupled weight decay, multiplied by the learning rate", ge=0.0)]
Beta1 = Annotated[float, Spec("decay rate of the running mean of the gradient", ge=0.0, lt=1.0)]
Beta2 = Annotated[float, Spec("decay rate of the running mean of the squared gradient", ge=0.0, lt=1.0)]
AdamEps = Annotated[float, Spec("added to the denominator, the root of the mean squared gradient", gt=0.0)]
