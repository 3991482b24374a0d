"""What a manifest row says of itself, as numbers for the risk.

Nothing here is of a person: no name, address, city, postcode or identity of shipper, consignee or
trader is a feature. Country of origin is that declared of the goods.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.models.bundle import FusionModel
from parcelscope.screening.goods_families import load_goods_families
from parcelscope.screening.indicators.evidence import Evidence

ORIGIN: Final = "origin"
FEATURES: Final[dict[str, str]] = {
    "value_per_gram": "value per gram",
    "weight_per_unit": "weight per unit",
    "declared_weight": "declared weight",
    "units": "units declared",
    "description_words": "words of the description",
    "families_apart": "tariff code and description of different families",
    ORIGIN: "declared origin of the goods",
}
"""In words, by name."""
MOST_SCALES: Final = 3.0
"""A feature counts for no more than this many scales either way: records have typing errors."""


def manifest_features(evidence: Evidence) -> pl.DataFrame:
    """owner_id, origin_country and the features of each parcel, null where its row is silent.

    Amounts are logarithms: base ten of grams, of units, and of value per gram. Values are compared
    in the commonest currency of the window; rows in another have none.
    """
    rows = evidence.owners("parcel")
    currency = pl.col("currency").str.strip_chars().str.to_uppercase()
    commonest = rows.select(currency.drop_nulls().mode().min()).to_series()
    # Nothing equals null, which is right where no row names a currency.
    usual = pl.lit(commonest[0] if len(commonest) else None, pl.String)
    grams = pl.coalesce("declared_weight_g", "measured_weight_g")
    words = pl.col("description").str.to_lowercase().str.extract_all(r"\p{L}{2,}").list.len()
    table = load_goods_families()
    wordings = rows.select("hs_code", "description").unique()
    apart = [_apart(table.of_tariff(hs), table.of_words(text)) for hs, text in wordings.iter_rows()]
    known = wordings.with_columns(pl.Series("families_apart", apart, dtype=pl.Float64()))
    return rows.join(known, on=["hs_code", "description"], how="left", nulls_equal=True).select(
        "owner_id",
        pl.col("origin_country").str.strip_chars().str.to_uppercase(),
        _log(pl.when(currency == usual).then(pl.col("value") / grams)).alias("value_per_gram"),
        _log(grams / pl.col("quantity")).alias("weight_per_unit"),
        _log(grams).alias("declared_weight"),
        _log(pl.col("quantity")).alias("units"),
        words.clip(upper_bound=12).cast(pl.Float64).alias("description_words"),
        "families_apart",
    )


def with_origin(features: pl.DataFrame, model: FusionModel) -> pl.DataFrame:
    """`features` with the column `origin`, by the model's own table."""
    if not model.origins:
        return features.with_columns(pl.lit(None, pl.Float64).alias(ORIGIN))
    return features.with_columns(
        pl.col("origin_country")
        .replace_strict(model.origins, default=None, return_dtype=pl.Float64)
        .alias(ORIGIN)
    )


def standardised(features: pl.DataFrame, model: FusionModel) -> npt.NDArray[np.float64]:
    """(N, terms) scales above the mean for each term of `model`, 0 where nothing is known."""
    columns = with_origin(features, model)
    parts = [
        ((columns[term.name].cast(pl.Float64) - term.mean) / term.scale)
        .fill_null(0.0)
        .fill_nan(0.0)
        .clip(-MOST_SCALES, MOST_SCALES)
        .to_numpy()
        for term in model.manifest
    ]
    return np.column_stack(parts) if parts else np.zeros((len(features), 0))


def _apart(tariff: str | None, words: frozenset[str]) -> float | None:
    """1 where tariff code and words name different families, 0 where they agree."""
    if tariff is None or not words:
        return None
    return 0.0 if tariff in words else 1.0


def _log(amount: pl.Expr) -> pl.Expr:
    # A division by zero units or grams is infinite, which no row says.
    return pl.when((amount > 0) & amount.is_finite()).then(amount.log10())
