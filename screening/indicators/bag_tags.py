"""U15: cartons and bags without a seal or tag where others have one, or with tags mixed.

A seal that stands on two cartons is U6's.
"""

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
from parcelscope.screening.indicators.wording import counted, plain, quoted

MISSING = "U15.missing"
MIXED = "U15.mixed"

_GROUP = ("facility", "lane")


class BagTagParameters(BaseModel, frozen=True, extra="forbid"):
    """U15: seals and tags of bags and consolidators."""

    missing: Grades
    """By the share of comparable cartons that have a seal or tag."""
    min_rows: int = Field(ge=5)
    """Fewer comparable cartons in the window: not assessed."""
    mixed: Grades
    """By the number of receptacles, beside the carton's own, that its parcels name."""


def odd_bag_tags(evidence: Evidence, parameters: BagTagParameters) -> Outcome:
    """U15.missing and U15.mixed: no seal where nearly all have one; parcels tagged for others.

    Cartons are compared with those of the same facility and lane: where few carry a seal, a missing
    one says nothing, and it is not assessed.
    """
    if evidence.feed.cartons.is_empty():  # a parcel scored by itself is the usual case
        return merged([])
    return merged([_missing(evidence, parameters), _mixed(evidence, parameters)])


def _missing(evidence: Evidence, parameters: BagTagParameters) -> Outcome:
    rows = with_usual_share(
        evidence.owners("carton").select("owner_id", "owner_kind", *_GROUP, "seal_id"),
        normalised(pl.col("seal_id")).is_not_null(),
        _GROUP,
    )
    share = pl.col("usual_share")
    few = pl.col("usual_rows") < parameters.min_rows
    unusual = share < parameters.missing.at[0]
    bare = rows.filter(~pl.col("has"))
    fired = bare.filter(~few & ~unusual)
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                "owner_id",
                "owner_kind",
                pl.lit(MISSING).alias("code"),
                pl.format(
                    "The manifest gives no seal or tag; {} % of comparable cartons have one.",
                    plain(share * 100, 1),
                ).alias("sentence"),
                pl.lit(0.0).alias("observed"),
                pl.lit(1.0).alias("expected"),
                pl.lit("seals").alias("unit"),
            ),
            parameters.missing.ratios(fired["usual_share"].to_numpy()),
        ),
    )
    reason = (
        pl.when(few)
        .then(pl.lit(f"fewer than {parameters.min_rows} comparable cartons in this window"))
        .otherwise(
            pl.format("only {} % of comparable cartons have a seal or tag", plain(share * 100, 1))
        )
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(bare.filter(few | unusual), MISSING, reason),
    )


def _mixed(evidence: Evidence, parameters: BagTagParameters) -> Outcome:
    keys = ["owner_id", "owner_kind"]
    own = evidence.owners("carton").select(
        *keys, "carton_id", normalised(pl.col("receptacle_id")).alias("own")
    )
    tags = (
        evidence.feed.parcels.filter(pl.col("carton_id").is_not_null())
        .select("carton_id", normalised(pl.col("receptacle_id")).alias("tag"), "receptacle_id")
        .drop_nulls("tag")
    )
    tagged = own.join(tags, on="carton_id", how="inner")
    # A carton without a tag of its own is held to the one that most of its parcels name.
    usual = (
        tagged.group_by("owner_id", "tag")
        .len()
        .sort("owner_id", "len", "tag", descending=[False, True, False])
        .unique("owner_id", keep="first", maintain_order=True)
        .select("owner_id", pl.col("tag").alias("usual_tag"))
    )
    strange = (
        tagged.join(usual, on="owner_id", how="left")
        .filter(pl.col("tag") != pl.coalesce("own", "usual_tag"))
        .group_by(keys)
        .agg(
            pl.col("tag").n_unique().alias("others"),
            pl.col("receptacle_id").min().alias("text"),
            pl.len().alias("parcels"),
        )
        .sort("owner_id")
    )
    findings = findings_of(
        strange,
        lambda: with_ratio(
            strange.select(
                *keys,
                pl.lit(MIXED).alias("code"),
                pl.format(
                    "{} tagged for another receptacle than this carton, such as {}.",
                    pl.when(pl.col("parcels") == 1)
                    .then(pl.lit("1 parcel row is"))
                    .otherwise(pl.format("{} are", counted(pl.col("parcels"), "parcel row"))),
                    quoted(pl.col("text")),
                ).alias("sentence"),
                pl.col("others").alias("observed"),
                pl.lit(0.0).alias("expected"),
                pl.lit("receptacles").alias("unit"),
                "text",
            ),
            parameters.mixed.ratios(strange["others"].to_numpy().astype(float)),
        ),
    )
    untagged = own.join(tagged.select("owner_id").unique(), on="owner_id", how="anti")
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(
            untagged, MIXED, pl.lit("no parcel row of the carton names a receptacle")
        ),
    )
