"""Weight of real containers from the grey levels of one X-ray scan: median error by grouped folds.

The arrays are those of the Brazilian customs' PADMA (GPL-3.0, evaluation only): histograms of grey
X-ray scans with the weight that was declared. `histo` counts 15 grey levels, `histograms` gives the
shares of 20 with the ratio of the sides; its columns that name the site are not used.

    PARCELSCOPE_REAL_DATA=DATA python benchmarks/ajna_weight.py [--set histo|histograms]

DATA/customs/ajna_padma holds the arrays. Five folds, drawn by group: rows that are identical are
one group; then, more strictly, rows of equal weight as well, since one lot is declared alike. In
each fold the rest chooses between boosting, extra trees and the mean of both on a fifth of its own
groups, then learns from all of them; nothing is chosen by what is tested. About four minutes of one
core; twice `--seed` shows what the draw of the folds does.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor

from parcelscope.datasets.splits import joined_groups
from parcelscope.training.metrics import Figure, Rows, bootstrap

Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]

FOLDS = 5
GOALS = {"histo": (0.065, 0.055), "histograms": (0.041, 0.038)}
"""Median relative error to beat, and the goal."""
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One of the two sets."""

    name: str
    columns: Floats
    """(N, D) what is learned from."""
    weight_kg: Floats
    rows: Floats
    """(N, R) as they were published, the site left out."""


