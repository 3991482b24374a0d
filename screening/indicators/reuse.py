"""U6: numbers used more than once, in this window or in earlier ones."""

from datetime import date
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from parcelscope.datasets.sightings import (
    NO_ENTRY,
    SIGHTING_SCHEMA,
    Earlier,
    NumberKind,
    digests,
)
from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_findings,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
)
from parcelscope.screening.indicators.wording import counted, quoted
from parcelscope.screening.numbers_seen import numbered_cartons, numbered_parcels

REUSE = "U6.reuse"
ENTRIES = "U6.entries"
SEAL = "U6.seal"

_OWNER = ["owner_id", "owner_kind"]
_UNLIMITED = 1e12
"""Ratio that never is the lesser of two."""


class ReuseParameters(BaseModel, frozen=True, extra="forbid"):
    """U6: numbers that stand for one parcel, or one carton, at a time."""

    reuse: Grades
    """By the number of uses of one number: rows of this window and earlier sightings."""
    entries: Grades
    """By the number of entries filed for one tracking number."""
    window_days: int = Field(default=365, ge=1, le=3660)
    """Days within which a number must not be used again."""
    early: Grades = Grades(at=(0.0, 30.0, 180.0), likelihood_ratio=(1.5, 8.0, 40.0))
    """By the days that are missing to `window_days`: what an earlier use may count for at most."""
    same_parcel_days: int = Field(default=14, ge=0)
    """Earlier sightings at the same facility under the same id are of the same parcel if no more
    days lie between: feeds overlap, and arrivals are corrected."""
    onward_days: int = Field(default=14, ge=0)
    """A sighting at another facility may be of the same parcel on its way for so many days."""


def numbers_used_again(evidence: Evidence, parameters: ReuseParameters) -> Outcome:
    """U6.reuse, U6.entries and U6.seal: one number on several rows, or on an earlier parcel.

    Without a history only the window is looked at. A parcel that is in the history itself, from
    another feed or another facility on its way, is not its own predecessor.
    """
    # Without earlier sightings no day is compared.
    today = date.min if evidence.earlier is None else evidence.earlier.today
    parcels = numbered_parcels(evidence.feed, today)
    cartons = numbered_cartons(evidence.feed, today)
    before = _before(parcels, "tracking", evidence.earlier, parameters)
    return merged(
        [
            _reused(parcels, before, REUSE, parameters),
            _several_entries(parcels, before, parameters),
            _reused(
                cartons, _before(cartons, "seal", evidence.earlier, parameters), SEAL, parameters
            ),
        ]
    )


def _before(
    rows: pl.DataFrame,
    kind: NumberKind,
    earlier: Earlier | None,
    parameters: ReuseParameters,
) -> pl.DataFrame:
    """Earlier sightings of the numbers of `rows`, within the window of re-use.

    Columns owner_id, seen_day, seen_at, seen_entry, gap (days, below 0 where it was later), and
    `is_same`: of the very parcel; `is_onward`: maybe of it, on its way from another facility.
    """
    known = pl.DataFrame(schema=SIGHTING_SCHEMA) if earlier is None else earlier.sightings
    if known.is_empty():  # digests of a whole window take a while, joins of one row as well
        return _nothing_before()
    asked = rows.select(
        "owner_id", "facility", "day", "dated", digests(rows["number_text"], kind).alias("number")
    ).drop_nulls("number")
    seen = known.select(
        "number",
        pl.col("owner_id").alias("seen_owner"),
        pl.col("facility").alias("seen_at"),
        pl.col("day").alias("seen_day"),
        pl.col("dated").alias("seen_dated"),
        pl.col("entry").alias("seen_entry"),
    )
    gap = (pl.col("day") - pl.col("seen_day")).dt.total_days()
    near = gap.abs() <= parameters.same_parcel_days
    undated = ~pl.col("dated") | ~pl.col("seen_dated")
    elsewhere = (
        (pl.col("facility") != pl.col("seen_at"))
        & (pl.col("facility") != "")
        & (pl.col("seen_at") != "")
    )
    return (
        asked.join(seen, on="number", how="inner")
        .with_columns(
            gap.alias("gap"),
            (
                (pl.col("owner_id") == pl.col("seen_owner"))
                & (pl.col("facility") == pl.col("seen_at"))
                & (near | undated)
            ).alias("is_same"),
            (elsewhere & (gap.abs() <= parameters.onward_days)).alias("is_onward"),
        )
        .filter(pl.col("gap").abs() < parameters.window_days)
        .select("owner_id", "seen_day", "seen_at", "seen_entry", "gap", "is_same", "is_onward")
    )


