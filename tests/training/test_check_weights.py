"""Weights of checks, from units whose meaning is known."""

import numpy as np
import numpy.typing as npt
import pytest

from parcelscope.training.check_weights import COMMON, fitted_weights

CHECKS = ("sees", "blind", "noisy")


@pytest.fixture(scope="module")
def weights() -> dict[str, tuple[float, ...]]:
    return fitted_weights(CHECKS, drawn(0, 400, 0.0), drawn(1, 400, 5.0))


def drawn(seed: int, count: int, off: float) -> npt.NDArray[np.float64]:
    """Units of which the first sees the difference, the second never moves, the third is noise."""
    rng = np.random.default_rng(seed)
    units = rng.standard_normal((count, 3))
    units[:, 0] += off
    units[:, 1] = 0
    units[:, 2] *= 3
    return units


def test_what_tells_altered_copies_counts_most(weights: dict[str, tuple[float, ...]]) -> None:
    assert sum(weights["sees"]) > sum(weights["blind"]) > sum(weights["noisy"])


def test_a_check_of_which_nothing_is_known_keeps_the_common_weight(
    weights: dict[str, tuple[float, ...]],
) -> None:
    assert weights["blind"] == pytest.approx((COMMON, COMMON), abs=0.1)


def test_no_check_speaks_for_a_copy(weights: dict[str, tuple[float, ...]]) -> None:
    assert min(value for row in weights.values() for value in row) >= 0


def test_the_balance_of_kinds_does_not_matter() -> None:
    many = fitted_weights(CHECKS, drawn(0, 400, 0.0), drawn(1, 400, 5.0))
    few = fitted_weights(CHECKS, drawn(0, 400, 0.0), drawn(1, 100, 5.0))
    assert few["sees"] == pytest.approx(many["sees"], abs=0.35)
