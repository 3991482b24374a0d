"""From the findings on a parcel or carton to one calibrated risk."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from parcelscope.models.bundle import FusionModel

MAX_STRENGTH = 4.0
"""A single finding counts for no more than ten thousand to one: no calibration set is larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """Risks, and what each code had to do with them."""

    risk: pl.DataFrame
    """owner_id, logit, risk (0 to 1); one row per owner, in the order asked for."""
    contributions: pl.DataFrame
    """owner_id, code, strength (0 to 4), contribution (to the logit)."""


def strengths(findings: pl.DataFrame) -> pl.DataFrame:
    """The strength of each code on each owner: owner_id, owner_kind, code, strength (0 to 4).

    The base-ten logarithm of a finding's likelihood ratio, or else minus that of its p-value; the
    highest of a code's findings counts. Findings with neither are measurements and have none.
    """
    ratio, p_value = pl.col("likelihood_ratio"), pl.col("p_value")
    strength = pl.when(ratio.is_not_null()).then(ratio.log10()).otherwise(-p_value.log10())
    return (
        findings.select(
            "owner_id",
            "owner_kind",
            "code",
            strength.clip(0.0, MAX_STRENGTH).alias("strength"),
        )
        .drop_nulls("strength")
        .group_by("owner_id", "owner_kind", "code")
        .agg(pl.col("strength").max())
        .sort("owner_kind", "owner_id", "code")
    )


def weight_of(code: str, model: FusionModel) -> float:
    """The weight of `code`: its own, else that of its family (`item.*`), else 0."""
    family = f"{code.split('.', 1)[0]}.*"
    return model.weights.get(code, model.weights.get(family, 0.0))


def fuse(owner_ids: pl.Series, strong: pl.DataFrame, model: FusionModel) -> Fused:
    """The risk of each of `owner_ids`, all of one kind, from the strengths of their codes.

    Args:
        owner_ids: Unique ids; those without a strength get the risk of nothing found.
        strong: As `strengths` gives it, of that one kind; ids that were not asked for are ignored.
        model: Weights, intercept and calibration for that kind.
    """
    owners = pl.DataFrame({"owner_id": owner_ids}).with_row_index("position")
    codes = strong.get_column("code").unique().sort()
    weights = pl.DataFrame(
        {"code": codes, "weight": [weight_of(code, model) for code in codes]},
        schema={"code": pl.String(), "weight": pl.Float64()},
    )
    contributions = (
        strong.join(weights, on="code", how="left")
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
    risk = np.interp(logit, model.knots_logit, model.knots_risk)
    return Fused(
        risk=pl.DataFrame({"owner_id": owner_ids, "logit": logit, "risk": risk}),
        contributions=contributions.select("owner_id", "code", "strength", "contribution"),
    )
