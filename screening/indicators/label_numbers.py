"""Numbers read on photos of parcels and cartons, and those that the manifest lists for them."""

from collections.abc import Sequence
from functools import cache
from typing import Final, Literal

import polars as pl
from rapidfuzz.distance import Levenshtein

from parcelscope.datasets.records import FINDING_SCHEMA
from parcelscope.screening.indicators.check_digits import (
    air_waybill_holds,
    check_holds,
    normalised,
)
from parcelscope.screening.indicators.evidence import Evidence, with_reasons

Reader = Literal["photo.codes", "photo.text"]
ADDRESS: Final = "text.address"
NOT_READ: Final = "no label was read as text"
OWNER: Final = ["owner_id", "owner_kind"]

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


def numbers_read(findings: pl.DataFrame, reader: Reader) -> pl.DataFrame:
    """Each number that `reader` read on an owner once, where it was read first.

    Returns:
        owner_id, owner_kind, number (as numbers are compared), text, image_path, box_xyxy, observed
        (the reader's confidence, of text alone), and `is_identifier`: whether it is a number of a
        known scheme whose check digit holds. Product codes are left out.
    """
    read = findings.filter(
        (pl.col("source") == reader) & pl.col("text").is_not_null() & (pl.col("code") != ADDRESS)
    )
    if read.is_empty():
        return _none_read()
    read = read.with_columns(normalised(pl.col("text")).alias("number"))
    read = read.with_columns(
        check_holds(read["number"]).alias("holds"),
        air_waybill_holds(read["number"]).alias("bill_holds"),
    )
    symbology = pl.col("code").str.replace(r"^(?:code|text)\.", "").str.to_uppercase()
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
        .sort(*OWNER, "number", "image_path", "text", nulls_last=True)
        .unique([*OWNER, "number"], keep="first", maintain_order=True)
        .select(*OWNER, "number", "text", "image_path", "box_xyxy", "observed", "is_identifier")
    )


@cache
def _none_read() -> pl.DataFrame:
    kept = {name: FINDING_SCHEMA[name] for name in ("text", "image_path", "box_xyxy", "observed")}
    texts = dict.fromkeys((*OWNER, "number"), pl.String())
    return pl.DataFrame(schema={**texts, **kept, "is_identifier": pl.Boolean()})


def unlisted(evidence: Evidence, numbers: pl.DataFrame) -> pl.DataFrame:
    """Those of `numbers` that the manifest does not list for their owner.

    Returns:
        Their columns, and `given_to`: the parcel that the manifest gives the number to, if any.
    """
    if numbers.is_empty():
        return _given_to_nobody(numbers)
    # Most labels are the parcel's own, letter for letter; the others are compared with everything.
    own = evidence.owners("parcel").select(*OWNER, pl.col("tracking_number").alias("text"))
    others = numbers.join(own, on=[*OWNER, "text"], how="anti")
    # Usually there are no others, and listing every number of every row takes a while.
    if others.is_empty():
        return _given_to_nobody(others)
    strangers = others.join(listed(evidence, others), on=[*OWNER, "number"], how="anti")
    if strangers.is_empty():
        return _given_to_nobody(strangers)
    return strangers.join(_given_to(evidence), on="number", how="left")


def _given_to_nobody(strangers: pl.DataFrame) -> pl.DataFrame:
    return strangers.with_columns(pl.lit(None, pl.String).alias("given_to"))


def listed(evidence: Evidence, owners: pl.DataFrame) -> pl.DataFrame:
    """Numbers that the manifest lists for each of `owners`: owner_id, owner_kind, number."""
    parcels, cartons = evidence.owners("parcel"), evidence.owners("carton")
    inside = parcels.filter(pl.col("carton_id").is_not_null())
    in_carton = inside.with_columns(
        pl.col("carton_id").alias("owner_id"), pl.lit("carton").alias("owner_kind")
    )
    around = inside.select(*OWNER, "carton_id").join(
        cartons.drop(*OWNER), on="carton_id", how="inner"
    )
    lists = (
        (parcels, _PARCEL_COLUMNS),
        (cartons, _CARTON_COLUMNS),
        (in_carton, _PARCEL_COLUMNS),
        (around, _CARTON_COLUMNS),
    )
    these, parts = owners.select(OWNER).unique(), []
    for rows, columns in lists:
        asked = rows.join(these, on=OWNER, how="semi")
        if not asked.is_empty():
            parts.append(_numbers(asked, columns))
    return pl.concat([_no_numbers(), *parts])


