"""What the packaging of a master carton weighs, as a sign of pieces that nobody listed.

    python benchmarks/carton_packaging.py RUN TRUTH TEST_RUN TEST_TRUTH

A carton that weighs more than its parcels has packaging, or pieces that are on no list, even where
its own weight is declared truly. How much packaging is usual for so many parcels of such a weight
is learned from the cartons of the window itself, without knowing which are compliant. Logistic
regressions on four plain quantities are fitted on the first run and judged on the second; 90 %
bootstrap intervals. Then how often cartons of the first run lie where, by the robust z of that
weight: what the likelihood ratios of the indicator `U2.packaging` were rounded from.
"""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.linear_model import LogisticRegression

from parcelscope.pipelines.evaluate import check_same_feed, read_truth
from parcelscope.pipelines.indicator_trial import feed_of
from parcelscope.pipelines.run_folder import read_run
from parcelscope.screening.indicators.packaging_weight import robust_fit
from parcelscope.training.metrics import area_under_roc, recall_above, resamplings

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

QUANTITIES = ("scale", "count", "X-ray mass", "packaging")
SETS = ((0,), (0, 1), (0, 1, 2), (0, 1, 3), (0, 1, 2, 3))
FALSE_ALARMS = (0.01, 0.02, 0.05)
EDGES = (-np.inf, 0.0, 0.5, 1.0, 1.5, 2.0, np.inf)
REPEATS = 500
MIN_SPREAD = 0.1
"""As in the pack that ships."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cartons:
    """The cartons of a run."""

    values: Floats
    """(N, 4) `QUANTITIES`, each about 1 where it is as far off as a compliant carton often is."""
    violative: Bools
    true_weight: Bools
    """Whether the unmanifested pieces are in the declared weight."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("run", "truth", "test_run", "test_truth"):
        parser.add_argument(name, type=Path)
    told = parser.parse_args()
    learn, judge = (read_cartons(told.run, told.truth),
                    read_cartons(told.test_run, told.test_truth))  # fmt: skip
    shares = " | ".join(f"at {100 * share:g} %" for share in FALSE_ALARMS)
    print(f"| quantities | AUROC | {shares} | at 2 %, true weight declared |")
    print("|---|---|---|---|---|---|")
    for chosen in SETS:
        model = LogisticRegression(max_iter=5000, C=0.3)
        model.fit(hinges(learn.values, chosen), learn.violative)
        score = model.decision_function(hinges(judge.values, chosen))
        figures = [_auroc(score, judge.violative)]
        figures += [_recall(score, judge.violative, share) for share in FALSE_ALARMS]
        hidden = ~judge.violative | judge.true_weight
        figures.append(_recall(score[hidden], judge.violative[hidden], 0.02))
        print(f"| {', '.join(QUANTITIES[k] for k in chosen)} | {' | '.join(figures)} |")
    print()
    print("| packaging, robust z | with unlisted pieces | compliant | times as often |")
    print("|---|---|---|---|")
    z, violative = learn.values[:, QUANTITIES.index("packaging")], learn.violative
    for low, high in pairwise(EDGES):
        there = (z >= low) & (z < high)
        more, fewer = int(there[violative].sum()), int(there[~violative].sum())
        # Half a carton more on either side: where no compliant one lies, nothing is infinite.
        share, usual = (more + 0.5) / violative.sum(), (fewer + 0.5) / (~violative).sum()
        print(f"| {low:g} to {high:g} | {more} | {fewer} | {share / usual:.1f} |")


def read_cartons(run_folder: Path, truth_folder: Path) -> Cartons:
    """The quantities of each carton of the run that the truth knows."""
    run, truth = read_run(run_folder), read_truth(truth_folder)
    check_same_feed(run, truth, run_folder, truth_folder)
    feed = feed_of(run)
    inside = (
        feed.parcels.drop_nulls("carton_id")
        .sort("parcel_id")
        .group_by("carton_id", maintain_order=True)
        .agg(pl.len().alias("rows"), pl.col("declared_weight_g").sum().alias("listed_g"))
    )
    rows = (
        truth.cartons.select("carton_id", "violative", "true_weight_declared")
        .join(feed.cartons, on="carton_id")
        .join(inside, on="carton_id")
        .sort("carton_id")
    )
    for code in ("pieces.count", "mass.total"):
        found = run.findings.filter((pl.col("code") == code) & (pl.col("owner_kind") == "carton"))
        rows = rows.join(
            found.unique("owner_id", keep="first", maintain_order=True).select(
                pl.col("owner_id").alias("carton_id"),
                pl.col("observed").alias(code),
                pl.col("observed_low").alias(f"{code}.low"),
                pl.col("observed_high").alias(f"{code}.high"),
            ),
            on="carton_id",
            how="left",
            maintain_order="left",
        )
    return Cartons(
        values=_quantities(rows),
        violative=rows["violative"].to_numpy(),
        true_weight=rows["true_weight_declared"].to_numpy(),
    )


def _quantities(rows: pl.DataFrame) -> Floats:
    declared, scale, listed, count = (
        rows[name].cast(pl.Float64).to_numpy()
        for name in ("declared_weight_g", "measured_weight_g", "listed_g", "rows")
    )
    low, high, mass = (
        rows[name].cast(pl.Float64).to_numpy()
        for name in ("pieces.count.low", "pieces.count.high", "mass.total")
    )
    half = np.maximum((high - low) / 2, 1.0)
    packaging = unusual_packaging(scale - listed, listed, count)
    return np.column_stack(
        [
            np.clip((scale / declared - 1) / 0.015, -3, 20),
            np.clip(np.nan_to_num(((low + high) / 2 - count) / half), -3, 4),
            np.clip(np.nan_to_num(np.log(mass / declared)) / 0.08, -3, 6),
            np.clip(packaging, -3, 6),
        ]
    )


def unusual_packaging(rest_g: Floats, listed_g: Floats, count: Floats) -> Floats:
    """(N,) robust z of the logarithm of what a carton weighs beyond its rows.

    Against the robust regression of the indicator, over all cartons of the window.
    """
    rest = np.log(np.maximum(rest_g, 1.0))
    known = np.column_stack([np.log(listed_g), np.log(count)])
    usual, spread = robust_fit(known, rest, min_spread=MIN_SPREAD)
    z: Floats = (rest - usual) / spread
    return z


def hinges(values: Floats, chosen: tuple[int, ...]) -> Floats:
    """Each quantity, and what of it lies above 1 and above 2: far off counts for more."""
    own = values[:, list(chosen)]
    return np.column_stack([own, np.maximum(own - 1, 0), np.maximum(own - 2, 0)])


def _auroc(score: Floats, positive: Bools) -> str:
    spread = [
        area_under_roc(score[rows], positive[rows])
        for rows in resamplings(len(score), repeats=REPEATS)
    ]
    return _told(area_under_roc(score, positive), spread)


def _recall(score: Floats, positive: Bools, share: float) -> str:
    spread = [
        recall_above(score[rows], positive[rows], false_alarms=share)
        for rows in resamplings(len(score), repeats=REPEATS)
    ]
    return _told(recall_above(score, positive, false_alarms=share), spread)


def _told(value: float, spread: list[float]) -> str:
    low, high = np.nanpercentile(spread, [5.0, 95.0])
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
