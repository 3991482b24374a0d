"""Calibration by scanner: what compliant scans of one scanner say that its scores mean.

Everything here says how much its number of scans is worth: a p-value from 40 scans cannot be below
1/41, and a threshold for 4 scans in a thousand needs 250 of them. No torch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parcelscope.models.bundle import ScannerCalibration
from parcelscope.training.calibrate import (
    ALARM_SHARE,
    alarm_threshold,
    calibrate_count,
    genuine_scores,
)

Floats = npt.NDArray[np.float64]

REPORTED_SHARE = 0.02
"""P-value from which an anomaly is reported (`anomaly.max_p_value` of the default screening)."""
FEWEST_SCANS = 49
"""With fewer, not even the most unusual scan could have a p-value of `REPORTED_SHARE`."""
FEWEST_DECLARED = 19
"""Parcels that declare a family of goods: with fewer, not even the least supported could have the
p-value that is reported (0.05, `contents.max_p_value` of the default screening)."""
STATED_SHARES = (0.05, 0.02, 0.01, ALARM_SHARE)
DRAWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """A scanner as the images table names it."""

    model: str
    software: str | None

    @property
    def words(self) -> str:
        """As people say it: `PS-160 4.2`."""
        return f"{self.model} {self.software}" if self.software else f"{self.model}, no version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """What a number of compliant scans is worth."""

    scans: int

    @property
    def smallest_p_value(self) -> float:
        """The p-value of a scan above all of them."""
        return 1 / (self.scans + 1)

    def reaches(self, share: float) -> bool:
        """Whether a p-value can be as low as `share`."""
        # (n + 1) * 0.02 is 0.9999... for the 49 scans that are just enough.
        return round((self.scans + 1) * share, 9) >= 1

    def true_share(self, share: float) -> tuple[float, float]:
        """95 % interval of the share of later compliant scans with a p-value of `share` or less.

        It is `share` on average; of one set of n scans it is drawn from Beta(k, n + 1 - k) with
        k = floor((n + 1) * share), which is what a small set costs.

        Raises:
            ValueError: If the scans do not reach `share`.
        """
        rank = int(round((self.scans + 1) * share, 9))
        if rank < 1:
            raise ValueError(f"{self.scans} scans cannot give a p-value of {share}")
        draws = np.random.default_rng(0).beta(rank, self.scans + 1 - rank, DRAWS)
        low, high = np.percentile(draws, [2.5, 97.5])
        return float(low), float(high)


def scans_needed(share: float) -> int:
    """Compliant scans from which a p-value can be as low as `share`."""
    return int(np.ceil(round(1 / share, 9))) - 1


def calibrate_scores(
    scores: dict[str, Floats], scanner: Scanner, *, source: str, with_thresholds: bool
) -> ScannerCalibration:
    """The calibration of one detector from compliant scans of one scanner.

    Args:
        scores: By class, the highest score of each scan (N,), 0 where nothing was found.
        scanner: Whose scans they are.
        source: Where they came from, in words.
        with_thresholds: Whether classes have a score from which they are shown to the analyst;
            set where the scans allow it, else the card's own stays.

    Raises:
        ValueError: If there are fewer than `FEWEST_SCANS`.
    """
    (count,) = {len(values) for values in scores.values()}
    if count < FEWEST_SCANS:
        raise ValueError(f"at least {FEWEST_SCANS} compliant scans are needed, got {count}")
    thresholds = {}
    if with_thresholds and count * ALARM_SHARE >= 1:
        thresholds = {name: round(alarm_threshold(v), 4) for name, v in scores.items()}
    return ScannerCalibration(
        scanner_model=scanner.model,
        scanner_software=scanner.software,
        scans=count,
        source=source,
        genuine={name: genuine_scores(values) for name, values in scores.items()},
        thresholds=thresholds,
    )


def calibrate_families(
    support: Floats,
    declared: Sequence[Collection[str]],
    families: Sequence[str],
    scanner: Scanner,
    *,
    source: str,
) -> ScannerCalibration | None:
    """The calibration of the support for families of goods; None where no family has enough.

    Args:
        support: (N, F) log-odds of compliant parcels of one scanner.
        declared: N sets of families that those declare.
        families: The columns of `support`.
        scanner: Whose scans they are.
        source: Where they came from, in words.
    """
    genuine = {}
    for column, family in enumerate(families):
        rows = np.array([family in one for one in declared], bool)
        if rows.sum() >= FEWEST_DECLARED:
            # The higher, the less a scan shows of the family.
            genuine[family] = genuine_scores(-support[rows, column])
    if not genuine:
        return None
    return ScannerCalibration(
        scanner_model=scanner.model,
        scanner_software=scanner.software,
        scans=len(support),
        source=source,
        genuine=genuine,
    )


def calibrate_pieces(
    raw: Floats, true: Floats, scanner: Scanner, *, source: str
) -> ScannerCalibration:
    """The calibration of a piece count from cartons of one scanner whose content is known.

    Args:
        raw: (N,) raw counts of the network.
        true: (N,) pieces inside.
        scanner: Whose scans they are.
        source: Where they came from, in words.

    Raises:
        ValueError: If there are fewer than `FEWEST_CARTONS`.
    """
    return ScannerCalibration(
        scanner_model=scanner.model,
        scanner_software=scanner.software,
        scans=len(raw),
        source=source,
        count=calibrate_count(raw, true),
    )


def worth(scans: int, *, what: Sequence[str] = ()) -> str:
    """In words what `scans` compliant scans are enough for.

    Args:
        scans: How many.
        what: Classes whose thresholds depend on them; none for the anomaly score.
    """
    sized = Sized(scans=scans)
    if scans < FEWEST_SCANS:
        return (
            f"{scans} scans, too few: {FEWEST_SCANS} are needed for a p-value of"
            f" {REPORTED_SHARE:g}, so it keeps the bundle's default"
        )
    low, high = sized.true_share(REPORTED_SHARE)
    text = (
        f"{scans} scans, enough for p >= {sized.smallest_p_value:.2g}; p <= {REPORTED_SHARE:g} will"
        f" be met by {low:.1%} to {high:.1%} of compliant scans"
    )
    beyond = [share for share in STATED_SHARES if not sized.reaches(share)]
    if beyond:
        text += "; " + ", ".join(f"p of {s:g} needs {scans_needed(s):,}" for s in beyond)
    if what and scans * ALARM_SHARE < 1:
        text += f"; thresholds need {int(np.ceil(1 / ALARM_SHARE)):,}, so the default ones stay"
    return text
