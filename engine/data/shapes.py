"""A generated data set of ten classes: one shape on a textured background, at any angle, covered by confetti.

It is meant for trying things out: a linear model cannot learn it, while a small residual network can within two minutes
on two cores. Its bytes are the same on every machine: draws are raw Philox words, which NumPy never changes, and
everything else is integer arithmetic (sines are a table of rounded integers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.contract.catalog import register
from engine.data.arrays import Arrays, Say, cached

CLASSES: Final = ("circle", "ring", "crescent", "triangle", "square", "hexagon", "star", "cross", "heart", "arrow")
TRAIN: Final = 10_000
TEST: Final = 2_000
SEED: Final = 20_261_122
FINGERPRINT: Final = "f68cad2256323ed23e0fb106be73f887feec134d08d6b014cf07d7fb74b8a727"
"""`Arrays.fingerprint` of the whole data set; a cache with another fingerprint is not used."""
CHUNK: Final = 250  # images drawn at once, few enough to stay in the processor's cache

SIZE: Final = 32
CELLS: Final = 96  # shapes are stored in tiles of CELLS x CELLS with coordinates -CELLS..CELLS
ONE: Final = 4096  # 1.0 in the table of sines
TURNS: Final = 256  # directions in a full turn
SINE: Final = np.array([round(ONE * math.sin(2 * math.pi * k / TURNS)) for k in range(TURNS)], np.int32)
CONFETTI: Final = 4  # pieces per image

PALETTE: Final = np.array(  # RGB; bright colors, then dark ones
    [
        [
            (255, 213, 79), (255, 138, 101), (129, 199, 132), (79, 195, 247), (240, 98, 146), (255, 241, 118),
            (174, 213, 129), (206, 147, 216), (77, 208, 225), (255, 183, 77), (225, 232, 235), (248, 187, 208),
        ],
        [
            (38, 50, 56), (62, 39, 35), (26, 35, 126), (0, 77, 64), (74, 20, 110), (40, 40, 44),
            (13, 71, 140), (27, 94, 32), (120, 14, 70), (110, 45, 15), (60, 65, 20), (90, 20, 25),
        ],
    ],
    np.uint16,
)  # fmt: skip


@register(
    "dataset",
    title="Shapes",
    classes=10,
    image_size=32,
    channels=3,
    train_images=10000,
    test_images=2000,
    downloadable=False,
)
def shapes(data_dir: str, say: Say) -> Arrays:
    """12,000 generated images in 10 classes of shapes; needs no download."""
    return cached("shapes", FINGERPRINT, generate, say, generated=True)


def generate(train: int = TRAIN, test: int = TEST, seed: int = SEED) -> Arrays:
    """Draw the whole data set; classes are equally frequent in both parts, in random order."""
    train_images, train_labels = draw(train, seed, 0)
    test_images, test_labels = draw(test, seed, 1)
    return Arrays(train_images, train_labels, test_images, test_labels, CLASSES)


def draw(n: int, seed: int, part: int) -> tuple[np.ndarray, np.ndarray]:
    """n images uint8 (n, 32, 32, 3) and their labels uint8 (n,)."""
    words = _Words(seed, part)
    labels = (np.arange(n) % len(CLASSES))[np.argsort(words.take(n), kind="stable")]
    tiles = _tiles()
    chunks = [_paint(labels[start : start + CHUNK], tiles, words) for start in range(0, n, CHUNK)]
    return np.concatenate(chunks), labels.astype(np.uint8)


class _Words:
    """Integers from the raw words of one Philox generator."""

    def __init__(self, seed: int, part: int) -> None:
        self._bits = np.random.Philox(np.random.SeedSequence((seed, part)))

    def take(self, n: int) -> np.ndarray:
        return self._bits.random_raw(n)

    def below(self, limit: int, *shape: int) -> np.ndarray:
        """int32 of a shape, each in 0..limit-1 (limit is far below 2**31, so the bias is negligible)."""
        words = self.take(math.prod(shape)).reshape(shape)
        return ((words >> np.uint64(33)) * np.uint64(limit) >> np.uint64(31)).astype(np.int32)

    def between(self, low: int, high: int, *shape: int) -> np.ndarray:
        """int32 of a shape, each in low..high."""
        return low + self.below(high - low + 1, *shape)

    def bytes(self, *shape: int) -> np.ndarray:
        count = math.prod(shape)
        return self.take(-(-count // 8)).astype("<u8").view(np.uint8)[:count].reshape(shape)


def _paint(labels: np.ndarray, tiles: np.ndarray, words: _Words) -> np.ndarray:
    """Images uint8 (n, 32, 32, 3) of background, shape, confetti and grain. Drawn as planes, (n, 3, 32, 32)."""
    n = len(labels)
    side = words.below(2, n)  # bright on dark or dark on bright, so that brightness does not reveal the class
    image = _mix(_color(words, 1 - side), _color(words, 1 - side), _clouds(words, n))
    paint = _mix(_color(words, side), _color(words, side), _clouds(words, n) // 2)
    middle = words.between(-80, 80, 2, n)
    cover = _cover(tiles[labels], middle, words.between(100, 176, n), words.below(TURNS, n))
    image = _mix(image, paint, cover * words.between(144, 255, n)[:, None, None] // 255)
    for _ in range(CONFETTI):
        piece = tiles[len(CLASSES) + words.below(len(tiles) - len(CLASSES), n)]
        middle = words.between(-256, 256, 2, n)
        cover = _cover(piece, middle, words.between(28, 64, n), words.below(TURNS, n))
        image = _mix(image, _color(words, side), cover)
    grain = words.bytes(n, 3, SIZE, SIZE).astype(np.int16) // 6 - 21
    pixels: np.ndarray = np.clip(image.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    return pixels.transpose(0, 2, 3, 1)


def _color(words: _Words, side: np.ndarray) -> np.ndarray:
    """One color of the given side of the palette for each image: uint16 (n, 3, 1, 1)."""
    colors: np.ndarray = PALETTE[side, words.below(PALETTE.shape[1], len(side))]
    return colors[:, :, None, None]


def _mix(below: np.ndarray, above: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """`above` over `below`, both uint16 (n, 3, ...), where `cover` (n, 32, 32) goes from 0 to 255."""
    cover = cover[:, None].astype(np.uint16)
    mixed: np.ndarray = below * (255 - cover) + above * cover + np.uint16(128)
    quotient: np.ndarray = (mixed + (mixed >> 8)) >> 8  # by 255, rounded, without a division
    return quotient


def _clouds(words: _Words, n: int) -> np.ndarray:
    """Smooth noise in 0..255, (n, 32, 32): bilinear interpolation of 5 x 5 random values."""
    at = np.arange(SIZE)
    weights = np.zeros((SIZE, 5), np.int32)  # in sixteenths
    weights[at, at // 8] = 16 - (2 * at + 1) % 16
    weights[at, at // 8 + 1] = (2 * at + 1) % 16
    heights = words.bytes(n, 5, 5).astype(np.int32)
    noise: np.ndarray = (weights @ heights @ weights.T) >> 8
    return noise


def _cover(tiles: np.ndarray, middle: np.ndarray, radius: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """How much of each pixel a shape covers: 0..255, (n, 32, 32).

    Args:
        tiles: one tile per image, (n, CELLS, CELLS).
        middle: offset of the shape's center from the image's, right and down, (2, n), in sixteenths of a pixel.
        radius: of the shape, (n,), in sixteenths of a pixel.
        turn: angle of the shape, (n,), in 256ths of a full turn.
    """
    along = 16 * np.arange(SIZE, dtype=np.int32) + 8 - 8 * SIZE
    x, y = along - middle[0, :, None], along - middle[1, :, None]  # (n, 32)
    cos, sin = (SINE[(turn + quarter) % TURNS][:, None] for quarter in (TURNS // 4, 0))
    scale = (2 * ONE * radius // CELLS)[:, None, None]  # of one cell
    column = ((x * cos)[:, None, :] + (y * sin)[:, :, None]) // scale + CELLS // 2
    row = ((y * cos)[:, :, None] - (x * sin)[:, None, :]) // scale + CELLS // 2
    np.clip(column, 0, CELLS - 1, out=column)  # the border of every tile is empty
    np.clip(row, 0, CELLS - 1, out=row)
    image = np.arange(len(tiles), dtype=np.int32)[:, None, None]
    cover: np.ndarray = tiles.reshape(-1)[(image * CELLS + row) * CELLS + column]
    return cover


def _tiles() -> np.ndarray:
    """Coverage 0..255 of each shape, then of each piece of confetti: uint8 (kinds, CELLS, CELLS), with soft edges."""
    u = (2 * np.arange(CELLS) + 1 - CELLS)[None, :]
    v = (2 * np.arange(CELLS) + 1 - CELLS)[:, None]
    far = u * u + v * v
    wing = ((0, -90), (64, -10), (26, -10), (26, 84), (-26, 84), (-26, -10), (-64, -10))
    drawn = (
        far <= 78**2,
        (far <= 82**2) & (far > 46**2),
        (far <= 84**2) & ((u - 40) ** 2 + v * v > 66**2),
        _inside(_regular(3, 92), u, v),
        (abs(u) <= 64) & (abs(v) <= 64),
        _inside(_regular(6, 82), u, v),
        _inside(_regular(5, 92, 38), u, v),
        (np.minimum(abs(u), abs(v)) <= 24) & (np.maximum(abs(u), abs(v)) <= 84),
        _inside(_heart(), u, v),
        _inside(wing, u, v),
        far <= 70**2,
        (abs(u) <= 84) & (abs(v) <= 26),
        (far <= 84**2) & (u > 10),
    )
    sharp = np.stack([np.broadcast_to(inside, (CELLS, CELLS)) for inside in drawn]).astype(np.int32)
    sums = np.pad(sharp, ((0, 0), (3, 2), (3, 2))).cumsum(1).cumsum(2)  # a 5 x 5 mean by summed areas
    inside: np.ndarray = sums[:, 5:, 5:] - sums[:, :-5, 5:] - sums[:, 5:, :-5] + sums[:, :-5, :-5]  # of 25 pixels
    return (inside * 255 // 25).astype(np.uint8)


def _regular(corners: int, radius: int, inner: int = 0) -> list[tuple[int, int]]:
    """The corners of a regular polygon, or of a star if `inner` is given."""
    radii = (radius, inner) if inner else (radius,)
    count = corners * len(radii)
    angles = [2 * math.pi * k / count for k in range(count)]
    sides = [radii[k % len(radii)] for k in range(count)]
    return [
        (round(side * math.sin(angle)), round(-side * math.cos(angle)))
        for side, angle in zip(sides, angles, strict=True)
    ]


def _heart() -> list[tuple[int, int]]:
    """The heart curve of sin^3 and four cosines, as a polygon with 64 corners."""
    turns = [2 * math.pi * k / 64 for k in range(64)]
    lobes = [13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) for t in turns]
    return [(round(5 * 16 * math.sin(t) ** 3), round(-5 * lobe) - 8) for t, lobe in zip(turns, lobes, strict=True)]


def _inside(corners: Sequence[tuple[int, int]], u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether cells are inside a polygon, by the even-odd rule."""
    inside = np.zeros(np.broadcast_shapes(u.shape, v.shape), bool)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        crosses = (ay > v) != (by > v)
        left = (u - ax) * (by - ay) - (bx - ax) * (v - ay)
        inside ^= crosses & ((left < 0) if by > ay else (left > 0))
    return inside
