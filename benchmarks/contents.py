"""How well the contents detector tells a declaration that a scan contradicts from an honest one.

    python benchmarks/contents.py [--count 700] [--seed 11] [--kinds dual colour]

Draws compliant parcels, fits the heads on four fifths and scores the fifth, five times round. An
honest declaration names the families of the three heaviest kinds of goods; a contradicting one
names one family that is not in the parcel. p-values are against the held-out parcels that declare
the family, the judged parcel left out. About half a second of one core for a parcel.
"""

import argparse

import cv2
import numpy as np
import numpy.typing as npt
import torch

from parcelscope.models.bundle import InputKind
from parcelscope.models.contents_network import ContentsFeatures
from parcelscope.training.contents import (
    FAMILIES,
    TrueContents,
    drawn_contents,
    fit_heads,
    scan_features,
)
from parcelscope.training.contents_graph import support_metrics
from parcelscope.training.metrics import Figure, auroc, mean_of
from parcelscope.training.scan_sets import draw_set

Floats = npt.NDArray[np.float64]
FOLDS = 5
LIMITS = (0.02, 0.05, 0.1)


def main() -> None:
    """Print what each kind of scan supports."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=700)
    arguments.add_argument("--seed", type=int, default=11)
    arguments.add_argument("--kinds", nargs="+", default=["dual", "colour"])
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    scans = draw_set("parcel", chosen.count, seed=chosen.seed, benign=True, as_in_feeds=True)
    contents = drawn_contents(chosen.seed, chosen.count)
    for kind in chosen.kinds:
        print(f"\n{kind} scans, {chosen.count} parcels, seed {chosen.seed}")
        told(cross_fitted(scans.pictures(kind), contents, kind), contents)


def cross_fitted(
    pictures: npt.NDArray[np.generic], contents: list[TrueContents], kind: InputKind
) -> Floats:
    """(N, F) support of each scan by heads that did not see it."""
    features = scan_features(ContentsFeatures(kind), pictures)
    fold = np.arange(len(features)) % FOLDS
    support = np.full((len(features), len(FAMILIES)), np.nan)
    for index in range(FOLDS):
        inside, outside = np.flatnonzero(fold != index), np.flatnonzero(fold == index)
        fit, kept = fit_heads(features[inside], [contents[k] for k in inside], FAMILIES)
        standard = np.clip((features[outside] - fit.mean) / fit.scale, -6, 6)
        columns = [FAMILIES.index(name) for name in kept]
        support[np.ix_(outside, columns)] = standard @ fit.weight + fit.bias
    return support


def told(support: Floats, contents: list[TrueContents]) -> None:
    """Print AUROC by family, and what is reported of honest and contradicting declarations."""
    known = np.isfinite(support).all(axis=0)
    names = [name for name, one in zip(FAMILIES, known, strict=True) if one]
    for name, value in support_metrics(
        support[:, known].astype(np.float32), contents, names
    ).items():
        declared = sum(
            name.removeprefix("auroc_").replace("_", " ") in c.declared for c in contents
        )
        print(f"  {name:<20} {value:.3f}  ({declared} declare it)")
    honest, contradicting = p_values(support[:, known], contents, names)
    both = np.concatenate([honest, contradicting])
    wrong = np.arange(len(both)) >= len(honest)
    print(f"  contradicting against honest: AUROC {words(auroc(-both, wrong))}")
    for limit in LIMITS:
        print(
            f"  reported at p <= {limit:.2f}: {words(mean_of((honest <= limit).astype(float)))} of"
            f" {len(honest)} honest, {words(mean_of((contradicting <= limit).astype(float)))} of"
            f" {len(contradicting)} contradicting"
        )


def p_values(
    support: Floats, contents: list[TrueContents], names: list[str]
) -> tuple[Floats, Floats]:
    """Of honest declarations, one a parcel, and of contradicting ones, one an absent family."""
    declared = np.array([[name in one.declared for name in names] for one in contents])
    present = np.array([[name in one.present for name in names] for one in contents])
    honest, contradicting = [], []
    for row, scores in enumerate(support):
        found = []
        for column, score in enumerate(scores):
            others = declared[:, column].copy()
            others[row] = False
            as_low = (support[others, column] <= score).sum()
            p_value = (1 + as_low) / (1 + others.sum())
            if declared[row, column]:
                found.append(p_value)
            elif not present[row, column]:
                contradicting.append(p_value)
        if found:
            honest.append(max(found))
    return np.array(honest), np.array(contradicting)


def words(figure: Figure) -> str:
    """A figure with its 95 % interval."""
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


if __name__ == "__main__":
    main()