def main() -> None:
    """Print the median error of each set by each scheme of folds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--set", choices=sorted(GOALS), action="append")
    parser.add_argument("--seed", type=int, default=20261122)
    arguments = parser.parse_args()
    root = os.environ.get("PARCELSCOPE_REAL_DATA")
    folder = Path(root or "") / "customs" / "ajna_padma"
    if root is None or not folder.is_dir():
        sys.exit("not run: PARCELSCOPE_REAL_DATA names no folder with customs/ajna_padma")
    print(f"{FOLDS} folds by group, seed {arguments.seed}; medians with 95 % intervals by group")
    print(f"{'set':<12}{'groups':<34}{'model':<24}{'median error':<26}{'within 10 %':<13}CPU s")
    for name in arguments.set or sorted(GOALS):
        weights = read(folder, name)
        for scheme, groups in schemes(weights):
            report(weights, scheme, groups, seed=arguments.seed)


def report(weights: Weights, scheme: str, groups: Groups, *, seed: int) -> None:
    """Print the lines of one set and scheme."""
    started = time.process_time()
    learned, chosen = cross_validated(weights, groups, seed=seed)
    seconds = time.process_time() - started
    told = f"{scheme} ({len(np.unique(groups)):,})"
    for model, estimate in (*learned.items(), ("chosen in each fold", chosen)):
        error = np.abs(estimate / weights.weight_kg - 1)
        middle = median(error, groups)
        print(
            f"{weights.name:<12}{told:<34}{model:<24}"
            f"{f'{middle.value:.2%} ({middle.low:.2%} to {middle.high:.2%})':<26}"
            f"{np.mean(error < 0.1):<13.1%}{seconds:.0f}",
            flush=True,
        )
    least, goal = GOALS[weights.name]
    print(f"{'':<12}to beat {least:.1%}, goal {goal:.1%}")


def read(folder: Path, name: str) -> Weights:
    """The set `name`, without the columns that tell the site."""
    table = np.load(folder / f"{name}.npy").astype(np.float64)
    label = "label.npy" if name == "histo" else "labels.npy"
    ratio = np.zeros((len(table), 0))
    if name == "histograms":
        table, ratio = table[:, :20], table[:, 40:]
    return Weights(
        name=name,
        columns=np.column_stack([columns_of(table), ratio, np.log(ratio)]),
        weight_kg=np.load(folder / label).astype(np.float64),
        rows=np.column_stack([table, ratio]),
    )


def columns_of(levels: Floats) -> Floats:
    """(N, D) from histograms (N, L), dark to bright: shares, sums and moments of attenuation.

    The grey level is taken for the transmission, as it is but for the scanner's own curve, so minus
    its logarithm for attenuation: its sum is what a filling of one material would weigh.
    """
    count = levels.shape[1]
    brightness = (np.arange(count) + 0.5) / count
    depth = -np.log(brightness)
    total = levels.sum(axis=1, keepdims=True) + 1e-9
    shares = levels / total
    cumulative = np.cumsum(shares, axis=1)
    least = 0.05 * float(np.median(levels[levels > 0]))
    sums = [np.log(total[:, 0]), levels @ depth, np.log(levels @ depth + 1e-12)]
    for power in (0.5, 1.0, 2.0):
        sums.append(shares @ depth**power)
    sums += [np.log(shares @ depth), shares @ brightness, np.log(shares @ brightness + 1e-9),
             shares @ brightness**2]  # fmt: skip
    # The brightest levels are air, the darkest the frame and what lets nothing through.
    for bright in (1, 2, 3):
        inner = levels[:, : count - bright]
        sums += [np.log(inner @ depth[: count - bright] + 1e-12), inner[:, bright:].sum(axis=1)]
        for dark in (1, 2):
            part = levels[:, dark : count - bright]
            sums += [
                part @ depth[dark : count - bright] / (part.sum(axis=1) + 1e-12),
                np.log(part.sum(axis=1) + 1e-12),
            ]
    edges = np.arange(count + 1) / count
    padded = np.column_stack([np.zeros(len(levels)), cumulative])
    quantiles = [[np.interp(q, row, edges) for q in QUANTILES] for row in padded]
    return np.column_stack(
        [np.log(levels + least), np.log(shares + 1e-4), np.sqrt(shares), cumulative, *sums,
         np.array(quantiles)]
    )  # fmt: skip


def schemes(weights: Weights) -> list[tuple[str, Groups]]:
    """What is kept together, by name: (N,) group of each row."""
    _, same = np.unique(weights.rows, axis=0, return_inverse=True)
    alike = joined_groups(
        [[("row", int(row)), ("kg", weight)]
         for row, weight in zip(same.ravel(), weights.weight_kg.tolist(), strict=True)],
        [],
    )  # fmt: skip
    return [
        ("identical rows", same.ravel().astype(np.int64)),
        ("and equal weights", np.array(alike, np.int64)),
    ]


def boosting() -> HistGradientBoostingRegressor:
    """Trees on trees, for the median."""
    return HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=350, learning_rate=0.07, max_leaf_nodes=24,
        l2_regularization=1.0, max_features=0.3, random_state=0,
    )  # fmt: skip


def extra_trees() -> ExtraTreesRegressor:
    """Many deep trees, split at random."""
    return ExtraTreesRegressor(150, max_features=0.35, random_state=0)


MODELS: dict[str, Callable[[], HistGradientBoostingRegressor | ExtraTreesRegressor]] = {
    "boosting": boosting,
    "extra trees": extra_trees,
}


def cross_validated(
    weights: Weights, groups: Groups, *, seed: int
) -> tuple[dict[str, Floats], Floats]:
    """(N,) kg by each model and their mean, and by whichever the rest of each fold chose."""
    fold = folds(groups, FOLDS, seed)
    learned = {name: np.zeros(len(groups)) for name in (*MODELS, "mean of both")}
    chosen = np.zeros(len(groups))
    for number in range(FOLDS):
        test = fold == number
        known = np.flatnonzero(~test)
        inner = folds(groups[known], FOLDS, seed + 1) == 0
        tried = fitted(weights, known[~inner], known[inner])
        errors = {
            name: np.median(np.abs(kg / weights.weight_kg[known[inner]] - 1))
            for name, kg in tried.items()
        }
        found = fitted(weights, known, np.flatnonzero(test))
        for name, kg in found.items():
            learned[name][test] = kg
        chosen[test] = found[min(errors, key=lambda name: float(errors[name]))]
    return learned, chosen


def fitted(weights: Weights, known: Rows, asked: Rows) -> dict[str, Floats]:
    """Weights of the rows `asked` by each model fitted on `known`, and by the mean of both."""
    log = {
        name: make()
        .fit(weights.columns[known], np.log(weights.weight_kg[known]))
        .predict(weights.columns[asked])
        for name, make in MODELS.items()
    }
    log["mean of both"] = np.mean(list(log.values()), axis=0)
    return {name: np.exp(values) for name, values in log.items()}


def folds(groups: Groups, count: int, seed: int) -> Groups:
    """(N,) fold of each row, drawn by group."""
    names, place = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(seed).permutation(len(names)) % count
    return drawn[place.ravel()].astype(np.int64)


def median(error: Floats, groups: Groups) -> Figure:
    """The median of `error` (N,), with the interval that whole groups give."""

    def of(rows: Rows) -> float:
        return float(np.median(error[rows]))

    return bootstrap(len(error), of, groups=groups)


if __name__ == "__main__":
    main()
