"""From the findings on a parcel or carton to one calibrated risk."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.errors import BundleError
from parcelscope.models.bundle import FusionModel
from parcelscope.screening.manifest_features import standardised

Floats = npt.NDArray[np.float64]
RiskScorer = Callable[[npt.NDArray[np.float32]], Floats]
"""From columns (N, D), in the order of `TreeModel.columns`, to logits (N,)."""

SUM = "findings"
"""First column of trees: the intercept and the weighted sum of all strengths."""
PROFILE = "manifest.profile"
"""Code under which the manifest row itself counts towards the risk."""

MAX_STRENGTH = 4.0
"""A single finding counts for no more than ten thousand to one: no calibration set is larger."""

_ROWS_AT_A_TIME = 200_000
"""Findings that are grouped at a time, about."""

UNLEARNED_WEIGHT = math.log(10) / 2
"""Weight of a likelihood ratio that the model was never shown, so that a new indicator or another
facility's pack counts at once. Independent evidence would add all of its logarithm; half of it,
since the ratio is a judgement and findings on one parcel often have one cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """Risks, and what each code had to do with them."""

    risk: pl.DataFrame
    """owner_id, logit, risk (0 to 1); one row per owner, in the order asked for."""
    contributions: pl.DataFrame
    """owner_id, code, strength (0 to 4), contribution (to the logit)."""
    profile: Floats
    """(N,) what the manifest row alone adds to the logit, in the order asked for."""
    scales: Floats
    """(N, terms) the features it adds it by, as `manifest_features.standardised` gives them."""


def strength_of_finding() -> pl.Expr:
    """The strength of each finding alone, 0 to 4; null where it is a measurement."""
    ratio, p_value = pl.col("likelihood_ratio"), pl.col("p_value")
    strength = pl.when(ratio.is_not_null()).then(ratio.log10()).otherwise(-p_value.log10())
    return strength.clip(0.0, MAX_STRENGTH)


def strengths(findings: pl.DataFrame) -> pl.DataFrame:
    """The strength of each code on each owner: owner_id, owner_kind, code, strength, has_ratio.

    The strength, 0 to 4, is the base-ten logarithm of a finding's likelihood ratio, or else minus
    that of its p-value; the highest of a code's findings counts. Findings with neither are
    measurements and have none. `has_ratio` tells whether any of the code's findings has a
    likelihood ratio.
    """
    # Grouping by three columns of text holds copies of them, so a share of the owners at a time.
    count = findings.height // _ROWS_AT_A_TIME + 1
    columns = findings.select("owner_id", "owner_kind", "code", "p_value", "likelihood_ratio")
    shares = findings["owner_id"].hash() % count if count > 1 else None
    parts = [
        _highest(columns if shares is None else columns.filter(shares == n)) for n in range(count)
    ]
    return pl.concat(parts).sort("owner_kind", "owner_id", "code")


def _highest(findings: pl.DataFrame) -> pl.DataFrame:
    return (
        findings.select(
            "owner_id",
            "owner_kind",
            "code",
            strength_of_finding().alias("strength"),
            pl.col("likelihood_ratio").is_not_null().alias("has_ratio"),
        )
        .drop_nulls("strength")
        .group_by("owner_id", "owner_kind", "code")
        .agg(pl.col("strength").max(), pl.col("has_ratio").any())
    )


def weight_of(code: str, model: FusionModel, *, has_ratio: bool) -> float:
    """The weight of `code`: its own, or that of its family (`item.*`).

    Without either, the model was never shown it: `UNLEARNED_WEIGHT` for a code that `has_ratio`, a
    likelihood ratio of its own; 0 for a p-value, which says how rare, not how telling it is.
    """
    family = f"{code.split('.', 1)[0]}.*"
    unlearned = UNLEARNED_WEIGHT if has_ratio else 0.0
    return model.weights.get(code, model.weights.get(family, unlearned))


