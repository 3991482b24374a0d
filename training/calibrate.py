"""From raw scores to statements: p-values against compliant scans, thresholds, count intervals.

Everything is calibrated on the exported graph, since that is what will score parcels.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from parcelscope.models.bundle import CountCalibration, GenuineScores
from parcelscope.models.heatmap import MOST_OVERLAP, Boxes, decode_peaks

Floats = npt.NDArray[np.float64]

TAIL = 200
"""Highest genuine scores kept per class."""
ALARM_SHARE = 0.004
"""A class's threshold lies where this share of compliant scans would show it."""
COVERAGE = 0.96
"""Share of cartons whose count lies inside the interval."""
FEWEST_CARTONS = 60
"""Cartons that one quantile of the count's error rests on."""
COUNT_KNOTS = (0.5, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 22.0, 26.0, 30.0)


def run_graph(
    path: Path, scans: npt.NDArray[np.generic], names: tuple[str, ...], *, batch: int = 32
) -> list[npt.NDArray[np.float32]]:
    """Outputs `names` of the graph at `path` for all `scans`, stacked."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    parts = [
        session.run(list(names), {"scan": scans[start : start + batch]})
        for start in range(0, len(scans), batch)
    ]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def detect(path: Path, scans: npt.NDArray[np.generic]) -> list[Boxes]:
    """Boxes of each scan by the heat-map detector at `path`."""
    peaks, size, offset = run_graph(path, scans, ("peaks", "size", "offset"))
    return [
        decode_peaks(*maps, width_px=scans.shape[3], most_overlap=MOST_OVERLAP)
        for maps in zip(peaks, size, offset, strict=True)
    ]


def genuine_scores(scores: npt.NDArray[np.floating]) -> GenuineScores:
    """The tail of `scores` (N,) of compliant scans."""
    ordered = np.sort(scores.astype(np.float64))[::-1]
    return GenuineScores(count=len(ordered), top=tuple(round(float(s), 5) for s in ordered[:TAIL]))


def class_scores(
    detections: list[Boxes], classes: tuple[str, ...]
) -> dict[str, npt.NDArray[np.float64]]:
    """For each class the highest score of each scan, (N,), 0 where nothing was found."""
    table = np.zeros((len(detections), len(classes)))
    for row, boxes in enumerate(detections):
        np.maximum.at(table[row], boxes.label, boxes.score.astype(np.float64))
    return {name: table[:, column] for column, name in enumerate(classes)}


def alarm_threshold(scores: npt.NDArray[np.floating], *, share: float = ALARM_SHARE) -> float:
    """Score that at most `share` of the compliant `scores` (N,) reach, at least 0.2."""
    if len(scores) * share < 1:
        raise ValueError(
            f"{len(scores)} compliant scans cannot set a threshold for a share of {share};"
            f" at least {int(np.ceil(1 / share))} are needed"
        )
    return float(np.clip(np.quantile(scores, 1 - share), 0.2, 0.95))


def calibrate_count(raw: Floats, true: Floats, *, coverage: float = COVERAGE) -> CountCalibration:
    """Knots from the raw count to (middle, low, high), fitted on cartons of known content.

    At each knot the cartons with the nearest raw counts give the median error and its conformal
    quantiles: rank ceil((n + 1) q), so that coverage holds for the next carton, not only for these.

    Args:
        raw: (N,) raw counts of the network.
        true: (N,) true counts.
        coverage: Wanted share of cartons inside the interval.
    """
    if len(raw) < FEWEST_CARTONS:
        raise ValueError(
            f"at least {FEWEST_CARTONS} cartons are needed to calibrate a count, got {len(raw)}"
        )
    near = max(FEWEST_CARTONS, len(raw) // 8)
    middle, low, high = [], [], []
    knots = [k for k in COUNT_KNOTS if k <= raw.max() + 2]
    for knot in knots:
        rows = np.argsort(np.abs(raw - knot), kind="stable")[:near]
        error = np.sort(true[rows] - raw[rows])
        tail = (1 - coverage) / 2
        rank_high = min(int(np.ceil((near + 1) * (1 - tail))), near) - 1
        rank_low = max(int(np.floor((near + 1) * tail)), 1) - 1
        middle.append(knot + float(np.median(error)))
        low.append(knot + float(error[rank_low]))
        high.append(knot + float(error[rank_high]))
    # Twelve noisy quantiles in a row: a running maximum keeps the bounds ascending with the count.
    return CountCalibration(
        raw=tuple(knots),
        middle=tuple(np.maximum.accumulate(middle).round(3).tolist()),
        low=tuple(np.maximum.accumulate(low).round(3).tolist()),
        high=tuple(np.maximum.accumulate(high).round(3).tolist()),
        coverage=coverage,
    )
