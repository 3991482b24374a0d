"""U14: the scan at origin is not like the scan on arrival."""

from typing import Any, Final

import numpy as np
import polars as pl
from pydantic import BaseModel

from parcelscope.datasets.records import OwnerKind
from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
    with_reasons,
)
from parcelscope.screening.indicators.stations import with_station
from parcelscope.screening.indicators.wording import counted, plain

ORIGIN: Final = "U14.origin"
ORIGIN_COUNT: Final = "U14.count"
COMPARISON: Final = "xray.comparison"
WHOLE: Final = "comparison.whole"
SPOTS: Final = ("comparison.more", "comparison.less")
_OWNER: Final = ["owner_id", "owner_kind"]


class OriginParameters(BaseModel, frozen=True, extra="forbid"):
    """U14: the scan at origin against the one on arrival."""

    difference: Grades
    """By how often the difference exceeds what few untouched parcels reach; the first is where it
    fires."""
    count: Grades
    """By how many pieces the two counts miss each other."""


def origin_unlike_arrival(evidence: Evidence, parameters: OriginParameters) -> Outcome:
    """U14.origin and U14.count, on parcels and cartons that were scanned at both stations."""
    stations = _stations(evidence.feed.images)
    kinds: tuple[OwnerKind, ...] = ("parcel", "carton")
    owners = pl.concat([evidence.owners(kind).select(_OWNER) for kind in kinds])
    rows = with_reasons(owners, evidence, COMPARISON).join(stations, on=_OWNER, how="left")
    return merged([_differences(rows, evidence, parameters), _counts(rows, evidence, parameters)])


def _stations(images: pl.DataFrame) -> pl.DataFrame:
    """owner_id, owner_kind, origin, arrival: where each owner was scanned."""
    at = pl.col("station").fill_null("arrival")
    return (
        images.filter(pl.col("kind") == "scan")
        .group_by(_OWNER)
        .agg((at == "origin").any().alias("origin"), (at == "arrival").any().alias("arrival"))
    )


def _missing() -> pl.Expr:
    """Why an owner was not scanned at both stations; null where it was."""
    return (
        pl.when(pl.col("origin").is_null())
        .then(pl.lit("no scan"))
        .when(~pl.col("origin"))
        .then(pl.lit("no scan at origin"))
        .when(~pl.col("arrival"))
        .then(pl.lit("no scan on arrival"))
    )


def _differences(rows: pl.DataFrame, evidence: Evidence, parameters: OriginParameters) -> Outcome:
    seen = evidence.findings.filter(pl.col("source") == COMPARISON)
    whole = seen.filter(pl.col("code") == WHOLE).unique(_OWNER, keep="any")
    strength = pl.col("score") / (1 - pl.col("score")).clip(lower_bound=1e-6)
    judged = rows.join(whole.drop("likelihood_ratio"), on=_OWNER, how="left").with_columns(
        strength.alias("strength")
    )
    fired = judged.filter(pl.col("strength") >= parameters.difference.at[0]).sort(_OWNER)
    spots = {} if fired.is_empty() else _spots(seen)
    sentences = [_sentence(row, spots.get((row["owner_id"], row["owner_kind"]), []))
                 for row in fired.iter_rows(named=True)]  # fmt: skip
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                *_OWNER,
                pl.lit(ORIGIN).alias("code"),
                pl.Series("sentence", sentences, dtype=pl.String()),
                "observed",
                "observed_low",
                "observed_high",
                "expected",
                "unit",
                "text",
                "image_path",
                pl.Series(
                    "box_xyxy",
                    [
                        (spots.get((owner_id, kind)) or [{"box_xyxy": None}])[0]["box_xyxy"]
                        for owner_id, kind in fired.select(_OWNER).iter_rows()
                    ],
                    dtype=pl.List(pl.Float64()),
                ),
            ),
            parameters.difference.ratios(fired["strength"].to_numpy()),
        ),
    )
    unlaid = pl.col("text").str.ends_with("not laid over").fill_null(value=False)
    open_ones = judged.filter(
        pl.col("strength").is_null() | (unlaid & (pl.col("strength") < parameters.difference.at[0]))
    )
    reason = pl.coalesce(
        _missing(),
        pl.when(unlaid).then(pl.col("sentence")),
        "detector_reason",
        pl.lit("the two scans were not compared"),
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(open_ones, ORIGIN, reason),
    )


