"""Pictures that show the same thing: copies, re-encoded, resized, brighter or darker.

Two pictures are near-duplicates when their perceptual hashes almost agree and, since many scans
of luggage hash alike, their thumbnails do as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.uint64]
Thumb = npt.NDArray[np.float32]

SIDE_PX = 32
SEEN_PX = 4 * SIDE_PX
"""Long side that is enough to read a picture at, for `grey_of`."""
MOST_BITS = 4
"""Of 63 that may differ. Copies at half to one and a half of the size, JPEG quality 40 to 90,
differed in at most 2 for 80 scans of luggage and 4 for 80 photos of tiles
(`benchmarks/near_duplicates.py`, as the figures below)."""
MOST_RESIDUAL = 0.12
"""What may be left of a thumbnail, mean taken off and scaled to length 1, after the other is
subtracted. It was at most 0.031 and 0.104 for the same copies; of 2,300 scans of luggage the two
most alike that are no copies differ by 0.245."""
_BANDS = MOST_BITS + 1
"""Two hashes that differ in `MOST_BITS` agree in at least one of so many parts."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """How pictures look, for comparison."""

    bits: Bits
    """(N,) perceptual hashes."""
    thumbs: Thumb
    """(N, 32 * 32), each without its mean and of length 1, or zero for an even picture."""


def grey_of(rgb: Rgb) -> Thumb:
    """(32, 32) mean grey of a picture (H, W, 3)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def looks(greys: Sequence[Thumb]) -> Looks:
    """The looks of thumbnails, each (32, 32)."""
    bits = np.zeros(len(greys), np.uint64)
    thumbs = np.zeros((len(greys), SIDE_PX * SIDE_PX), np.float32)
    weights = np.uint64(1) << np.arange(63, dtype=np.uint64)
    for at, grey in enumerate(greys):
        waves = cv2.dct(grey)[:8, :8].ravel()[1:]  # (63,), without the mean
        bits[at] = weights[waves > np.median(waves)].sum(dtype=np.uint64)
        flat = grey.ravel() - grey.mean()
        length = float(np.linalg.norm(flat))
        if length > 1.0:  # of 0 to 255 over 1,024 pixels: an even picture has no form
            thumbs[at] = flat / length
    return Looks(bits, thumbs)


def near_duplicates(found: Looks) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, that show the same thing. Pictures all even are alike to each other."""
    pairs: set[tuple[int, int]] = set()
    for first, second in _candidates(found.bits):
        apart = np.bitwise_count(found.bits[first] ^ found.bits[second]) <= MOST_BITS
        first, second = first[apart], second[apart]
        rest = np.linalg.norm(found.thumbs[first] - found.thumbs[second], axis=1)
        same = rest <= MOST_RESIDUAL
        pairs.update(zip(first[same].tolist(), second[same].tolist(), strict=True))
    return sorted(pairs)


def _candidates(
    bits: Bits, most: int = 100_000
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Index arrays of pairs whose hashes agree in one part, in batches of about `most`."""
    firsts: list[npt.NDArray[np.int64]] = []
    seconds: list[npt.NDArray[np.int64]] = []
    waiting = 0
    edges = np.linspace(0, 63, _BANDS + 1).astype(np.uint64)
    for low, high in pairwise(edges):
        part = (bits >> low) & ((np.uint64(1) << (high - low)) - np.uint64(1))
        order = np.argsort(part, kind="stable")
        cuts = np.flatnonzero(np.diff(part[order])) + 1
        for alike in np.split(order, cuts):
            for at in range(len(alike) - 1):
                firsts.append(np.full(len(alike) - at - 1, alike[at]))
                seconds.append(alike[at + 1 :])
                waiting += len(seconds[-1])
                if waiting >= most:
                    yield np.concatenate(firsts), np.concatenate(seconds)
                    firsts, seconds, waiting = [], [], 0
    if waiting:
        yield np.concatenate(firsts), np.concatenate(seconds)
