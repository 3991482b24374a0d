"""Fitting mass from one energy: grams per cm2 of attenuation from the columns of a scan."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import HuberRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from parcelscope.datasets.records import OwnerKind
from parcelscope.models.mass_model import RANGED, MassBand
from parcelscope.training.mass_data import Weighed
from parcelscope.training.mass_recipe import MassRecipe

Floats = npt.NDArray[np.float64]


class Model(Protocol):
    """What scikit-learn fitted: a pipeline, or boosted trees."""

    def predict(self, columns: npt.NDArray[np.float32], /) -> Floats:
        """(N,) logarithm of grams per cm2 of attenuation for `columns` (N, D)."""


COLUMN_SHARE = 0.5
"""Of the columns, those that a split of a tree chooses from: many of them say nearly the same."""


def fit_mass(scans: Weighed, recipe: MassRecipe) -> Model:
    """The model of `recipe`, fitted so that half of the weights lie on each side of it.

    What is learned is a logarithm, so an error counts by its share of the weight.
    """
    if recipe.model == "linear":
        linear = make_pipeline(StandardScaler(), HuberRegressor(alpha=1e-2, max_iter=2000))
        fitted: Model = linear.fit(scans.columns, scans.log_ratio)
        return fitted
    trees = GradientBoostingRegressor(
        loss="absolute_error",
        n_estimators=recipe.trees.count,
        max_depth=recipe.trees.depth,
        learning_rate=recipe.trees.learning_rate,
        min_samples_leaf=recipe.trees.least_leaf,
        subsample=recipe.trees.subsample,
        max_features=COLUMN_SHARE,
        random_state=recipe.seed,
    ).fit(scans.columns, scans.log_ratio)
    exact: Model = with_single_thresholds(trees)
    return exact


def with_single_thresholds(trees: GradientBoostingRegressor) -> GradientBoostingRegressor:
    """`trees`, their thresholds rounded down to single precision, in place.

    Columns are single precision, so no answer changes; rounded to the nearest, as an exporter does,
    a threshold may pass the value that it parts from the next.
    """
    for tree in trees.estimators_.ravel():
        exact = tree.tree_.threshold
        rounded = exact.astype(np.float32)
        above = rounded.astype(np.float64) > exact
        rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
        inner = tree.tree_.feature >= 0
        exact[inner] = rounded[inner]
    return trees


def fitted_ranges(scans: Weighed, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """By column, the least and the most of `scans`."""
    found = {}
    for name in RANGED:
        values = scans.columns[:, list(names).index(name)]
        found[name] = (float(values.min()), float(values.max()))
    return found


def in_range(
    columns: npt.NDArray[np.float32],
    names: Sequence[str],
    ranges: dict[str, tuple[float, float]],
) -> npt.NDArray[np.bool_]:
    """(N,) which rows of `columns` lie in all `ranges`."""
    inside = np.ones(len(columns), np.bool_)
    for name, (least, most) in ranges.items():
        values = columns[:, list(names).index(name)].astype(np.float64)
        inside &= (least <= values) & (values <= most)
    return inside


def scanner_bands(
    scans: Weighed, log_error: Floats, *, coverage: float, fewest: int
) -> tuple[MassBand, ...]:
    """A conformal band for each kind of owner on each named scanner with `fewest` weights.

    The ends are the errors of rank floor((n + 1) a / 2) and ceil((n + 1) (1 - a / 2)), a being what
    may lie outside: so the next weight lies inside with at least that chance, if it is drawn as
    these were.

    Args:
        scans: Held out from the fit.
        log_error: (N,) logarithm of weight over estimate.
        coverage: Share of later weights that must lie inside.
        fewest: Owners below which there is no band.
    """
    tail = (1 - coverage) / 2
    rows_of: dict[tuple[OwnerKind, str, str | None], dict[str, int]] = {}
    for row, ((kind, owner_id), (model, software)) in enumerate(
        zip(scans.owners, scans.scanners, strict=True)
    ):
        if model is not None:
            # One scan of each owner: two of one parcel err alike and would count twice.
            rows_of.setdefault((kind, model, software), {}).setdefault(owner_id, row)
    bands = []
    for (owner_kind, name, version), rows in sorted(rows_of.items(), key=str):
        count = len(rows)
        if count < fewest:
            continue
        errors = np.sort(log_error[list(rows.values())])
        low = max(int(np.floor((count + 1) * tail + 1e-9)), 1) - 1
        high = min(int(np.ceil((count + 1) * (1 - tail) - 1e-9)), count) - 1
        bands.append(
            MassBand(
                owner_kind=owner_kind,
                scanner_model=name,
                scanner_software=version,
                scans=count,
                low=round(float(errors[low]), 5),
                middle=round(float(np.median(errors)), 5),
                high=round(float(errors[high]), 5),
                coverage=coverage,
            )
        )
    return tuple(bands)
