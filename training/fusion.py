"""Fitting the fusion model: how much each finding counts towards the risk."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

Floats = npt.NDArray[np.float64]

PRIOR_WEIGHT = 1.5
"""Weight of a code that the data say nothing about. ln 10 = 2.3 would take likelihood ratios at
their word; findings on one parcel repeat each other, so each counts for less."""
PENALTY = 2.0
"""Pull towards the prior weight, in units of observations."""
SIGNED_PENALTY = 40.0
"""Pull of features that may speak either way towards no weight, in the same units."""
FOLDS = 5
SLOPE = 0.002
"""How much of the risk is rank rather than frequency, so that it rises everywhere."""
BEYOND = 8.0
"""Distance of the last knot from the highest logit seen."""
LEAST_RISK, MOST_RISK = 0.001, 0.995
"""No set of this size can show a risk below or above these."""


def folds(count: int, seed: int) -> Iterator[npt.NDArray[np.bool_]]:
    """Which of `count` owners to fit on, for each fold; the others are held out, each once."""
    fold = np.random.default_rng(seed).permutation(count) % FOLDS
    for index in range(FOLDS):
        yield fold != index


def risk_knots(
    held_out: Floats, truth: Floats, *, prevalence: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots from logits to risks at `prevalence`, from logits (N,) that did not see their truth."""
    logits, risks = _calibrate(held_out, truth)
    logits, risks = _rising(logits, _at_prevalence(risks, float(truth.mean()), prevalence))
    return tuple(logits.round(4).tolist()), tuple(risks.round(5).tolist())


def strength_columns(strong: pl.DataFrame, owner_ids: pl.Series) -> tuple[list[str], Floats]:
    """Columns of strengths, the classes of items added up under `item.*`."""
    family = (
        pl.when(pl.col("code").str.starts_with("item."))
        .then(pl.lit("item.*"))
        .otherwise(pl.col("code"))
    )
    wide = (
        strong.select("owner_id", family.alias("code"), "strength")
        .group_by("owner_id", "code")
        .agg(pl.col("strength").sum())
        .pivot(on="code", index="owner_id", values="strength")
    )
    rows = pl.DataFrame({"owner_id": owner_ids}).join(
        wide, on="owner_id", how="left", maintain_order="left"
    )
    names = sorted(name for name in rows.columns if name != "owner_id")
    return names, rows.select(names).fill_null(0.0).to_numpy().astype(np.float64)


def fit_weights(table: Floats, truth: Floats, *, signed: int = 0) -> tuple[float, Floats]:
    """(intercept, weights) of the penalised logistic regression with weights of 0 or more.

    Args:
        table: (N, D) strengths of codes, then features that may speak either way.
        truth: (N,) 1 for violative owners, 0 for the others.
        signed: How many of the last columns are such features.
    """
    codes = table.shape[1] - signed
    prior = np.repeat([PRIOR_WEIGHT, 0.0], [codes, signed])
    penalty = np.repeat([PENALTY, SIGNED_PENALTY], [codes, signed])

    def loss(parameters: Floats) -> tuple[float, Floats]:
        away = parameters[1:] - prior
        logit = parameters[0] + table @ parameters[1:]
        error = 1 / (1 + np.exp(-logit)) - truth
        value = np.logaddexp(0, logit).sum() - truth @ logit + penalty @ away**2
        slope = np.concatenate([[error.sum()], table.T @ error + 2 * penalty * away])
        return float(value), slope

    start = np.concatenate([[-2.0], prior])
    bounds = [(None, None), *[(0.0, None)] * codes, *[(None, None)] * signed]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), np.asarray(found.x[1:], np.float64)


def _calibrate(logit: Floats, truth: Floats) -> tuple[Floats, Floats]:
    """Knots of the isotonic risk over held-out logits, kept strictly rising by a small slope."""
    steps = IsotonicRegression(out_of_bounds="clip").fit(logit, truth)
    grid = np.unique(np.quantile(logit, np.concatenate([np.linspace(0, 0.9, 10),
                                                        np.linspace(0.91, 1, 19)])))  # fmt: skip
    if len(grid) < 2:
        grid = np.array([logit.min(), logit.min() + 1.0])
    smooth = np.convolve(np.pad(steps.predict(grid), 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    return grid, np.maximum.accumulate(np.clip(smooth, LEAST_RISK, MOST_RISK))


def _at_prevalence(risk: Floats, share: float, prevalence: float) -> Floats:
    """`risk` among owners of whom `share` are violative, where `prevalence` of them are."""
    odds = risk / (1 - risk) * (prevalence / (1 - prevalence)) / (share / (1 - share))
    return odds / (1 + odds)


def _rising(logit: Floats, risk: Floats) -> tuple[Floats, Floats]:
    """Knots without flat stretches, which would leave the order of owners, and so flags, to chance.

    One more knot lies beyond the highest logit seen, for owners with more against them than any.
    """
    logit = np.append(logit, logit[-1] + BEYOND)
    risk = np.append(risk, risk[-1])
    return logit, risk * (1 - SLOPE) + SLOPE * np.linspace(0, 1, len(risk))
