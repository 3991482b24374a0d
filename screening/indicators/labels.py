"""U4: identifiers read in photos that the manifest does not list for that parcel or carton."""

from collections.abc import Sequence

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.check_digits import (
    air_waybill_holds,
    check_holds,
    normalised,
)
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_findings,
    as_not_assessed,
    with_ratio,
    with_reasons,
)
from parcelscope.screening.indicators.wording import quoted

LABEL = "U4.label"

_OWNER = ["owner_id", "owner_kind"]
_RECEPTACLE = r"^[A-Z]{2}[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{4}[ABCD][A-Z]{2}\d{14}$"  # UPU S9
_PRODUCT_CODES = ("EAN", "UPC", "ISBN", "DATABAR", "GTIN")
_PARCEL_COLUMNS = (
    "parcel_id",
    "tracking_number",
    "house_bill",
    "master_bill",
    "receptacle_id",
    "entry_number",
    "carton_id",
    "sku",
)
_CARTON_COLUMNS = ("carton_id", "master_bill", "receptacle_id", "seal_id")
_OWN_NUMBERS = ("parcel_id", "tracking_number", "house_bill")


class LabelParameters(BaseModel, frozen=True, extra="forbid"):
    """U4: identifiers in photos that the manifest does not list."""

    unlisted: Grades
    """By the number of such identifiers on one parcel or carton."""
    listed_elsewhere: float = Field(ge=1)
    """Factor on the ratio where the identifier is that of another parcel of the window."""


def unlisted_labels(evidence: Evidence, parameters: LabelParameters) -> Outcome:
    """U4.label: parcel identifiers in photos that stand on no manifest row of their owner.

    An identifier is a number of a known scheme whose check digit holds, or one that the manifest of
    this window gives to another parcel. Product codes (EAN, UPC) and anything else printed on goods
    are none.
    """
    codes = _codes(evidence.findings)
    # Most labels are the parcel's own, letter for letter; the others are compared with everything.
    own = evidence.owners("parcel").select(*_OWNER, pl.col("tracking_number").alias("text"))
    others = codes.join(own, on=[*_OWNER, "text"], how="anti")
    # Usually there are no others, and listing every number of every row takes a while.
    strangers = (
        others
        if others.is_empty()
        else others.join(_listed(evidence, others), on=[*_OWNER, "number"], how="anti")
    )
    elsewhere = _given_to(evidence, strangers)
    suspects = strangers.join(elsewhere, on="number", how="left").filter(
        pl.col("is_identifier") | pl.col("given_to").is_not_null()
    )
    # Its own row may be the one that could not be read.
    unsure = (
        pl.lit(evidence.rejected_parcel_rows > 0)
        & (pl.col("owner_kind") == "carton")
        & pl.col("given_to").is_null()
    )
    return Outcome(
        findings=as_findings(_findings(suspects.filter(~unsure), parameters)),
        not_assessed=_not_read(evidence, codes, suspects.filter(unsure)),
    )


def _codes(findings: pl.DataFrame) -> pl.DataFrame:
    """Each number read on an owner once, where it was read first, and whether it identifies."""
    read = findings.filter(
        (pl.col("source") == "photo.codes") & pl.col("text").is_not_null()
    ).with_columns(normalised(pl.col("text")).alias("number"))
    read = read.with_columns(
        check_holds(read["number"]).alias("holds"),
        air_waybill_holds(read["number"]).alias("bill_holds"),
    )
    symbology = pl.col("code").str.strip_prefix("code.").str.to_uppercase()
    product = symbology.str.replace_all(r"[^A-Z]", "").str.contains_any(list(_PRODUCT_CODES))
    number = pl.col("number")
    # Any eleven digits may look like a bill by chance; those written like one are meant as one.
    written = pl.col("text").str.contains(r"^\s*\d{3}[- ]\d{4}")
    identifies = (
        pl.col("holds").fill_null(value=False)
        | (pl.col("bill_holds") & written).fill_null(value=False)
        | number.str.contains(_RECEPTACLE)
    )
    return (
        read.filter(number.is_not_null() & ~product)
        .with_columns(identifies.alias("is_identifier"))
        .sort(*_OWNER, "number", "image_path", "text", nulls_last=True)
        .unique([*_OWNER, "number"], keep="first", maintain_order=True)
        .select(*_OWNER, "number", "text", "image_path", "box_xyxy", "is_identifier")
    )


