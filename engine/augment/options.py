"""Options that several augmentation ops share. The catalog reads them from source; nothing here imports torch."""

from __future__ import annotations

from typing import Annotated, Literal

from engine.contract.catalog import Spec

BorderGray = Annotated[int, Spec("grey level that shows beyond the border", ge=0, le=255)]
Interpolation = Annotated[
    Literal["nearest", "bilinear"], Spec("moved images: the nearest pixel, or a blend of the nearest four")
]