def _spots(seen: pl.DataFrame) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The places that differ on each owner, the strongest first."""
    spots: dict[tuple[str, str], list[dict[str, Any]]] = {}
    rows = seen.filter(pl.col("code").is_in(SPOTS)).sort(
        *_OWNER, "score", "sentence", descending=[False, False, True, False]
    )
    for row in rows.iter_rows(named=True):
        spots.setdefault((row["owner_id"], row["owner_kind"]), []).append(row)
    return spots


_WORDS: Final = {
    "more": "more is inside than at origin",
    "less": "less is inside than at origin",
    "rearranged": "about as much is inside as at origin, in other places",
}


def _sentence(row: dict[str, Any], spots: list[dict[str, Any]]) -> str:
    """What differs, and where most."""
    kind = str(row["text"]).split(",")[0]
    unit, low, high = row["unit"], row["observed_low"], row["observed_high"]
    told = (
        f"Against the scan at origin {_WORDS.get(kind, 'it differs')}"
        f" ({row['observed']:+.0f} {unit}, between {low:+.0f} and {high:+.0f})"
    )
    if str(row["text"]).endswith("not laid over"):
        return f"{told}; the scans could not be laid over each other."
    places = [
        f"{abs(spot['observed']):.0f} {unit} {'more' if spot['observed'] > 0 else 'less'}"
        f" at x {spot['box_xyxy'][0]:.0f} to {spot['box_xyxy'][2]:.0f},"
        f" y {spot['box_xyxy'][1]:.0f} to {spot['box_xyxy'][3]:.0f}"
        for spot in spots[:2]
    ]
    return f"{told}; {' and '.join(places)}." if places else f"{told}, spread over all of it."


def _counts(rows: pl.DataFrame, evidence: Evidence, parameters: OriginParameters) -> Outcome:
    """Cartons whose counts of pieces at the two stations do not meet."""
    cartons = rows.filter(pl.col("owner_kind") == "carton")
    if cartons.is_empty():
        return merged([])
    counted_in = with_station(
        evidence.findings.filter(pl.col("code") == "pieces.count"), evidence.feed.images
    )
    bands = counted_in.group_by(*_OWNER, "station").agg(
        pl.col("observed_low").min().ceil().alias("low"),
        pl.col("observed_high").max().floor().alias("high"),
    )
    joined = cartons
    for station in ("origin", "arrival"):
        one = bands.filter(pl.col("station") == station).select(
            *_OWNER, pl.col("low").alias(f"{station}_low"), pl.col("high").alias(f"{station}_high")
        )
        joined = joined.join(one, on=_OWNER, how="left")
    more = pl.col("arrival_low") - pl.col("origin_high")
    fewer = pl.col("origin_low") - pl.col("arrival_high")
    gap = pl.max_horizontal(more, fewer)
    both = pl.col("origin_low").is_not_null() & pl.col("arrival_low").is_not_null()
    fired = joined.with_columns(gap.alias("gap")).filter(
        both & (pl.col("gap") >= parameters.count.at[0])
    )
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                *_OWNER,
                pl.lit(ORIGIN_COUNT).alias("code"),
                pl.format(
                    "The scan on arrival shows {} to {}, the one at origin {} to {}.",
                    plain(pl.col("arrival_low"), 0),
                    counted(pl.col("arrival_high"), "piece"),
                    plain(pl.col("origin_low"), 0),
                    plain(pl.col("origin_high"), 0),
                ).alias("sentence"),
                ((pl.col("arrival_low") + pl.col("arrival_high")) / 2).alias("observed"),
                pl.col("arrival_low").alias("observed_low"),
                pl.col("arrival_high").alias("observed_high"),
                ((pl.col("origin_low") + pl.col("origin_high")) / 2).alias("expected"),
                pl.lit("pieces").alias("unit"),
            ),
            parameters.count.ratios(fired["gap"].to_numpy().astype(np.float64)),
        ),
    )
    reason = pl.coalesce(_missing(), pl.lit("no pieces were counted in one of the scans"))
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(joined.filter(~both), ORIGIN_COUNT, reason),
    )
