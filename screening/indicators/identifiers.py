"""ID: identifiers that contradict themselves."""

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.indicators.check_digits import (
    air_waybill_holds,
    check_holds,
    normalised,
    scheme,
)
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
)
from parcelscope.screening.indicators.wording import quoted

CHECK = "ID.check"


class CheckParameters(BaseModel, frozen=True, extra="forbid"):
    """ID: check digits."""

    likelihood_ratio: float = Field(ge=1)
    """Of a wrong check digit."""


def wrong_check_digits(evidence: Evidence, parameters: CheckParameters) -> Outcome:
    """ID.check: numbers whose check digit does not follow from their other digits.

    On parcels the tracking number, and the master bill of a parcel without a carton; on cartons the
    master bill, and the receptacle where it is an SSCC. A number without a known check is not
    assessed.
    """
    loose = pl.when(pl.col("carton_id").is_null()).then("master_bill")
    columns = ["owner_id", "owner_kind", "number", "bill"]
    parcels = evidence.owners("parcel").select(
        "owner_id",
        "owner_kind",
        pl.col("tracking_number").alias("number"),
        loose.alias("bill"),
    )
    cartons = evidence.owners("carton").select(
        "owner_id",
        "owner_kind",
        pl.col("receptacle_id").alias("number"),
        pl.col("master_bill").alias("bill"),
    )
    rows = pl.concat([parcels.select(columns), cartons.select(columns)]).with_columns(
        normalised(pl.col("number")).alias("plain_number"),
        normalised(pl.col("bill")).alias("plain_bill"),
    )
    rows = rows.with_columns(
        check_holds(rows["plain_number"]).alias("number_holds"),
        air_waybill_holds(rows["plain_bill"]).alias("bill_holds"),
    )
    # Carriers number parcels with eighteen digits too; with the prefix 00 they can only be an SSCC.
    ambiguous = (scheme(pl.col("plain_number")) == "SSCC") & (pl.col("owner_kind") == "parcel")
    prefixed = pl.col("number").str.replace_all(r"\D", "").str.len_chars() == 20
    holds = pl.col("number_holds")
    rows = rows.with_columns(
        pl.when(holds | ~ambiguous | prefixed).then(holds).alias("number_holds")
    )
    is_parcel = pl.col("owner_kind") == "parcel"
    name = pl.when(is_parcel).then(pl.lit("tracking number")).otherwise(pl.lit("receptacle"))
    numbers = rows.filter(~pl.col("number_holds"))
    bills = rows.filter(~pl.col("bill_holds"))
    ratio = parameters.likelihood_ratio
    findings = [
        findings_of(numbers, lambda: _wrong(numbers, "number", name, ratio)),
        findings_of(bills, lambda: _wrong(bills, "bill", pl.lit("master bill"), ratio)),
    ]
    unknown = rows.filter(pl.col("number_holds").is_null() & pl.col("bill_holds").is_null())
    reason = (
        pl.when(pl.col("number").is_null() & pl.col("bill").is_null())
        .then(pl.lit("the manifest gives no number with a check digit"))
        .otherwise(pl.lit("the numbers are of no kind with a check digit known here"))
    )
    return Outcome(
        findings=pl.concat(findings),
        not_assessed=as_not_assessed(unknown, CHECK, reason),
    )


def _wrong(rows: pl.DataFrame, column: str, name: pl.Expr, ratio: float) -> pl.DataFrame:
    return rows.select(
        "owner_id",
        "owner_kind",
        pl.lit(CHECK).alias("code"),
        pl.format(
            "The check digit of {} {} does not follow from its other digits.",
            name,
            quoted(pl.col(column)),
        ).alias("sentence"),
        pl.col(column).alias("text"),
        pl.lit(ratio).alias("likelihood_ratio"),
    )