@cache
def _nothing_before() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "owner_id": pl.String(),
            "seen_day": pl.Date(),
            "seen_at": pl.String(),
            "seen_entry": pl.Int64(),
            "gap": pl.Int64(),
            "is_same": pl.Boolean(),
            "is_onward": pl.Boolean(),
        }
    )


def _reused(
    rows: pl.DataFrame, before: pl.DataFrame, code: str, parameters: ReuseParameters
) -> Outcome:
    """`code`: numbers on several of `rows`, or seen `before` on another parcel or carton."""
    if rows.is_empty():
        return merged([])
    numbered = rows.filter(pl.col("number_text").is_not_null()).with_columns(
        pl.len().over("number_text").alias("rows")
    )
    without = as_not_assessed(
        rows.filter(pl.col("number_text").is_null()),
        code,
        pl.lit(f"the manifest gives no {_NAMES[code]}"),
    )
    if before.is_empty() and (numbered["rows"] == 1).all():  # the usual case
        return Outcome(findings=as_findings(pl.DataFrame()), not_assessed=without)
    others = before.filter(~pl.col("is_same") & ~pl.col("is_onward"))
    last = (
        others.with_columns(pl.col("gap").abs().alias("distance"))
        .sort("owner_id", "distance", "seen_day", "seen_at")
        .group_by("owner_id", maintain_order=True)
        .agg(
            pl.struct("seen_day", "seen_at").n_unique().alias("seen"),
            pl.col("seen_day", "seen_at", "gap").first(),
        )
    )
    told = numbered.join(last, on="owner_id", how="left").with_columns(pl.col("seen").fill_null(0))
    fired = told.filter((pl.col("rows") > 1) | (pl.col("seen") > 0))
    moving = numbered.join(
        before.filter("is_onward")
        .sort("owner_id", "seen_day", "seen_at")
        .group_by("owner_id", maintain_order=True)
        .agg(pl.col("seen_day", "seen_at").last()),
        on="owner_id",
        how="inner",
    ).join(fired.select("owner_id"), on="owner_id", how="anti")
    name = _NAMES[code]
    return Outcome(
        findings=findings_of(fired, lambda: _told(fired, code, parameters)),
        not_assessed=pl.concat(
            [
                without,
                as_not_assessed(
                    moving,
                    code,
                    pl.format(
                        f"the {name} was seen at {{}} on {{}}; it may be the same"
                        f" {_THINGS[code]} on its way",
                        quoted(pl.col("seen_at")),
                        pl.col("seen_day"),
                    ),
                ),
            ]
        ),
    )


_NAMES = {REUSE: "tracking number", SEAL: "seal number"}
_THINGS = {REUSE: "parcel", SEAL: "carton"}


def _told(fired: pl.DataFrame, code: str, parameters: ReuseParameters) -> pl.DataFrame:
    """Findings of numbers that were used again."""
    rows, seen, gap = pl.col("rows"), pl.col("seen"), pl.col("gap")
    in_window = pl.format(
        "stands on {}; the manifest should list it once",
        counted(rows, f"{_THINGS[code]} row"),
    )
    at = (
        pl.when(pl.col("seen_at") == "")
        .then(pl.lit(""))
        .otherwise(pl.format(" at {}", quoted(pl.col("seen_at"))))
    )
    how_far = (
        pl.when(gap == 0)
        .then(pl.lit("the same day"))
        .when(gap > 0)
        .then(pl.format("{} earlier", counted(gap, "day")))
        .otherwise(pl.format("{} later", counted(-gap, "day")))
    )
    which = (
        pl.when(seen == 1)
        .then(pl.lit(f"was seen on another {_THINGS[code]}"))
        .otherwise(pl.format(f"was seen {{}} on other {_THINGS[code]}s", counted(seen, "time")))
    )
    nearest = pl.when(seen == 1).then(pl.lit("")).otherwise(pl.lit("the nearest "))
    in_history = pl.format(
        "{}, {}on {}{}, {}; it must not be used again within {} days",
        which,
        nearest,
        pl.col("seen_day"),
        at,
        how_far,
        pl.lit(parameters.window_days),
    )
    said = (
        pl.when(seen == 0)
        .then(in_window)
        .when(rows == 1)
        .then(in_history)
        .otherwise(pl.format("{}, and {}", in_window, in_history))
    )
    return with_ratio(
        fired.select(
            *_OWNER,
            pl.lit(code).alias("code"),
            pl.format(
                f"{_NAMES[code].capitalize()} {{}} {{}}.", quoted(pl.col("text")), said
            ).alias("sentence"),
            (rows + seen).alias("observed"),
            pl.lit(1.0).alias("expected"),
            pl.when(seen == 0).then(pl.lit("rows")).otherwise(pl.lit("uses")).alias("unit"),
            pl.col("text"),
        ),
        _ratios(fired, parameters),
    )