def fuse(
    owner_ids: pl.Series,
    strong: pl.DataFrame,
    model: FusionModel,
    *,
    features: pl.DataFrame | None = None,
    scorer: RiskScorer | None = None,
) -> Fused:
    """The risk of each of `owner_ids`, all of one kind, from the strengths of their codes.

    Args:
        owner_ids: Unique ids; those without a strength get the risk of nothing found.
        strong: As `strengths` gives it, of that one kind; ids that were not asked for are ignored.
        model: Weights, intercept and calibration for that kind.
        features: As `manifest_features` gives them; owners without a row count as the usual one.
        scorer: The graph of the model's trees, where it has some.

    Raises:
        BundleError: If the model has trees and no `scorer` came with it.
    """
    if owner_ids.is_empty():
        return _no_risks(len(model.manifest))
    owners = pl.DataFrame({"owner_id": owner_ids}).with_row_index("position")
    kinds = strong.select("code", "has_ratio").unique().sort("code", "has_ratio")
    weights = kinds.with_columns(
        pl.Series(
            "weight",
            [weight_of(code, model, has_ratio=ratio) for code, ratio in kinds.iter_rows()],
            dtype=pl.Float64(),
        )
    )
    contributions = (
        strong.join(weights, on=["code", "has_ratio"], how="left")
        .join(owners, on="owner_id", how="inner")
        .with_columns((pl.col("strength") * pl.col("weight")).alias("contribution"))
        # bincount adds in the order of the rows: the same order gives the same last bit.
        .sort("position", "code")
    )
    logit = model.intercept + np.bincount(
        contributions["position"].to_numpy(),
        weights=contributions["contribution"].to_numpy(),
        minlength=len(owner_ids),
    )
    scales = _scales(owners, features, model)
    # Column by column: a matrix product's last bit may depend on how many rows there are.
    profile = np.zeros(len(owner_ids))
    for column, term in enumerate(model.manifest):
        profile += scales[:, column] * term.weight
    if model.trees is None:
        logit = logit + profile
    else:
        if scorer is None:
            raise BundleError(f"the risk needs {model.trees.file}, which was not loaded")
        known = [logit, strength_table(owner_ids, strong, model.trees.columns)]
        logit = scorer(np.column_stack([*known, scales]).astype(np.float32))
        usual = scorer(np.column_stack([*known, np.zeros_like(scales)]).astype(np.float32))
        profile = logit - usual
    risk = np.interp(logit, model.knots_logit, model.knots_risk)
    return Fused(
        risk=pl.DataFrame({"owner_id": owner_ids, "logit": logit, "risk": risk}),
        contributions=contributions.select("owner_id", "code", "strength", "contribution"),
        profile=profile,
        scales=scales,
    )


def _no_risks(terms: int) -> Fused:
    texts, numbers = pl.String(), pl.Float64()
    return Fused(
        risk=pl.DataFrame(schema={"owner_id": texts, "logit": numbers, "risk": numbers}),
        contributions=pl.DataFrame(
            schema={"owner_id": texts, "code": texts, "strength": numbers, "contribution": numbers}
        ),
        profile=np.zeros(0),
        scales=np.zeros((0, terms)),
    )


def strength_table(owner_ids: pl.Series, strong: pl.DataFrame, columns: tuple[str, ...]) -> Floats:
    """(N, C) strength of each code or family (`item.*`, added up) of `columns`; 0 where not found.

    Columns that name neither, such as manifest features, are left out.
    """
    codes = [name for name in columns if "." in name]
    rows = {owner_id: index for index, owner_id in enumerate(owner_ids)}
    table = np.zeros((len(owner_ids), len(codes)))
    for owner_id, code, strength in (
        strong.select("owner_id", "code", "strength").sort("owner_id", "code").iter_rows()
    ):
        name = code if code in codes else f"{code.split('.', 1)[0]}.*"
        if owner_id in rows and name in codes:
            table[rows[owner_id], codes.index(name)] += strength
    return table


def _scales(owners: pl.DataFrame, features: pl.DataFrame | None, model: FusionModel) -> Floats:
    """(N, terms), zeros where there are no features."""
    if features is None:
        return np.zeros((len(owners), len(model.manifest)))
    known = features.unique("owner_id", keep="any")
    return standardised(owners.join(known, on="owner_id", how="left", maintain_order="left"), model)
