"""What indicators found in a run, to be shared: counts by route and week, and nobody's data.

A cell counts the parcels or cartons on which one version of one code fired alike, on one route in
one week. Small cells are left out, and so much beside them that no total gives them away.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Literal

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.datasets.countries import COUNTRIES
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.writing import write_csv_whole, write_text_whole
from parcelscope.pipelines.indicator_names import PackName, RuleName
from parcelscope.pipelines.indicator_trial import feed_of
from parcelscope.pipelines.run_folder import Run
from parcelscope.screening.indicator_run import owner_days
from parcelscope.screening.indicators.evidence import SOURCE
from parcelscope.screening.indicators.registry import CODES

MIN_COUNT: Final = 5
_STEPS: Final = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
"""Bands per decade (the R10 series of preferred numbers): each about a quarter wider."""
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._:/>-]{0,39}$"
"""A facility, lane or unit that is not written so may hold anything, and is left out."""
_OWNER: Final = ["owner_id", "owner_kind"]
_GROUP: Final = ["code", "owner_kind", "pack", "version"]
_CELL: Final = [
    *_GROUP,
    "unit",
    "observed_from",
    "observed_to",
    "expected_from",
    "expected_to",
    "origin_country",
    "facility",
    "lane",
    "week",
]


class Group(BaseModel, frozen=True, extra="forbid"):
    """One version of one code, said of parcels or of cartons."""

    code: str
    owner_kind: Literal["parcel", "carton"]
    pack: str | None
    """None in runs of earlier releases, and so is the version."""
    version: int | None


class Cell(Group, frozen=True, extra="forbid"):
    """Parcels or cartons on which it fired alike, on one route in one week."""

    unit: str | None
    observed_from: float | None
    observed_to: float | None
    """Band of what was seen, the upper end not included; None where nothing was measured."""
    expected_from: float | None
    expected_to: float | None
    """Band of what was declared or usual."""
    origin_country: str | None
    """ISO 3166-1 alpha-2; None where it is not given, or differs within a carton."""
    facility: str | None
    lane: str | None
    week: str | None
    """ISO week of the arrival, such as 2026-W31."""
    count: int = Field(ge=1)


class Total(Group, frozen=True, extra="forbid"):
    """All on which it fired; None where that would give a cell away."""

    count: int | None


class FiredIndicators(BaseModel, frozen=True, extra="forbid"):
    """The file that is shared."""

    format: Literal["parcelscope.fired-indicators"] = "parcelscope.fired-indicators"
    format_version: Literal[1] = 1
    min_count: int = Field(ge=2)
    """Smaller cells are left out."""
    packs: tuple[PackName, ...]
    cells: tuple[Cell, ...]
    totals: tuple[Total, ...]
    suppressed_cells: int = Field(ge=0)
    """Cells that were left out: small ones, and larger ones that would give small ones away."""


def export_run(run: Run, *, min_count: int = MIN_COUNT) -> FiredIndicators:
    """What the indicators found in `run`, without names, addresses, numbers, texts or ids.

    Args:
        run: A complete run; its feed must still be there.
        min_count: Cells of fewer are suppressed, 2 or more.

    Raises:
        RunError: If the feed is gone.
        FeedError: If it cannot be read.
    """
    fired = _fired(run, feed_of(run))
    cells = fired.group_by(_CELL).agg(pl.len().alias("count")).sort(*_CELL, nulls_last=True)
    kept, totals, suppressed = [], [], 0
    for _, group in cells.group_by(_GROUP, maintain_order=True):
        keep, whole = _safe(group["count"].to_list(), min_count)
        suppressed += len(group) - sum(keep)
        kept += group.filter(pl.Series(keep, dtype=pl.Boolean)).to_dicts()
        totals.append(
            Total(
                **group.select(_GROUP).row(0, named=True),
                count=int(group["count"].sum()) if whole else None,
            )
        )
    return FiredIndicators(
        min_count=min_count,
        packs=run.card.indicator_packs or (),
        cells=tuple(Cell(**row) for row in kept),
        totals=tuple(totals),
        suppressed_cells=suppressed,
    )


def write_export(told: FiredIndicators, path: Path) -> None:
    """Write `told` as JSON, or as CSV where `path` ends in `.csv`."""
    if path.suffix != ".csv":
        write_text_whole(path, told.model_dump_json(indent=1) + "\n")
        return
    rows = [{"row": "cell", **cell.model_dump()} for cell in told.cells]
    rows += [{"row": "total", **total.model_dump()} for total in told.totals]
    rows.append({"row": "suppressed cells", "count": told.suppressed_cells})
    columns = ["row", *_CELL, "count"]
    numbers = {"version", "count"}
    schema = {
        name: pl.Int64()
        if name in numbers
        else pl.Float64()
        if name.endswith(("_from", "_to"))
        else pl.String()
        for name in columns
    }
    write_csv_whole(pl.DataFrame(rows, schema=schema), path)


def export_schema() -> str:
    """The JSON schema of the file that is shared."""
    return json.dumps(FiredIndicators.model_json_schema(), indent=1) + "\n"


def _safe(counts: Sequence[int], min_count: int) -> tuple[list[bool], bool]:
    """Which cells of one group can be told, and whether their total can.

    The total less the cells that are told is what the others hold together: that must be two cells
    at least, and as many owners as a cell must have.
    """
    keep = [count >= min_count for count in counts]
    order = sorted((count, place) for place, count in enumerate(counts) if keep[place])
    hidden = [count for count, told in zip(counts, keep, strict=True) if not told]
    while hidden and order and (len(hidden) < 2 or sum(hidden) < min_count):
        count, place = order.pop(0)
        keep[place] = False
        hidden.append(count)
    return keep, not hidden or (len(hidden) >= 2 and sum(hidden) >= min_count)


def _fired(run: Run, feed: Feed) -> pl.DataFrame:
    """One row for each owner and code: the columns of a cell."""
    found = run.findings.filter((pl.col("source") == SOURCE) & pl.col("code").is_in(list(CODES)))
    strongest = found.sort(
        *_OWNER,
        "code",
        "likelihood_ratio",
        "observed",
        "expected",
        "unit",
        descending=[False, False, False, True, True, True, True],
        nulls_last=True,
    ).unique([*_OWNER, "code"], keep="first", maintain_order=True)
    routed = strongest.join(_routes(feed), on=_OWNER, how="left")
    versioned = _with_versions(routed, run.card.indicator_rules)
    return versioned.with_columns(
        *_band("observed"), *_band("expected"), _plain(pl.col("unit")).alias("unit")
    ).select(_CELL)


def _routes(feed: Feed) -> pl.DataFrame:
    """Where each owner came from and to, and when: owner_id, owner_kind, route, day, week."""
    country = pl.col("origin_country").str.strip_chars().str.to_uppercase()
    origin = pl.when(country.is_in(list(COUNTRIES))).then(country)
    parcels = feed.parcels.select(
        pl.col("parcel_id").alias("owner_id"),
        pl.lit("parcel").alias("owner_kind"),
        "carton_id",
        origin.alias("origin_country"),
        "facility",
        "lane",
    )
    one = pl.col("origin_country")
    origins = parcels.group_by("carton_id").agg(
        pl.when(one.n_unique() == 1).then(one.first()).alias("origin_country")
    )
    cartons = (
        feed.cartons.select("carton_id", "facility", "lane")
        .join(origins, on="carton_id", how="left")
        .with_columns(pl.col("carton_id").alias("owner_id"), pl.lit("carton").alias("owner_kind"))
    )
    columns = [*_OWNER, "origin_country", "facility", "lane"]
    both = pl.concat([parcels.select(columns), cartons.select(columns)])
    return (
        both.join(owner_days(feed), on=_OWNER, how="left")
        .with_columns(
            _plain(pl.col("facility")).alias("facility"),
            _plain(pl.col("lane")).alias("lane"),
            pl.col("day").dt.strftime("%G-W%V").alias("week"),
        )
        .unique(_OWNER, keep="first", maintain_order=True)
    )


def _plain(text: pl.Expr) -> pl.Expr:
    """`text` where it is a short code or name of a place, else null."""
    bare = text.str.strip_chars()
    return pl.when(bare.str.contains(_NAME)).then(bare)


def _with_versions(rows: pl.DataFrame, rules: Sequence[RuleName]) -> pl.DataFrame:
    """`rows` with `pack` and `version` of the entry that was in force on their day."""
    pack, version = pl.lit(None, pl.String), pl.lit(None, pl.Int64)
    day = pl.col("day")
    # Without a date a row was held to the latest entry, so the latest is asked first.
    for rule in sorted(rules, key=lambda rule: rule.first or date.min):
        first, last = rule.first or date.min, rule.last or date.max
        meant = pl.col("code").is_in(list(rule.codes)) & (
            day.is_null() | ((day >= pl.lit(first)) & (day <= pl.lit(last)))
        )
        pack = pl.when(meant).then(pl.lit(rule.pack)).otherwise(pack)
        version = pl.when(meant).then(pl.lit(rule.version)).otherwise(version)
    return rows.with_columns(pack.alias("pack"), version.cast(pl.Int64).alias("version"))


def _band(column: str) -> Iterator[pl.Expr]:
    """Both ends of the band of `column`; zero is a band of its own."""
    edges = [step * 10.0**power for power in range(-6, 13) for step in _STEPS]
    value = pl.col(column).abs()
    # A hair more, so that a number that is an edge falls into its band whatever its last bit.
    place = pl.lit(pl.Series(edges)).search_sorted(value * (1 + 1e-9), side="right")
    sign = pl.col(column).sign()
    low = pl.lit(pl.Series([0.0, *edges])).gather(place)
    high = pl.lit(pl.Series([*edges, edges[-1]])).gather(place)
    none = pl.when(value.is_null() | value.is_nan())
    zero = value == 0
    yield (
        none.then(None)
        .when(zero)
        .then(0.0)
        .otherwise(pl.when(sign < 0).then(-high).otherwise(low))
        .alias(f"{column}_from")
    )
    yield (
        none.then(None)
        .when(zero)
        .then(0.0)
        .otherwise(pl.when(sign < 0).then(-low).otherwise(high))
        .alias(f"{column}_to")
    )
