"""What is said about a parcel or master carton: findings, and what could not be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal

import polars as pl

OwnerKind = Literal["parcel", "carton"]

ONE_ENERGY: Final = "estimated from one energy"
"""Text of a `mass.total` that physics could not weigh, for want of the other energy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one detector or indicator reports on one parcel or master carton."""

    owner_id: str
    owner_kind: OwnerKind
    source: str
    """Detector or indicator family, such as `xray.items` or `indicator`."""
    code: str
    """What was found, such as `item.knife`, `pieces.count` or `U1.count`."""
    sentence: str
    """One sentence for the analyst, in words of difference, never of guilt."""
    score: float | None = None
    """Strength, 0 to 1, higher is more unusual; None where the finding is a measurement."""
    p_value: float | None = None
    """Share of genuine calibration scans that score at least as high, 0 to 1."""
    likelihood_ratio: float | None = None
    """How much more often violative parcels show this than compliant ones do."""
    observed: float | None = None
    observed_low: float | None = None
    observed_high: float | None = None
    """Lower and upper end of the band of `observed`, in `unit`."""
    expected: float | None = None
    """What the manifest or the scale says, in `unit`."""
    unit: str | None = None
    text: str | None = None
    """What was read (a barcode, a description), where the finding is about text."""
    image_path: str | None = None
    """The image it was seen in, relative to the feed."""
    box_xyxy: tuple[float, float, float, float] | None = None
    """(x0, y0, x1, y1) in pixels of the full-size image."""
    is_calibrated: bool | None = None
    """Whether compliant scans of this very scanner stand behind the p-value, share or band; None
    where it does not depend on the scanner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAssessed:
    """A check that could not be made on a parcel or carton, and why. Never a score of zero."""

    owner_id: str
    owner_kind: OwnerKind
    check: str
    """The detector or indicator, such as `xray.items` or `U3.mass`."""
    reason: str


FINDING_COLUMNS = tuple(field.name for field in fields(Finding))


def findings_frame(findings: Sequence[Finding]) -> pl.DataFrame:
    """`findings` as a table, one row each, columns as the fields of `Finding`."""
    rows = [
        {
            name: list(value) if isinstance(value := getattr(finding, name), tuple) else value
            for name in FINDING_COLUMNS
        }
        for finding in findings
    ]
    return pl.DataFrame(rows, schema=FINDING_SCHEMA, orient="row")


FINDING_SCHEMA: dict[str, pl.DataType] = {
    name: (
        pl.List(pl.Float64())
        if name == "box_xyxy"
        else pl.String()
        if name in {"owner_id", "owner_kind", "source", "code", "sentence", "unit", "text"}
        or name == "image_path"
        else pl.Boolean()
        if name == "is_calibrated"
        else pl.Float64()
    )
    for name in FINDING_COLUMNS
}

NOT_ASSESSED_SCHEMA: dict[str, pl.DataType] = {
    field.name: pl.String() for field in fields(NotAssessed)
}


def not_assessed_frame(rows: Sequence[NotAssessed]) -> pl.DataFrame:
    """`rows` as a table, columns as the fields of `NotAssessed`."""
    return pl.DataFrame(
        [{name: getattr(row, name) for name in NOT_ASSESSED_SCHEMA} for row in rows],
        schema=NOT_ASSESSED_SCHEMA,
        orient="row",
    )
