"""U7: numbers of the carrier's manifest without a customs entry, and entries without a number."""

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.check_digits import normalised
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
)
from parcelscope.screening.indicators.usual import with_usual_share
from parcelscope.screening.indicators.wording import plain, quoted

NO_ENTRY = "U7.entry"
NO_NUMBER = "U7.number"

_GROUP = ("facility", "channel")


class EntryMatchParameters(BaseModel, frozen=True, extra="forbid"):
    """U7: the carrier's manifest against the entries that were filed."""

    without_entry: Grades
    """By the share of comparable rows that have an entry: the fewer lack it, the more it says."""
    without_number: Grades
    """By the share of comparable rows with an entry that have a number."""
    min_rows: int = Field(ge=5)
    """Fewer comparable rows in the window: not assessed."""


def numbers_without_entry(evidence: Evidence, parameters: EntryMatchParameters) -> Outcome:
    """U7.entry and U7.number: a manifest number without an entry number, or the reverse.

    Compared with the rows of the same facility and channel: where entries are filed later or kept
    elsewhere, a missing one says nothing, and it is not assessed. A house bill counts as a number.
    """
    rows = evidence.owners("parcel").select(
        "owner_id",
        "owner_kind",
        *_GROUP,
        pl.coalesce("tracking_number", "house_bill").alias("text"),
        pl.coalesce(normalised(pl.col("tracking_number")), normalised(pl.col("house_bill"))).alias(
            "number"
        ),
        pl.col("entry_number").alias("entry_text"),
        normalised(pl.col("entry_number")).alias("entry"),
    )
    number, entry = pl.col("number"), pl.col("entry")
    numbered = with_usual_share(rows.filter(number.is_not_null()), entry.is_not_null(), _GROUP)
    entered = with_usual_share(rows.filter(entry.is_not_null()), number.is_not_null(), _GROUP)
    return merged(
        [
            _missing(
                numbered,
                rows.filter(number.is_null()),
                NO_ENTRY,
                pl.format(
                    "Number {} has no customs entry; {} % of comparable rows have one.",
                    quoted(pl.col("text")),
                    plain(pl.col("usual_share") * 100, 1),
                ),
                ("text", "an entry number", "the manifest gives no tracking number or house bill"),
                parameters.without_entry,
                parameters.min_rows,
            ),
            _missing(
                entered,
                rows.filter(entry.is_null()),
                NO_NUMBER,
                pl.format(
                    "Entry {} has no number of the carrier; {} % of comparable rows have one.",
                    quoted(pl.col("entry_text")),
                    plain(pl.col("usual_share") * 100, 1),
                ),
                ("entry_text", "a carrier's number", "the manifest gives no entry number"),
                parameters.without_number,
                parameters.min_rows,
            ),
        ]
    )


def _missing(
    rows: pl.DataFrame,
    without: pl.DataFrame,
    code: str,
    sentence: pl.Expr,
    words: tuple[str, str, str],
    grades: Grades,
    min_rows: int,
) -> Outcome:
    """Rows of `rows` that lack what most of their group have; `without` cannot be compared."""
    shown, wanted, no_key = words
    few = pl.col("usual_rows") < min_rows
    unusual = pl.col("usual_share") < grades.at[0]
    fired = rows.filter(~pl.col("has") & ~few & ~unusual)
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                "owner_id",
                "owner_kind",
                pl.lit(code).alias("code"),
                sentence.alias("sentence"),
                pl.lit(0.0).alias("observed"),
                pl.lit(1.0).alias("expected"),
                pl.lit("numbers").alias("unit"),
                pl.col(shown).alias("text"),
            ),
            grades.ratios(fired["usual_share"].to_numpy()),
        ),
    )
    reason = (
        pl.when(few)
        .then(pl.lit(f"fewer than {min_rows} comparable parcels in this window"))
        .otherwise(
            pl.format(
                "only {} % of comparable rows have {}",
                plain(pl.col("usual_share") * 100, 1),
                pl.lit(wanted),
            )
        )
    )
    return Outcome(
        findings=findings,
        not_assessed=pl.concat(
            [
                as_not_assessed(without, code, pl.lit(no_key)),
                as_not_assessed(rows.filter(~pl.col("has") & (few | unusual)), code, reason),
            ]
        ),
    )
