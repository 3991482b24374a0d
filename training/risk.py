"""Training the risk: what findings and the manifest row together say, from a screened run.

The present fusion of findings stays the base; manifest features are added to it, and boosted trees
may take the place of the weighted sum. What is gained is told with its bootstrap interval, since a
few hundred inspected parcels seldom settle it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.ensemble import GradientBoostingClassifier

from parcelscope.models.bundle import FusionModel, ManifestTerm, TreeModel
from parcelscope.screening.fusion import SUM
from parcelscope.screening.manifest_features import ORIGIN, standardised
from parcelscope.training.export import sha256_of
from parcelscope.training.fusion import fit_weights, folds, risk_knots, strength_columns
from parcelscope.training.part import Job, TrainedPart
from parcelscope.training.risk_comparison import comparison, verdict
from parcelscope.training.risk_outcomes import Outcomes, read_outcomes
from parcelscope.training.risk_recipe import RiskRecipe
from parcelscope.training.tree_export import export_trees

Floats = npt.NDArray[np.float64]

FEWEST_OF_ORIGIN = 30
"""Parcels of one origin below which it counts as any other."""
ORIGIN_PRIOR = 100.0
"""Parcels of usual risk that are added to those of each origin, so that few say little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFit:
    """A fitted risk."""

    model: FusionModel
    held_out: Floats
    """(N,) logits of each owner by models that did not see it."""
    estimator: GradientBoostingClassifier | None
    table: npt.NDArray[np.float32]
    """(N, D) what the trees see."""


def train_risk(recipe: RiskRecipe, job: Job) -> TrainedPart:
    """The fusion model of `recipe`, fitted, exported where it has trees, and compared.

    Raises:
        ConfigError: If run or truth is not given.
        RunError: If either cannot be read, or too few owners are known.
    """
    outcomes = read_outcomes(recipe)
    job.report("fit risk", 0, 2)
    fit = fit_risk(outcomes, recipe)
    plain = fit_risk(outcomes, recipe.model_copy(update={"features": (), "model": "logistic"}))
    job.report("fit risk", 1, 2)
    metrics = comparison(
        outcomes.truth,
        {"run": outcomes.present, "findings": plain.held_out, "new": fit.held_out},
        budget=recipe.budget,
    )
    model, files = fit.model, []
    if fit.estimator is not None and model.trees is not None:
        path = job.part / model.trees.file
        gap = export_trees(fit.estimator, path, fit.table)
        metrics["parity_logit"] = float(f"{gap:.2g}")
        model = model.model_copy(
            update={"trees": model.trees.model_copy(update={"sha256": sha256_of(path)})}
        )
        files.append(path.name)
    job.report("fit risk", 2, 2)
    return TrainedPart(
        folder=job.part,
        files=tuple(files),
        card=model,
        metrics=metrics,
        data_digest=f"{len(outcomes.truth)} owners, {int(outcomes.truth.sum())} violative",
        remarks=verdict(metrics),
    )


