"""Whether enough compliant scans stand behind what a detector's card states."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from parcelscope.models.bundle import DetectorCard

SURE: Final = 0.95
"""How sure one must be that no more compliant scans than allowed reach a threshold."""


def calibration_checks(
    card: DetectorCard, *, max_alarm_share: float
) -> Iterator[tuple[bool | None, str]]:
    """Whether enough compliant scans stand behind each threshold, and what can be said of them."""
    unknown = sorted((card.thresholds.keys() | card.genuine.keys()) - {*card.classes, "scan"})
    if unknown:
        yield False, f"calibrated for {', '.join(unknown)}, which is none of its classes"
    for name, threshold in card.thresholds.items():
        if card.detector == "xray.pieces":
            continue  # drawn for the analyst, no alarm hangs on it
        genuine = card.genuine.get(name)
        if genuine is None:
            yield False, f"{name}: a threshold of {threshold:g}, but no compliant scans behind it"
            continue
        reach = sum(score >= threshold for score in genuine.top)
        if reach == len(genuine.top) < genuine.count:
            yield (
                False,
                (
                    f"{name}: all {reach} stored scores of compliant scans reach {threshold:g};"
                    " how many of the others do is not known"
                ),
            )
            continue
        bound = upper_bound(reach, genuine.count)
        yield (
            bound <= max_alarm_share,
            f"{name}: {reach} of {genuine.count:,} compliant scans reach {threshold:g}, so at most"
            f" {bound:.2%} of all do ({SURE:.0%} sure; allowed {max_alarm_share:.0%}, which takes"
            f" {scans_needed(reach, max_alarm_share):,} scans)",
        )
    if card.detector in ("xray.anomaly", "photo.anomaly"):
        yield _anomaly_calibration(card, max_alarm_share)
    if card.detector == "xray.pieces":
        yield _count_calibration(card)
    for one in card.calibrations:
        scanner = " ".join(filter(None, ("scanner", one.scanner_model, one.scanner_software)))
        # Its thresholds stand on its own scans, never on the card's.
        own = card.model_copy(
            update={
                "thresholds": one.thresholds,
                "genuine": one.genuine,
                "count": one.count,
                "calibrations": (),
            }
        )
        for passed, said in calibration_checks(own, max_alarm_share=max_alarm_share):
            yield passed, f"{scanner}: {said}"


def upper_bound(reach: int, count: int, *, sure: float = SURE) -> float:
    """Exact upper bound (Clopper and Pearson, 1934) of a share, `reach` of `count` having it."""
    low, high = reach / count, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(reach, count, middle) > 1 - sure:
            low = middle
        else:
            high = middle
    return high


def scans_needed(reach: int, share: float) -> int:
    """The smallest set of compliant scans that proves `share` if `reach` of them pass."""
    low, high = reach, reach + 1
    while upper_bound(reach, high) > share:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper_bound(reach, middle) > share else (low, middle)
    return high


def _at_most(reach: int, count: int, share: float) -> float:
    """Probability of at most `reach` of `count` at `share`, 0 to 1."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return float(reach >= count)
    logs = (
        math.lgamma(count + 1)
        - math.lgamma(k + 1)
        - math.lgamma(count - k + 1)
        + k * math.log(share)
        + (count - k) * math.log1p(-share)
        for k in range(reach + 1)
    )
    return math.fsum(math.exp(log) for log in logs)


def _anomaly_calibration(card: DetectorCard, share: float) -> tuple[bool, str]:
    genuine = card.genuine.get("scan")
    if genuine is None:
        return False, "no compliant scans: an anomaly score without a p-value says nothing"
    needed = math.ceil(1 / share) - 1
    kept = (1 + len(genuine.top)) / (1 + genuine.count)
    return (
        genuine.count >= needed and (kept >= share or len(genuine.top) == genuine.count),
        f"p-values from {genuine.count:,} compliant scans go down to {1 / (1 + genuine.count):.2g};"
        f" reported from {share:g}, which takes {needed:,} scans, and the highest"
        f" {len(genuine.top):,} scores are kept, which reach up to {kept:.2g}",
    )


def _count_calibration(card: DetectorCard) -> tuple[bool | None, str]:
    count = card.count
    if count is None:
        return None, "no calibration of counts, so counts are not assessed"
    knots = [np.asarray(values) for values in (count.low, count.middle, count.high)]
    ascending = all((np.diff(values) >= 0).all() for values in (np.asarray(count.raw), *knots))
    ordered = all(len(values) == len(count.raw) for values in knots) and bool(
        (knots[0] <= knots[1]).all() and (knots[1] <= knots[2]).all()
    )
    if not (ascending and ordered):
        return False, "count interval: expected low <= middle <= high at every knot, none falling"
    return True, (
        f"count interval over {len(count.raw)} knots covers {count.coverage:.0%} of calibration"
        " cartons"
    )