@cache
def _no_numbers() -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys((*OWNER, "number"), pl.String()))


def without_misreadings(
    numbers: pl.DataFrame, known: pl.DataFrame, *, most_edits: int
) -> pl.DataFrame:
    """`numbers` without those that may be one of the `known` numbers of the owner, misread.

    Args:
        numbers: With owner_id, owner_kind, number and given_to; a number that the manifest gives to
            another parcel, to the letter, is no misreading.
        known: owner_id, owner_kind, number.
        most_edits: Characters that a reader may get wrong, leave out or see twice.
    """
    if numbers.is_empty():
        return numbers
    doubtful = numbers.filter(pl.col("given_to").is_null()).select(*OWNER, "number")
    pairs = doubtful.join(known.unique(), on=OWNER, how="inner", suffix="_known")
    # As many as labels with a foreign number: few.
    near = [
        Levenshtein.distance(one, other, score_cutoff=most_edits) <= most_edits
        for one, other in pairs.select("number", "number_known").iter_rows()
    ]
    misread = pairs.filter(pl.Series(near, dtype=pl.Boolean))
    return numbers.join(misread, on=[*OWNER, "number"], how="anti")


def unread(evidence: Evidence, numbers: pl.DataFrame, reader: Reader) -> pl.DataFrame:
    """Owners on which `reader` could not look for numbers, or read none because of poor photos.

    Args:
        evidence: The window.
        numbers: What it read, as `numbers_read` gives it.
        reader: Which of the two.

    Returns:
        owner_id, owner_kind, reason.
    """
    photos = evidence.feed.images.filter(pl.col("kind") == "photo").select(
        *OWNER, pl.lit(value=True).alias("has_photo")
    )
    poor = (
        evidence.findings.filter(pl.col("source") == "photo.quality")
        .group_by(OWNER)
        .agg((pl.col("code") == "quality.poor").all().alias("poor"))
    )
    owners = pl.concat(
        [evidence.owners("parcel").select(OWNER), evidence.owners("carton").select(OWNER)]
    )
    rows = (
        with_reasons(owners, evidence, reader)
        .join(photos.unique(), on=OWNER, how="left")
        .join(poor, on=OWNER, how="left")
        .join(numbers.select(OWNER).unique(), on=OWNER, how="anti")
    )
    rows = _with_looked_at(rows, evidence, reader)
    no_photo, why = pl.col("has_photo").is_null(), pl.col("detector_reason")
    reason = (
        pl.when(no_photo)
        .then(pl.lit("no photo"))
        .when(why.is_not_null())
        .then(why)
        .when(pl.col("looked_at").is_null())
        .then(pl.lit(NOT_READ))
        .when(pl.col("poor").fill_null(value=False))
        .then(pl.lit("no photo is good enough to read a label"))
    )
    return rows.select(*OWNER, reason.alias("reason")).drop_nulls("reason")


def _with_looked_at(rows: pl.DataFrame, evidence: Evidence, reader: Reader) -> pl.DataFrame:
    """`rows` with `looked_at`: true where `reader` read the owner's photos, whatever it found."""
    true = pl.lit(value=True).alias("looked_at")
    if reader == "photo.codes":  # codes are looked for on every photo
        return rows.with_columns(true)
    # Text only where it was asked for; the reader then says so of every photo.
    said = evidence.findings.filter(pl.col("source") == reader).select(OWNER).unique()
    return rows.join(said.with_columns(true), on=OWNER, how="left")


def _numbers(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Every number in `columns` of `rows`: owner_id, owner_kind, number."""
    return (
        rows.unpivot(columns, index=OWNER, value_name="text")
        .select(*OWNER, normalised(pl.col("text")).alias("number"))
        .filter(pl.col("number").is_not_null())
    )


def _given_to(evidence: Evidence) -> pl.DataFrame:
    """The parcel that the manifest gives each number to: number, given_to."""
    parcels = evidence.owners("parcel")
    # Short numbers (a house bill "17") turn up in any code by chance.
    return (
        _numbers(parcels, _OWN_NUMBERS)
        .filter(pl.col("number").str.len_chars() >= 8)
        .group_by("number")
        .agg(pl.col("owner_id").min().alias("given_to"))
    )