def fit_risk(outcomes: Outcomes, recipe: RiskRecipe) -> RiskFit:
    """The risk fitted on all of `outcomes`, and logits that held each owner out once."""
    names, strong = strength_columns(outcomes.strong, outcomes.owner_ids)
    features = outcomes.features if recipe.features else None
    truth = outcomes.truth
    held_out = np.zeros(len(truth))
    for inside in folds(len(truth), recipe.seed):
        part = _fit(names, strong, features, truth, inside, recipe)
        held_out[~inside] = part.logit(strong[~inside], _rows(features, ~inside))
    whole = _fit(names, strong, features, truth, np.ones(len(truth), bool), recipe)
    prevalence = float(truth.mean()) if recipe.prevalence is None else recipe.prevalence
    logits, risks = risk_knots(held_out, truth, prevalence=prevalence)
    trees = None
    if whole.estimator is not None:
        trees = TreeModel(
            file=f"risk-{recipe.owner}.onnx",
            sha256="0" * 64,
            columns=(SUM, *names, *(term.name for term in whole.model.manifest)),
        )
    return RiskFit(
        model=whole.model.model_copy(
            update={"knots_logit": logits, "knots_risk": risks, "trees": trees}
        ),
        held_out=held_out,
        estimator=whole.estimator,
        table=whole.table(strong, features),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """What was fitted on some of the owners."""

    names: list[str]
    model: FusionModel
    estimator: GradientBoostingClassifier | None

    def table(self, strong: Floats, features: pl.DataFrame | None) -> npt.NDArray[np.float32]:
        """(N, D) weighted sum of the strengths, strengths, scales of the manifest terms."""
        scales = _scales(features, self.model, len(strong))
        return tree_table(self.names, strong, scales, self.model)

    def logit(self, strong: Floats, features: pl.DataFrame | None) -> Floats:
        """(N,) before calibration."""
        if self.estimator is not None:
            logit: Floats = self.estimator.decision_function(self.table(strong, features))
            return logit
        weights = np.array([term.weight for term in self.model.manifest])
        scales = _scales(features, self.model, len(strong))
        total: Floats = finding_sum(self.names, strong, self.model) + scales @ weights
        return total


def finding_sum(names: list[str], strong: Floats, model: FusionModel) -> Floats:
    """(N,) intercept and weighted sum of the strengths."""
    total: Floats = model.intercept + strong @ np.array([model.weights[name] for name in names])
    return total


def tree_table(
    names: list[str], strong: Floats, scales: Floats, model: FusionModel
) -> npt.NDArray[np.float32]:
    """What the trees see: few owners show a rare finding, so its weight comes from the sum."""
    return np.column_stack([finding_sum(names, strong, model), strong, scales]).astype(np.float32)


def _fit(
    names: list[str],
    strong: Floats,
    features: pl.DataFrame | None,
    truth: Floats,
    inside: npt.NDArray[np.bool_],
    recipe: RiskRecipe,
) -> _Part:
    """Weights, and trees where asked for, on the owners `inside`."""
    known = _rows(features, inside)
    empty = FusionModel(intercept=0, weights={}, knots_logit=(0, 1), knots_risk=(0, 1))
    blank = empty if known is None else _with_terms(empty, known, truth[inside], recipe.features)
    scales = _scales(known, blank, int(inside.sum()))
    table = np.column_stack([strong[inside], scales])
    intercept, weights = fit_weights(table, truth[inside], signed=scales.shape[1])
    rounded = [round(float(weight), 4) for weight in weights]
    model = blank.model_copy(
        update={
            "intercept": round(intercept, 4),
            "weights": dict(zip(names, rounded, strict=False)),
            "manifest": tuple(
                term.model_copy(update={"weight": weight})
                for term, weight in zip(blank.manifest, rounded[len(names) :], strict=True)
            ),
        }
    )
    estimator = None
    if recipe.model == "trees":
        estimator = GradientBoostingClassifier(
            n_estimators=recipe.trees.count,
            max_depth=recipe.trees.depth,
            learning_rate=recipe.trees.learning_rate,
            min_samples_leaf=recipe.trees.least_leaf,
            subsample=recipe.trees.subsample,
            random_state=recipe.seed,
        ).fit(tree_table(names, strong[inside], scales, model), truth[inside])
    return _Part(names, model, estimator)


def _with_terms(
    model: FusionModel, features: pl.DataFrame, truth: Floats, names: tuple[str, ...]
) -> FusionModel:
    """`model` with terms of no weight, standardised on `features`, and its table of origins."""
    origins = _origins(features["origin_country"], truth) if ORIGIN in names else {}
    terms = []
    for name in names:
        values = (
            features["origin_country"].replace_strict(
                origins, default=None, return_dtype=pl.Float64
            )
            if name == ORIGIN
            else features[name]
        ).drop_nulls()
        spread = values.std() if len(values) > 1 else None
        # A feature that never varies here, or is never given, can say nothing.
        if not isinstance(spread, float) or spread < 1e-6:
            continue
        mean = float(np.mean(values.to_numpy()))
        terms.append(ManifestTerm(name=name, mean=round(mean, 5), scale=round(spread, 5), weight=0))
    return model.model_copy(update={"manifest": tuple(terms), "origins": origins})


def _origins(countries: pl.Series, truth: Floats) -> dict[str, float]:
    """Log-odds of each common origin against all parcels, pulled towards 0 where there are few."""
    base = float(truth.mean())
    table = pl.DataFrame({"country": countries, "violative": truth}).drop_nulls()
    rates = table.group_by("country").agg(pl.col("violative").sum(), pl.len().alias("rows"))
    found = {}
    for country, violative, rows in rates.sort("country").iter_rows():
        if rows >= FEWEST_OF_ORIGIN:
            rate = (violative + ORIGIN_PRIOR * base) / (rows + ORIGIN_PRIOR)
            found[country] = round(float(np.log(rate / (1 - rate) * (1 - base) / base)), 4)
    return found


def _scales(features: pl.DataFrame | None, model: FusionModel, count: int) -> Floats:
    return np.zeros((count, 0)) if features is None else standardised(features, model)


def _rows(features: pl.DataFrame | None, chosen: npt.NDArray[np.bool_]) -> pl.DataFrame | None:
    return None if features is None else features.filter(pl.Series(chosen))
