"""Defects drawn onto photos of good pieces."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.training.made_defects import DEFECTS, add_defects

Colour = npt.NDArray[np.uint8]


@pytest.mark.parametrize("kind", sorted(DEFECTS))
@settings(max_examples=20)
@given(seed=st.integers(0, 100_000))
def test_only_what_the_mask_shows_is_changed_much(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = piece(rng)
    after, mask = add_defects(before, piece(rng), rng, kinds=(kind,), most=1)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    change = np.abs(after.astype(int) - before).max(axis=2)
    if mask.any():
        assert change[mask].mean() > 1.5
        assert change[~mask].mean() < change[mask].mean()
    else:
        assert change.max() == 0


def test_most_draws_show_something() -> None:
    rng = np.random.default_rng(0)
    shown = [add_defects(piece(rng), piece(rng), rng)[1].any() for _ in range(40)]
    assert np.mean(shown) > 0.9


def test_a_grey_photo_stays_grey() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        after, _ = add_defects(piece(rng, grey=True), piece(rng, grey=True), rng)
        assert (after == after[..., :1]).all()


def test_the_same_seed_draws_the_same_defects() -> None:
    one, other = (
        add_defects(piece(np.random.default_rng(2)), piece(np.random.default_rng(3)),
                    np.random.default_rng(4))
        for _ in range(2)
    )  # fmt: skip
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def piece(rng: np.random.Generator, *, grey: bool = False) -> Colour:
    """A photo of a surface with a grain and uneven light, 72 x 96."""
    light = np.linspace(90, 160, 96)[None, :, None] * np.ones((72, 1, 1 if grey else 3))
    shade = light + rng.normal(0, 6, (72, 96, 1 if grey else 3))
    return np.clip(np.broadcast_to(shade, (72, 96, 3)), 0, 255).astype(np.uint8)
