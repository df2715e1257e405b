"""The corruptions of CIFAR-10-C and CIFAR-100-C (Hendrycks and Dietterich 2019, arXiv:1903.12261).

Each is a file `NAME.npy`, uint8 (50000, 32, 32, 3): the 10,000 test images at severity 1, then at severity 2, up to 5.
`labels.npy` holds the labels of all 50,000, which repeat five times.
"""

from __future__ import annotations

from typing import Final

STANDARD: Final = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
"""Those that averages are over, in the order of the paper."""
EXTRA: Final = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
"""Those that the paper holds out for validation; they are reported apart."""
CORRUPTIONS: Final = (*STANDARD, *EXTRA)
