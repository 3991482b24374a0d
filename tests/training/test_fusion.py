import numpy as np
import polars as pl
import pytest

from parcelscope.models.bundle import FusionModel
from parcelscope.training.risk import fit_risk
from parcelscope.training.risk_outcomes import Outcomes
from parcelscope.training.risk_recipe import RiskRecipe


def fit_fusion(strong: pl.DataFrame, violative: pl.DataFrame, *, prevalence: float) -> FusionModel:
    """The weighted sum of findings alone, as recipes fit it."""
    outcomes = Outcomes(
        owner_ids=violative["owner_id"],
        truth=violative["violative"].to_numpy().astype(np.float64),
        strong=strong,
        features=None,
        present=np.zeros(len(violative)),
    )
    recipe = RiskRecipe(trains="risk", features=(), prevalence=prevalence)
    return fit_risk(outcomes, recipe).model


def owners(count: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A telling code, one that says nothing, and one that only compliant owners show."""
    rng = np.random.default_rng(seed)
    violative = rng.random(count) < 0.3
    strength = {
        "item.knife": np.where(violative, rng.uniform(0, 4, count), rng.uniform(0, 1, count)),
        "noise": rng.uniform(0, 2, count),
        "backwards": np.where(violative, 0.0, rng.uniform(0, 2, count)),
    }
    ids = [f"p{i}" for i in range(count)]
    strong = pl.concat(
        [
            pl.DataFrame({"owner_id": ids, "code": [code] * count, "strength": values})
            for code, values in strength.items()
        ]
    )
    return strong, pl.DataFrame({"owner_id": ids, "violative": violative})


def test_telling_codes_weigh_most_and_no_weight_is_negative() -> None:
    model = fit_fusion(*owners(800, seed=1), prevalence=0.3)
    assert model.weights["item.*"] > 3 * model.weights["noise"]
    assert model.weights["backwards"] == 0
    assert min(model.weights.values()) >= 0


def test_risks_rise_with_the_logit_and_mean_the_prevalence_asked_for() -> None:
    strong, violative = owners(1500, seed=2)
    for prevalence in (0.3, 0.05):
        model = fit_fusion(strong, violative, prevalence=prevalence)
        assert (np.diff(model.knots_risk) >= 0).all()
        logit = model.intercept + (
            strong.with_columns(
                pl.col("code").replace({"item.knife": "item.*"}).replace_strict(model.weights)
                .cast(pl.Float64).alias("weight")
            )
            .group_by("owner_id", maintain_order=True)
            .agg((pl.col("strength") * pl.col("weight")).sum())["strength"]
            .to_numpy()
        )  # fmt: skip
        risk = np.interp(logit, model.knots_logit, model.knots_risk)
        truth = violative["violative"].to_numpy()
        weight = np.where(truth, prevalence / 0.3, (1 - prevalence) / 0.7)
        assert np.average(risk, weights=weight) == pytest.approx(prevalence, rel=0.25)
