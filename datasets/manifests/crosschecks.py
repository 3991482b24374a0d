"""The rows of all sources against each other: ids that come again, cartons and their parcels."""

from dataclasses import dataclass

import polars as pl

from parcelscope.datasets.identifiers import parse_s9
from parcelscope.datasets.manifests.checking import FILE, FORMAT, HIDDEN, PLACE, ROW_ID
from parcelscope.datasets.manifests.limits import Limits
from parcelscope.datasets.manifests.verdicts import VERDICT_SCHEMA
from parcelscope.datasets.schema import CARTONS
from parcelscope.datasets.table_values import DTYPES

DERIVED = "\x00derived"
"""Column that is true where the key was made of another number."""
_POSTAL = ("postal-csv", "postal-json")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossChecked:
    """The tables of all sources, each key once."""

    parcels: pl.DataFrame
    cartons: pl.DataFrame
    verdicts: list[pl.DataFrame]
    derived_cartons: int
    """Cartons that no row described: their parcels name them."""


def cross_checked(
    parcels: pl.DataFrame, cartons: pl.DataFrame, limits: Limits, *, named: pl.DataFrame
) -> CrossChecked:
    """`parcels` and `cartons` (with `HIDDEN` and `DERIVED`) with unique keys, and what is odd.

    Args:
        parcels: All parcel rows that could be taken.
        cartons: All carton rows.
        limits: How many parcels one carton may have without a note.
        named: `ROW_ID` and `carton_id` of all parcel rows as they came, rejected ones included.
    """
    parcels, verdicts = _unique(parcels, "parcels", "parcel_id")
    cartons, more = _unique(cartons, "cartons", "carton_id")
    verdicts += more
    gone = named.join(parcels, on=ROW_ID, how="anti").get_column("carton_id").drop_nulls()
    derived = _derived_cartons(parcels, cartons, gone)
    described = cartons.height > 0
    cartons = pl.concat([cartons.drop(DERIVED), derived])
    parcels = parcels.drop(DERIVED)
    if described:
        verdicts += _unknown_cartons(parcels, cartons)
    verdicts += [_loose(parcels), _crowded(parcels, cartons, limits), _empty(parcels, cartons)]
    both = cartons.filter(pl.col("carton_id").is_in(parcels.get_column("parcel_id").implode()))
    verdicts.append(
        _notes(both, "cartons", "carton_id", "an id that no parcel has", pl.col("carton_id"))
    )
    return CrossChecked(
        parcels=parcels, cartons=cartons, verdicts=verdicts, derived_cartons=derived.height
    )


def _unique(frame: pl.DataFrame, table: str, key: str) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """`frame` with each key once: a derived key gets a number, another one costs its later row."""
    name = pl.col(key)
    if frame.get_column(key).is_duplicated().any():
        count = name.cum_count().over(key)
        numbered = pl.concat_str(name, pl.lit("#"), count)
        frame = frame.with_columns(
            pl.when(pl.col(DERIVED) & (count > 1)).then(numbered).otherwise(name).alias(key)
        )
    again = frame.filter(~name.is_first_distinct())
    verdicts = [
        _notes(again, table, key, f"a {key} that no row before has", name, outcome="rejected")
    ]
    frame = frame.filter(name.is_first_distinct())
    if table == "parcels":
        renamed = frame.filter(pl.col(DERIVED) & name.str.contains(r"#\d+$"))
        verdicts.append(
            _notes(renamed, table, "tracking_number", "a number that no row before has",
                   pl.col("tracking_number"))
        )  # fmt: skip
    return frame, verdicts