def _ratios(fired: pl.DataFrame, parameters: ReuseParameters) -> NDArray[np.float64]:
    """By the number of uses; an earlier one counts for less the more of the window was over."""
    uses = parameters.reuse.ratios((fired["rows"] + fired["seen"]).to_numpy().astype(float))
    left = parameters.window_days - fired["gap"].abs().fill_null(0).to_numpy().astype(float)
    most = np.where(fired["seen"].to_numpy() > 0, parameters.early.ratios(left), _UNLIMITED)
    alone = parameters.reuse.ratios(fired["rows"].to_numpy().astype(float))
    alone = np.where(fired["rows"].to_numpy() > 1, alone, 1.0)
    ratios: NDArray[np.float64] = np.maximum(np.minimum(uses, most), alone)
    return ratios


def _several_entries(
    parcels: pl.DataFrame, before: pl.DataFrame, parameters: ReuseParameters
) -> Outcome:
    """U6.entries: one tracking number under several entries, those that were seen before too."""
    numbered = parcels.filter(pl.col("number_text").is_not_null())
    here = numbered.select("number_text", "entry_text").drop_nulls().unique()
    silent = _without_entry(parcels)
    if before.is_empty() and here["number_text"].n_unique() == here.height:
        return Outcome(findings=as_findings(pl.DataFrame()), not_assessed=silent)
    # Of a number that was used again for another parcel, the entries are those of two parcels.
    same = before.filter(
        (pl.col("is_same") | pl.col("is_onward")) & (pl.col("seen_entry") != NO_ENTRY)
    ).join(numbered.select("owner_id", "number_text"), on="owner_id", how="inner")
    there = same.select("number_text", pl.col("seen_entry").alias("entry")).unique()
    known = here.join(there.select("number_text").unique(), on="number_text", how="semi")
    new = known.select("number_text", digests(known["entry_text"], "entry").alias("entry"))
    added = (
        there.join(new, on=["number_text", "entry"], how="anti")
        .group_by("number_text")
        .agg(pl.len().alias("earlier"))
    )
    entries = (
        here.group_by("number_text")
        .agg(pl.len().alias("here"))
        .join(added, on="number_text", how="left")
        .with_columns(pl.col("earlier").fill_null(0))
        .with_columns((pl.col("here") + pl.col("earlier")).alias("entries"))
        .filter(pl.col("entries") > 1)
    )
    fired = numbered.join(entries, on="number_text", how="inner")
    before_too = (
        pl.when(pl.col("earlier") == 0)
        .then(pl.lit(""))
        .otherwise(pl.format(", {} of them in earlier windows", pl.col("earlier")))
    )
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                *_OWNER,
                pl.lit(ENTRIES).alias("code"),
                pl.format(
                    "Tracking number {} stands under {}{}; one is expected.",
                    quoted(pl.col("text")),
                    pl.format("{} entry numbers", pl.col("entries")),
                    before_too,
                ).alias("sentence"),
                pl.col("entries").alias("observed"),
                pl.lit(1.0).alias("expected"),
                pl.lit("entries").alias("unit"),
                pl.col("text"),
            ),
            parameters.entries.ratios(fired["entries"].to_numpy().astype(float)),
        ),
    )
    return Outcome(findings=findings, not_assessed=silent)


def _without_entry(parcels: pl.DataFrame) -> pl.DataFrame:
    """Parcels of which it is not known which number stands under which entry."""
    return as_not_assessed(
        parcels.filter(pl.col("number_text").is_null() | pl.col("entry_text").is_null()),
        ENTRIES,
        pl.when(pl.col("number_text").is_null())
        .then(pl.lit("the manifest gives no tracking number"))
        .otherwise(pl.lit("the manifest gives no entry number")),
    )