def _listed(evidence: Evidence, codes: pl.DataFrame) -> pl.DataFrame:
    """Numbers that the manifest lists for each owner of `codes`: owner_id, owner_kind, number."""
    parcels, cartons = evidence.owners("parcel"), evidence.owners("carton")
    inside = parcels.filter(pl.col("carton_id").is_not_null())
    in_carton = inside.with_columns(
        pl.col("carton_id").alias("owner_id"), pl.lit("carton").alias("owner_kind")
    )
    around = inside.select(*_OWNER, "carton_id").join(
        cartons.drop(*_OWNER), on="carton_id", how="inner"
    )
    lists = (
        (parcels, _PARCEL_COLUMNS),
        (cartons, _CARTON_COLUMNS),
        (in_carton, _PARCEL_COLUMNS),
        (around, _CARTON_COLUMNS),
    )
    parts = []
    for rows, columns in lists:
        asked = rows.join(codes.select(_OWNER).unique(), on=_OWNER, how="semi")
        parts.append(_numbers(asked, columns))
    return pl.concat(parts)


def _numbers(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Every number in `columns` of `rows`: owner_id, owner_kind, number."""
    return (
        rows.unpivot(columns, index=_OWNER, value_name="text")
        .select(*_OWNER, normalised(pl.col("text")).alias("number"))
        .filter(pl.col("number").is_not_null())
    )


def _given_to(evidence: Evidence, strangers: pl.DataFrame) -> pl.DataFrame:
    """The parcel that the manifest gives each of the strangers' numbers to: number, given_to."""
    parcels = evidence.owners("parcel")
    if strangers.is_empty():  # the usual case, and the numbers of a whole window take a while
        parcels = parcels.clear()
    # Short numbers (a house bill "17") turn up in any code by chance.
    return (
        _numbers(parcels, _OWN_NUMBERS)
        .filter(pl.col("number").str.len_chars() >= 8)
        .group_by("number")
        .agg(pl.col("owner_id").min().alias("given_to"))
    )


def _findings(suspects: pl.DataFrame, parameters: LabelParameters) -> pl.DataFrame:
    counted = suspects.with_columns(pl.len().over(_OWNER).alias("labels"))
    many, shown = pl.col("labels") > 1, quoted(pl.col("text"))
    thing = (
        pl.when(pl.col("owner_kind") == "parcel").then(pl.lit("parcel")).otherwise(pl.lit("carton"))
    )
    head = (
        pl.when(many)
        .then(pl.format("A photo shows {}, one of {} identifiers", shown, pl.col("labels")))
        .otherwise(pl.format("A photo shows the identifier {}", shown))
    )
    tail = (
        pl.when(pl.col("given_to").is_null())
        .then(pl.lit(""))
        .otherwise(pl.format("; the manifest gives it to parcel {}", pl.col("given_to")))
    )
    rows = counted.select(
        *_OWNER,
        pl.lit(LABEL).alias("code"),
        pl.format("{} that the manifest does not list for this {}{}.", head, thing, tail).alias(
            "sentence"
        ),
        pl.col("labels").alias("observed"),
        pl.lit(0.0).alias("expected"),
        pl.lit("identifiers").alias("unit"),
        "text",
        "image_path",
        "box_xyxy",
    )
    ratios = parameters.unlisted.ratios(counted["labels"].to_numpy().astype(float))
    factor = counted.select(
        pl.when(pl.col("given_to").is_null()).then(1.0).otherwise(parameters.listed_elsewhere)
    ).to_series()
    return with_ratio(rows, ratios * factor.to_numpy())


def _not_read(evidence: Evidence, codes: pl.DataFrame, unsure: pl.DataFrame) -> pl.DataFrame:
    """Owners on which no label could be looked for, and cartons that cannot be decided."""
    photos = evidence.feed.images.filter(pl.col("kind") == "photo").select(
        *_OWNER, pl.lit(value=True).alias("has_photo")
    )
    quality = pl.col("code")
    poor = (
        evidence.findings.filter(pl.col("source") == "photo.quality")
        .group_by(_OWNER)
        .agg((quality == "quality.poor").all().alias("poor"))
    )
    owners = pl.concat(
        [evidence.owners("parcel").select(_OWNER), evidence.owners("carton").select(_OWNER)]
    )
    unread = (
        with_reasons(owners, evidence, "photo.codes")
        .join(photos.unique(), on=_OWNER, how="left")
        .join(poor, on=_OWNER, how="left")
        .join(codes.select(_OWNER).unique(), on=_OWNER, how="anti")
        .filter(
            pl.col("has_photo").is_null()
            | pl.col("detector_reason").is_not_null()
            | pl.col("poor").fill_null(value=False)
        )
    )
    reason = (
        pl.when(pl.col("has_photo").is_null())
        .then(pl.lit("no photo"))
        .when(pl.col("detector_reason").is_not_null())
        .then(pl.col("detector_reason"))
        .otherwise(pl.lit("no photo is good enough to read a label"))
    )
    undecided = pl.format(
        "a photo shows {}, which may stand on a parcel row that could not be read",
        quoted(pl.col("text")),
    )
    return pl.concat(
        [
            as_not_assessed(unread, LABEL, reason),
            as_not_assessed(
                unsure.unique(_OWNER, keep="first", maintain_order=True), LABEL, undecided
            ),
        ]
    )
