"""Whether a model of mass keeps the contract of its card, for `bundle verify` and `add-model`."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import BundleError
from parcelscope.inference.mass_models import MASS_INPUT, MASS_OUTPUT, open_mass
from parcelscope.models.mass_model import MassModel

BATCH_TOLERANCE = 1e-4
"""Largest difference of the logarithm of a mass between a batch and its rows one by one."""
FARTHEST = 12.0
"""Logarithm of g per cm2 of attenuation, either way, that nothing in a parcel comes near."""


def mass_contract(path: Path, card: MassModel) -> str:
    """What the input and output are, in words.

    Raises:
        BundleError: If they are not those of the contract.
    """
    open_mass(path, card)
    return f"input {MASS_INPUT} of {len(card.columns)} and output {MASS_OUTPUT} as promised"


def mass_golden(path: Path, card: MassModel) -> str:
    """What the model gives on golden rows, in words.

    Raises:
        BundleError: If that is not finite, not in shape, or not the same alone and in a batch.
    """
    session = open_mass(path, card)
    rows = golden_rows(card)
    try:
        (together,) = session.run([MASS_OUTPUT], {MASS_INPUT: rows})
        alone = [session.run([MASS_OUTPUT], {MASS_INPUT: row[None]})[0] for row in rows]
    except Exception as error:  # the runtime's errors have no common class below Exception
        raise BundleError(f"{path}: failed on golden rows: {str(error).splitlines()[0]}") from error
    if together.shape != (len(rows), 1):
        raise BundleError(
            f"{path}: output {MASS_OUTPUT!r}: expected shape ({len(rows)}, 1), got {together.shape}"
        )
    if not np.isfinite(together).all() or float(np.abs(together).max()) > FARTHEST:
        raise BundleError(
            f"{path}: output {MASS_OUTPUT!r}: expected logarithms within {FARTHEST:g} of 0, got"
            f" {together.min():.3g} to {together.max():.3g}"
        )
    gap = float(np.abs(together - np.concatenate(alone)).max())
    if gap > BATCH_TOLERANCE:
        raise BundleError(
            f"{path}: expected the same for a row alone and in a batch, got logarithms that differ"
            f" by {gap:.1e}, more than {BATCH_TOLERANCE:.0e}"
        )
    return f"finite and in shape on {len(rows)} golden rows; batches differ by {gap:.1e}"


def golden_rows(card: MassModel) -> npt.NDArray[np.float32]:
    """(5, D) rows across the fitted ranges, the same on every machine; other columns are 0 to 1."""
    ends = np.array([card.ranges.get(name, (0.0, 1.0)) for name in card.columns])  # (D, 2)
    places = np.array([0.0, 0.25, 0.5, 0.75, 1.0])[:, None]
    rows: npt.NDArray[np.float32] = (ends[:, 0] + places * (ends[:, 1] - ends[:, 0])).astype(
        np.float32
    )
    return rows
