from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg

from parcelscope.datasets.near_duplicates import grey_of, looks, near_duplicates

Rgb = npt.NDArray[np.uint8]


def scan(seed: int) -> Rgb:
    """A bright picture with some dark things in it."""
    rng = np.random.default_rng(seed)
    rgb = np.full((180, 240, 3), 245, np.uint8)
    for _ in range(12):
        x, y = int(rng.integers(10, 200)), int(rng.integers(10, 150))
        width, height = int(rng.integers(8, 60)), int(rng.integers(8, 50))
        rgb[y : y + height, x : x + width] = rng.integers(20, 220, 3)
    return rgb


def jpeg(rgb: Rgb, quality: int) -> Rgb:
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality=quality)
    return np.asarray(simplejpeg.decode_jpeg(data))


COPIES = {
    "the same": lambda rgb: rgb,
    "encoded again": lambda rgb: jpeg(rgb, 45),
    "half the size": lambda rgb: cv2.resize(rgb, (120, 90), interpolation=cv2.INTER_AREA),
    "larger": lambda rgb: cv2.resize(rgb, (336, 252), interpolation=cv2.INTER_CUBIC),
    "darker": lambda rgb: (rgb * 0.8).astype(np.uint8),
    "paler": lambda rgb: (255 - (255 - rgb) * 0.7).astype(np.uint8),
}  # fmt: skip


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_is_found(change: Callable[[Rgb], Rgb]) -> None:
    pictures = [scan(seed) for seed in range(20)]
    pictures.append(change(pictures[7]))
    assert near_duplicates(looks([grey_of(rgb) for rgb in pictures])) == [(7, 20)]


def test_different_pictures_are_not_alike() -> None:
    assert near_duplicates(looks([grey_of(scan(seed)) for seed in range(150)])) == []


def test_one_thing_more_makes_another_picture() -> None:
    other = scan(1)
    other[60:130, 80:170] = 30
    assert near_duplicates(looks([grey_of(scan(1)), grey_of(other)])) == []


def test_even_pictures_are_alike() -> None:
    even = [grey_of(np.full((40, 60, 3), level, np.uint8)) for level in (0, 128, 255)]
    assert near_duplicates(looks(even)) == [(0, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize("count", [0, 1])
def test_few_pictures_have_no_pairs(count: int) -> None:
    assert near_duplicates(looks([grey_of(scan(n)) for n in range(count)])) == []


def test_every_pair_of_many_copies_is_found() -> None:
    greys = [grey_of(jpeg(scan(3), quality)) for quality in range(60, 90, 3)]
    assert len(near_duplicates(looks(greys))) == 45
