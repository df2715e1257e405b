"""Options that several augmentation ops share. The catalog reads them from source, without an import."""

from __future__ import annotations

from typing import Annotated, Literal

from engine.contract.catalog import Spec

BorderGray = Annotated[int, Spec("gray level outside the image", ge=0, le=255)]
Interpolation = Annotated[
    Literal["nearest", "bilinear"], Spec("interpolation of moved images: nearest pixel, or bilinear")
]
