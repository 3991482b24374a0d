"""What a risk is learned from: the findings of a run, its manifest, and what was found inside."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import ValidationError

from parcelscope.datasets.errors import ConfigError, RunError, first_fault
from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.records import FINDING_SCHEMA, OwnerKind, not_assessed_frame
from parcelscope.screening.config import UncalibratedConfig
from parcelscope.screening.fusion import strengths
from parcelscope.screening.indicators.evidence import KEYS, Evidence
from parcelscope.screening.manifest_features import manifest_features
from parcelscope.screening.uncalibrated import believed
from parcelscope.training.risk_recipe import RiskRecipe

Floats = npt.NDArray[np.float64]

CARD: Final = "run.json"
FEWEST = 20
"""Violative, and compliant, owners below which nothing is fitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Everything that a risk is fitted on."""

    owner_ids: pl.Series
    truth: Floats
    """(N,) 1 for violative owners, 0 for the others."""
    strong: pl.DataFrame
    """As `screening.fusion.strengths` gives it, of one kind."""
    features: pl.DataFrame | None
    """As `manifest_features` gives them, in the order of `owner_ids`."""
    present: Floats
    """(N,) risk that the run gave, 0 where it gave none."""


def read_outcomes(recipe: RiskRecipe) -> Outcomes:
    """Findings, manifest features and outcomes of the run and truth that `recipe` names.

    Raises:
        ConfigError: If one of them is not given.
        RunError: If one cannot be read, or too few owners are known.
    """
    if recipe.run is None or recipe.truth is None:
        raise ConfigError(
            "a risk is trained on a run and its outcomes; give run=FOLDER and truth=FOLDER_OR_TABLE"
        )
    key = KEYS[recipe.owner]
    assessed = _parts(recipe.run, f"{recipe.owner}s").filter(pl.col("verdict") == "assessed")
    known = read_truth_table(recipe.truth, recipe.owner).join(
        assessed.select(key, "risk"), on=key, how="inner"
    )
    # A risk is learned from findings as screening counts them, on uncalibrated scanners too.
    findings = believed(_findings(recipe.run), uncalibrated_of(recipe.run))
    features = None
    if recipe.owner == "parcel":
        feed = read_feed(recipe.feed or feed_of(recipe.run))
        if recipe.loose:
            loose = feed.parcels.filter(pl.col("carton_id").is_null()).select(key)
            known = known.join(loose, on=key, how="semi")
        evidence = Evidence(feed=feed, findings=findings, not_assessed=not_assessed_frame(()))
        features = manifest_features(evidence)
    known = known.sort(key)
    violative = known["violative"].to_numpy().astype(np.float64)
    if min(violative.sum(), len(violative) - violative.sum()) < FEWEST:
        raise RunError(
            f"{recipe.truth}: a risk needs {FEWEST} violative and {FEWEST} compliant"
            f" {recipe.owner}s of {recipe.run}, got {int(violative.sum())} and"
            f" {int(len(violative) - violative.sum())}"
        )
    wanted = known.select(pl.col(key).alias("owner_id"))
    strong = strengths(findings.filter(pl.col("owner_kind") == recipe.owner))
    return Outcomes(
        owner_ids=wanted["owner_id"],
        truth=violative,
        strong=strong.join(wanted, on="owner_id", how="semi"),
        features=None
        if features is None
        else wanted.join(features, on="owner_id", how="left", maintain_order="left"),
        present=known["risk"].fill_null(0.0).to_numpy().astype(np.float64),
    )


def feed_of(run: Path) -> Path:
    """The folder of the feed that the run in `run` screened.

    Raises:
        RunError: If its card does not say.
    """
    card = _card(run)
    if "feed" not in card:
        raise RunError(f"{run / CARD}: expected the card of a run, which names its feed")
    return Path(str(card["feed"]))


def uncalibrated_of(run: Path) -> UncalibratedConfig:
    """How the run in `run` took findings on scanners that nobody calibrated.

    Raises:
        RunError: If its card cannot be read.
    """
    settings = _card(run).get("config", {}).get("uncalibrated", {})
    try:
        return UncalibratedConfig.model_validate(settings)
    except ValidationError as error:
        raise RunError(f"{run / CARD}: config.uncalibrated.{first_fault(error.errors())}") from None


def read_truth_table(path: Path, owner: OwnerKind) -> pl.DataFrame:
    """`parcel_id` or `carton_id`, and `violative`, of every owner whose outcome is known.

    Raises:
        RunError: If the table cannot be read, lacks a column, or names an owner twice.
    """
    table = path / f"{owner}s.parquet" if path.is_dir() else path
    key = KEYS[owner]
    rows = _table(table)
    missing = sorted({key, "violative"} - set(rows.columns))
    if missing:
        raise RunError(
            f"{table}: expected the columns {key} and violative, {missing[0]} is missing"
        )
    known = rows.select(pl.col(key).cast(pl.String), pl.col("violative").cast(pl.Boolean))
    known = known.drop_nulls()
    if known[key].n_unique() < len(known):
        twice = known.filter(pl.col(key).is_duplicated())[key][0]
        raise RunError(f"{table}: expected each {key} once, got {twice!r} twice")
    return known


def owners_of_table(path: Path) -> OwnerKind:
    """Whose outcomes the table in the file `path` holds; of parcels where it names cartons too.

    Raises:
        RunError: If the table cannot be read, or names neither.
    """
    columns = _table(path).columns
    for kind, key in KEYS.items():
        if key in columns:
            return kind
    raise RunError(
        f"{path}: expected a column {' or '.join(KEYS.values())}, got {', '.join(columns)}"
    )


def _table(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: expected a table of outcomes, got: {reason}") from None


def _card(run: Path) -> dict[str, Any]:
    path = run / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: expected the card of a run, got: {error}") from None
    if not isinstance(card, dict):
        raise RunError(f"{path}: expected the card of a run, got {type(card).__name__}")
    return card


def _findings(run: Path) -> pl.DataFrame:
    """Its findings; columns that runs of earlier releases lack are null."""
    found = _parts(run, "findings")
    return found.select(
        pl.col(name).cast(dtype) if name in found.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in FINDING_SCHEMA.items()
    )


def _parts(run: Path, name: str) -> pl.DataFrame:
    paths = sorted((run / name).glob("part-*.parquet"))
    if not paths:
        raise RunError(f"{run / name}: expected the parts of a run, found none")
    return pl.concat([pl.read_parquet(path) for path in paths])
