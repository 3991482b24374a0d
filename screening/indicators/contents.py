"""U16: goods declared of a family that the X-ray lends no support to."""

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.goods_families import GoodsFamilies, load_goods_families
from parcelscope.screening.indicators.bands import masses_on_arrival
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    with_reasons,
)
from parcelscope.screening.indicators.wording import grams, plain, quoted

CONTENTS = "contents.contradicts"
DETECTOR = "xray.contents"
SUPPORT = "contents.support"
MATERIAL = "contents.material"
_OWNER = ["owner_id", "owner_kind"]
_SLICE_ROWS = 500_000
"""Findings that are searched at a time."""


class ContentsParameters(BaseModel, frozen=True, extra="forbid"):
    """U16: goods that the X-ray lends no support to."""

    max_p_value: float = Field(default=0.05, gt=0, lt=1)
    """Share of compliant parcels declared alike that show as little of it, up to which it is
    reported."""


def contents_contradict(evidence: Evidence, parameters: ContentsParameters) -> Outcome:
    """contents.contradicts: parcels that show less of what they declare than compliant ones do.

    A parcel is held to every family that it declares: only where the scan supports none of them is
    it reported. What the scan shows instead is told as material, never as goods.
    """
    parcels = with_reasons(
        evidence.owners("parcel").select(*_OWNER, "hs_code", "description"), evidence, DETECTOR
    )
    declared = _declared(parcels, load_goods_families()).explode("families")
    declared = declared.rename({"families": "family"})
    support, seen = _support(evidence.findings, declared)
    judged = (
        declared.join(support, on=[*_OWNER, "family"], how="left")
        .group_by(_OWNER)
        .agg(
            pl.col("family").drop_nulls().sort(),
            pl.col("family")
            .filter(pl.col("p_value").is_null())
            .drop_nulls()
            .min()
            .alias("unknown"),
            pl.col("p_value").max(),
            pl.col("image_path").min(),
        )
    )
    rows = parcels.join(judged, on=_OWNER, how="left").join(seen, on=_OWNER, how="left")
    named = (pl.col("family").list.len() > 0).fill_null(value=False)
    comparable = named & pl.col("seen").fill_null(value=False) & pl.col("unknown").is_null()
    fired = rows.filter(comparable & (pl.col("p_value") <= parameters.max_p_value))
    reason = (
        pl.when(~named)
        .then(pl.lit("the declaration names no family of goods that is known"))
        .when(pl.col("seen").is_null())
        .then(pl.col("detector_reason").fill_null("no model looked at its contents"))
        .otherwise(pl.format("what scans show of {} is not known to the model", pl.col("unknown")))
    )
    return Outcome(
        findings=findings_of(fired, lambda: _worded(fired, evidence)),
        not_assessed=as_not_assessed(rows.filter(~comparable), CONTENTS, reason),
    )


def _support(findings: pl.DataFrame, declared: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What scans show of the families that were declared, and which parcels a model looked at.

    Args:
        findings: Columns as `FINDING_SCHEMA`.
        declared: owner_id, owner_kind, family.

    Returns:
        owner_id, owner_kind, family, p_value, image_path, once each; and owner_id, owner_kind,
        seen.
    """
    told = findings.select(
        *_OWNER,
        "code",
        pl.col("text").alias("family"),
        pl.col("observed").alias("p_value"),
        "image_path",
    )
    # Of a long window these are many rows, most of families that nobody declared: slice by slice.
    kept, seen = [], []
    for some in told.iter_slices(_SLICE_ROWS) if told.height > _SLICE_ROWS else (told,):
        supporting = some.filter(pl.col("code") == SUPPORT).drop("code")
        seen.append(supporting.select(_OWNER).unique())
        kept.append(supporting.join(declared, on=[*_OWNER, "family"], how="semi"))
    support = (
        pl.concat(kept)
        .group_by(*_OWNER, "family")
        # Several scans of one parcel: the one that shows most of the family speaks for it.
        .agg(pl.col("p_value").max(), pl.col("image_path").min())
    )
    owners = pl.concat(seen).unique() if len(seen) > 1 else seen[0]
    return support, owners.with_columns(pl.lit(value=True).alias("seen"))


def _declared(parcels: pl.DataFrame, table: GoodsFamilies) -> pl.DataFrame:
    """owner_id, owner_kind, families: what each parcel declares, by the table."""
    # Windows repeat themselves: look each wording up once.
    wordings = parcels.select("hs_code", "description").unique()
    families = [list(table.declared(hs, text)) for hs, text in wordings.iter_rows()]
    known = wordings.with_columns(pl.Series("families", families, dtype=pl.List(pl.String())))
    return parcels.join(known, on=["hs_code", "description"], how="left", nulls_equal=True).select(
        *_OWNER, "families"
    )


def _worded(fired: pl.DataFrame, evidence: Evidence) -> pl.DataFrame:
    """One finding for each parcel, with what its scans show in material."""
    shares = (
        evidence.findings.select(*_OWNER, "code", "text", "observed")
        .filter(pl.col("code") == MATERIAL)
        .group_by(*_OWNER, "text")
        .agg(pl.col("observed").mean())
        .pivot(on="text", on_columns=["organic", "metal-like", "opaque"], values="observed")
    )
    mass = masses_on_arrival(evidence).select(
        *_OWNER, ((pl.col("low") + pl.col("high")) / 2).alias("mass_g")
    )
    rows = fired.join(shares, on=_OWNER, how="left").join(mass, on=_OWNER, how="left")
    dense = pl.col("metal-like") + pl.col("opaque")
    by_mass = pl.format(
        "About {} of the {} on the scan is metal-like or opaque, {} organic.",
        grams(pl.col("mass_g") * dense),
        grams(pl.col("mass_g")),
        grams(pl.col("mass_g") * pl.col("organic")),
    )
    by_share = pl.format(
        "About {} % of what the scan shows is metal-like or opaque, {} % organic.",
        plain(dense * 100, 0),
        plain(pl.col("organic") * 100, 0),
    )
    description = pl.col("description").str.strip_chars()
    words = (
        pl.when(description.fill_null("") != "")
        .then(pl.format(' ("{}")', quoted(pl.col("description"))))
        .otherwise(pl.lit(""))
    )
    return rows.select(
        *_OWNER,
        pl.lit(CONTENTS).alias("code"),
        pl.concat_str(
            pl.format(
                "Declared as {}{}; {} % of compliant parcels declared so show as little of it.",
                pl.col("family").list.join(" and "),
                words,
                plain(pl.col("p_value") * 100, 1),
            ),
            pl.coalesce(by_mass, by_share),
            separator=" ",
            ignore_nulls=True,
        ).alias("sentence"),
        pl.col("p_value"),
        pl.col("description").alias("text"),
        "image_path",
    )