def _derived_cartons(parcels: pl.DataFrame, cartons: pl.DataFrame, gone: pl.Series) -> pl.DataFrame:
    """A row for each receptacle that postal rows name and no row describes.

    What its manifest lists is then the rows that name it. Where one of these was rejected (its
    carton is in `gone`), nobody knows how many pieces it had, and the number is left out.
    """
    known = cartons.get_column("carton_id").implode()
    whole = ~pl.col("carton_id").is_in(gone.implode()).first()
    groups = (
        parcels.filter(
            pl.col(FORMAT).is_in(_POSTAL)
            & pl.col("carton_id").is_not_null()
            & ~pl.col("carton_id").is_in(known)
        )
        .group_by("carton_id", maintain_order=True)
        .agg(
            pl.col("receptacle_id").first(),
            *(
                pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name)
                for name in ("master_bill", "facility", "lane")
            ),
            pl.when(whole).then(pl.col("pieces").fill_null(1).sum()).alias("pieces_manifested"),
            pl.col(FILE).first(),
            pl.col(FORMAT).first(),
            pl.len().alias("rows"),
        )
    )
    weights = [
        None if receptacle is None or (s9 := parse_s9(receptacle)) is None else float(s9.weight_g)
        for receptacle in groups.get_column("receptacle_id").to_list()
    ]
    made = groups.with_columns(
        pl.Series("declared_weight_g", weights, dtype=pl.Float64),
        pl.format("the {} rows that name it", pl.col("rows")).alias(PLACE),
        pl.lit(-1, pl.Int64).alias(ROW_ID),
    )
    return made.select(
        *(
            pl.col(column.name).cast(DTYPES[column.type])
            if column.name in made.columns
            else pl.lit(None, DTYPES[column.type]).alias(column.name)
            for column in CARTONS.columns
        ),
        *HIDDEN,
    )


def _unknown_cartons(parcels: pl.DataFrame, cartons: pl.DataFrame) -> list[pl.DataFrame]:
    carton = pl.col("carton_id")
    unknown = parcels.filter(
        carton.is_not_null() & ~carton.is_in(cartons.get_column("carton_id").implode())
    )
    return [_notes(unknown, "parcels", "carton_id", "a carton that some row describes", carton)]


def _loose(parcels: pl.DataFrame) -> pl.DataFrame:
    """Parcels without a carton, in files whose other rows name one."""
    carton = pl.col("carton_id")
    in_cartons = carton.is_not_null().any().over(FILE)
    loose = parcels.filter(carton.is_null() & in_cartons) if parcels.height else parcels
    return _notes(
        loose, "parcels", "carton_id", "a carton, as other rows name one", pl.lit("nothing")
    )


def _crowded(parcels: pl.DataFrame, cartons: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    counts = parcels.group_by("carton_id").agg(pl.len().alias("listed"))
    crowded = cartons.join(counts, on="carton_id").filter(
        pl.col("listed") > limits.parcels_per_carton
    )
    expected = f"at most {limits.parcels_per_carton:,} parcels in one carton"
    return _notes(
        crowded, "cartons", "carton_id", expected, pl.format("{} parcels", pl.col("listed"))
    )


def _empty(parcels: pl.DataFrame, cartons: pl.DataFrame) -> pl.DataFrame:
    named = parcels.get_column("carton_id").drop_nulls().implode()
    empty = cartons.filter(~pl.col("carton_id").is_in(named))
    return _notes(empty, "cartons", "carton_id", "a parcel that names this carton", pl.lit("none"))


def _notes(
    rows: pl.DataFrame, table: str, field: str, expected: str, got: pl.Expr, *,
    outcome: str = "note",
) -> pl.DataFrame:  # fmt: skip
    key = "parcel_id" if table == "parcels" else "carton_id"
    return rows.select(
        pl.lit(outcome).alias("verdict"),
        pl.lit(table).alias("table"),
        pl.col(FILE).cast(pl.String).alias("file"),
        pl.col(FORMAT).cast(pl.String).alias("format"),
        pl.col(PLACE).alias("place"),
        pl.col(key).alias("key"),
        pl.lit(field).alias("field"),
        pl.lit(expected).alias("expected"),
        got.alias("got"),
    ).cast(pl.Schema(VERDICT_SCHEMA))
