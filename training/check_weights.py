"""How much each check of a photo beside its genuine reference should count, from altered copies.

A logistic regression on how far each check lies beyond the genuine spread, with two changes: no
weight is negative, since no check may make another copy look genuine; and all lean on one common
weight, since the differences that were generated are not all that there are.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from parcelscope.inference.authenticity import KNOTS, beyond

COMMON: Final = 0.4
"""Weight that a check has of which the photos say nothing."""
LEANING: Final = 10.0
"""How much it costs to leave it, in photos."""
MOST_SPREADS: Final = 10.0
"""What lies further off teaches nothing more: one photo would set the weight alone."""


def fitted_weights(
    checks: Sequence[str],
    genuine: npt.NDArray[np.floating],
    altered: npt.NDArray[np.floating],
) -> dict[str, tuple[float, ...]]:
    """The weight of each check beyond each of `KNOTS`.

    Args:
        checks: Names, (C,).
        genuine: (N, C) checks of genuine photos, in spreads; several designs together.
        altered: (M, C) checks of altered copies.
    """
    from scipy.optimize import minimize

    units = np.minimum(np.concatenate([genuine, altered]), MOST_SPREADS)
    terms = beyond(units.astype(np.float32)).reshape(len(units), -1)
    is_altered = np.repeat([0.0, 1.0], [len(genuine), len(altered)])
    # Both kinds count the same, however many were drawn of each.
    each = np.repeat([0.5 / len(genuine), 0.5 / len(altered)], [len(genuine), len(altered)])
    each = each * len(units)

    def loss(values: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights = values[1:]
        odds = values[0] + terms @ weights
        off = each * (1 / (1 + np.exp(-odds)) - is_altered)
        cost = (each * (np.logaddexp(0, odds) - is_altered * odds)).sum()
        away = weights - COMMON
        slope = np.concatenate([[off.sum()], terms.T @ off + LEANING * away])
        return float(cost + LEANING * (away**2).sum() / 2), slope

    start = np.concatenate([[-2.0], np.full(terms.shape[1], COMMON)])
    bounds = [(None, None)] + [(0.0, None)] * terms.shape[1]
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x[1:]
    rows = found.reshape(len(checks), len(KNOTS))
    return {name: tuple(float(v) for v in row) for name, row in zip(checks, rows, strict=True)}
