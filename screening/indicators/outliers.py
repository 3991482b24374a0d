"""U11: a scan unlike those of the parcels that it came with, or that declare the same."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    with_ratio,
)
from parcelscope.screening.indicators.wording import plain, quoted

OUTLIER: Final = "U11.outlier"
_OWNER: Final = ["owner_id", "owner_kind"]
_MAD_TO_SIGMA: Final = 1.4826
_LEAST_DISTANCE: Final = 1e-4
GROUPS: Final = {
    "carton_id": "master carton",
    "house_bill": "house bill",
    "master_bill": "master bill",
    "receptacle_id": "receptacle",
    "hs4": "HS heading",
}
"""What makes parcels comparable, and how it is called."""


class OutlierParameters(BaseModel, frozen=True, extra="forbid"):
    """U11: a scan against those of the same bill, bag or heading."""

    grades: Grades
    """By robust z of the logarithm of the distance; the first is where it fires."""
    min_scans: int = Field(ge=5)
    """Fewer comparable scans in a group: not assessed."""
    min_spread: float = Field(gt=0)
    """Robust spread of ln(distance) that is assumed at least, so that a group of equal parcels
    does not make the next one an outlier."""


def scans_unlike_group(evidence: Evidence, parameters: OutlierParameters) -> Outcome:
    """U11.outlier: parcels whose scan lies far from those of their group.

    The measure is the sum of the cosine distances to all scans of the group, by a robust z; it
    takes no model of what a kind of goods looks like, only the parcels at hand. Of several groups
    and scans the one in which a parcel stands out most speaks for it.
    """
    parcels = evidence.owners("parcel").select(
        *_OWNER,
        *(name for name in GROUPS if name != "hs4"),
        pl.col("hs_code").str.replace_all(r"\D", "").str.slice(0, 4).alias("hs4"),
    )
    scans = _scans(evidence)
    judged = _judged(scans.join(parcels, on=_OWNER, how="inner"), parameters)
    most = judged.sort(
        *_OWNER, "z", "group", "image_path", descending=[False, False, True, False, False]
    ).unique(_OWNER, keep="first", maintain_order=True)
    fired = most.filter(pl.col("z") >= parameters.grades.at[0])
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                *_OWNER,
                pl.lit(OUTLIER).alias("code"),
                pl.format(
                    "Its scan is unlike the {} others of its {} ({}): {} spreads beyond the usual"
                    " distance between them.",
                    pl.col("scans") - 1,
                    pl.col("group").replace_strict(GROUPS),
                    quoted(pl.col("key")),
                    plain(pl.col("z"), 1),
                ).alias("sentence"),
                pl.col("distance").alias("observed"),
                pl.col("usual").alias("expected"),
                pl.lit("mean cosine distance").alias("unit"),
                pl.format("{} {}", pl.col("group"), pl.col("key")).alias("text"),
                "image_path",
            ),
            parameters.grades.ratios(fired["z"].to_numpy()),
        ),
    )
    described = scans.select(*_OWNER, pl.lit(value=True).alias("described")).unique()
    rest = parcels.select(_OWNER).join(most.select(_OWNER), on=_OWNER, how="anti")
    reason = (
        pl.when(pl.col("described"))
        .then(
            pl.lit(
                f"fewer than {parameters.min_scans} comparable scans of the same bill, bag,"
                " carton or HS heading"
            )
        )
        .otherwise(pl.lit("no scan of it could be described"))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(rest.join(described, on=_OWNER, how="left"), OUTLIER, reason),
    )


def _scans(evidence: Evidence) -> pl.DataFrame:
    """The described scans on arrival with their view; one row for each."""
    images = evidence.feed.images.select(
        *_OWNER, pl.col("path").alias("image_path"), "view", "station"
    ).unique([*_OWNER, "image_path"], keep="any")
    return (
        evidence.embeddings.join(images, on=[*_OWNER, "image_path"], how="inner")
        .filter(pl.col("station").fill_null("arrival") != "origin")
        .with_columns(pl.col("view").fill_null(""))
        # The same sums in any order of the rows.
        .sort(*_OWNER, "image_path")
    )


def _judged(scans: pl.DataFrame, parameters: OutlierParameters) -> pl.DataFrame:
    """Each scan in each of its groups that is large enough: columns as `_JUDGED`."""
    if scans.height < parameters.min_scans:
        return _JUDGED
    parts = [_JUDGED]
    for group in GROUPS:
        known = scans.filter(pl.col(group).fill_null("") != "")
        large = known.filter(pl.len().over(group, "view", "version") >= parameters.min_scans)
        for part in _parts(large, [group, "view", "version"]):
            distance, usual, z = _distances(part, parameters.min_spread)
            parts.append(
                part.select(
                    *_OWNER,
                    "image_path",
                    pl.lit(group).alias("group"),
                    pl.col(group).alias("key"),
                    pl.lit(part.height).cast(pl.Int64).alias("scans"),
                    pl.Series("distance", distance),
                    pl.lit(usual).alias("usual"),
                    pl.Series("z", z),
                )
            )
    return pl.concat(parts)


_JUDGED: Final = pl.DataFrame(
    schema={
        "owner_id": pl.String(),
        "owner_kind": pl.String(),
        "image_path": pl.String(),
        "group": pl.String(),
        "key": pl.String(),
        "scans": pl.Int64(),
        "distance": pl.Float64(),
        "usual": pl.Float64(),
        "z": pl.Float64(),
    }
)


def _parts(rows: pl.DataFrame, keys: list[str]) -> Iterator[pl.DataFrame]:
    if not rows.is_empty():
        yield from rows.partition_by(keys, maintain_order=True)


def _distances(
    part: pl.DataFrame, min_spread: float
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Mean cosine distance of each scan to the others (N,), the usual one, and z (N,).

    The sum of all vectors gives every mean at once: linear in the number of scans.
    """
    vectors = np.array(part["vector"].to_list(), np.float64)  # (N, D), of length one
    count = len(vectors)
    # Column by column: a matrix product's last bit may depend on how many rows there are.
    alike = (vectors * vectors.sum(axis=0)).sum(axis=1) - (vectors * vectors).sum(axis=1)
    distance = np.maximum(1 - alike / (count - 1), _LEAST_DISTANCE)
    logs = np.log(distance)
    middle = float(np.median(logs))
    spread = max(_MAD_TO_SIGMA * float(np.median(np.abs(logs - middle))), min_spread)
    return distance, float(np.exp(middle)), (logs - middle) / spread
