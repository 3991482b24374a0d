"""What an indicator looks at, and what it gives back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parcelscope.datasets.embeddings import embeddings_frame
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import FINDING_SCHEMA, NOT_ASSESSED_SCHEMA, OwnerKind
from parcelscope.datasets.sightings import Earlier
from parcelscope.screening.parties import Role, parties
from parcelscope.screening.standing import Standing

SOURCE = "indicator"
KEYS: dict[OwnerKind, str] = {"parcel": "parcel_id", "carton": "carton_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One closed window: its manifest tables, and what the detectors reported on it."""

    feed: Feed
    findings: pl.DataFrame
    """What the detectors found, columns as `FINDING_SCHEMA`."""
    not_assessed: pl.DataFrame
    """What they could not look at, columns as `NOT_ASSESSED_SCHEMA`."""
    standing: Standing | None = None
    """Policy packs and exchange rates; None where nobody gave any."""
    earlier: Earlier | None = None
    """What earlier windows saw of the numbers of this one; None where nobody kept a history."""
    embeddings: pl.DataFrame = field(default_factory=lambda: embeddings_frame(()))
    """Where each scan lies among all, columns as `EMBEDDING_SCHEMA`."""
    _parties: dict[Role, pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)
    _owners: dict[OwnerKind, pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    def parties(self, role: Role) -> pl.DataFrame:
        """Who each parcel is from or for, as `screening.parties` compares them; worked out once."""
        if role not in self._parties:
            self._parties[role] = parties(self.feed.parcels, role)
        return self._parties[role]

    def owners(self, kind: OwnerKind) -> pl.DataFrame:
        """The manifest rows of `kind`, their key as `owner_id` and their kind as `owner_kind`."""
        if kind not in self._owners:  # every indicator asks
            table = self.feed.parcels if kind == "parcel" else self.feed.cartons
            self._owners[kind] = table.with_columns(
                pl.col(KEYS[kind]).alias("owner_id"), pl.lit(kind).alias("owner_kind")
            )
        return self._owners[kind]

    @property
    def rejected_parcel_rows(self) -> int:
        """Parcel rows that could not be read, so that nothing is known of them."""
        return self.feed.rejected.filter(pl.col("table") == "parcels").height


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one indicator reports."""

    findings: pl.DataFrame
    """Columns as `FINDING_SCHEMA`."""
    not_assessed: pl.DataFrame
    """Columns as `NOT_ASSESSED_SCHEMA`."""


def merged(outcomes: Sequence[Outcome]) -> Outcome:
    """All of `outcomes` as one."""
    return Outcome(
        findings=pl.concat([_no_findings(), *(o.findings for o in outcomes)]),
        not_assessed=pl.concat([_nothing_silent(), *(o.not_assessed for o in outcomes)]),
    )


def as_findings(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the columns of a finding; those absent are null, and the source is ours."""
    if rows.is_empty():
        return _no_findings()
    given = set(rows.columns)
    return rows.select(
        pl.lit(SOURCE).alias(name)
        if name == "source"
        else pl.col(name).cast(dtype)
        if name in given
        else pl.lit(None, dtype).alias(name)
        for name, dtype in FINDING_SCHEMA.items()
    )


def findings_of(fired: pl.DataFrame, words: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """What `words` say of the rows that `fired`, as findings.

    Most indicators find nothing most of the time, and a sentence of ten parts costs as much to put
    together for no row as for a thousand: where nothing fired, `words` are not asked.
    """
    return _no_findings() if fired.is_empty() else as_findings(words())


@cache
def _no_findings() -> pl.DataFrame:
    # Made once: an empty table of many columns costs as much as a small computation.
    return pl.DataFrame(schema=FINDING_SCHEMA)


@cache
def _nothing_silent() -> pl.DataFrame:
    return pl.DataFrame(schema=NOT_ASSESSED_SCHEMA)


def as_not_assessed(rows: pl.DataFrame, check: str, reason: pl.Expr) -> pl.DataFrame:
    """One row for each of `rows` (with owner_id, owner_kind): `check` was not made, and why."""
    if rows.is_empty():
        return _nothing_silent()
    return rows.select(
        "owner_id",
        "owner_kind",
        pl.lit(check).alias("check"),
        reason.cast(pl.String).alias("reason"),
    )


def detector_reasons(evidence: Evidence, check: str) -> pl.DataFrame:
    """Why detector `check` could not look: owner_id, owner_kind, detector_reason, one row each."""
    said = evidence.not_assessed.filter(pl.col("check") == check)
    if said.is_empty():
        return _no_reasons()
    return said.group_by("owner_id", "owner_kind").agg(
        pl.col("reason").min().alias("detector_reason")
    )


@cache
def _no_reasons() -> pl.DataFrame:
    return pl.DataFrame(
        schema=dict.fromkeys(("owner_id", "owner_kind", "detector_reason"), pl.String())
    )


def with_reasons(rows: pl.DataFrame, evidence: Evidence, check: str) -> pl.DataFrame:
    """`rows` with `detector_reason`: why `check` could not look, null where it did not say."""
    reasons = detector_reasons(evidence, check)
    if reasons.is_empty():
        return rows.with_columns(pl.lit(None, pl.String).alias("detector_reason"))
    return rows.join(reasons, on=["owner_id", "owner_kind"], how="left")


def with_ratio(rows: pl.DataFrame, ratios: NDArray[np.float64]) -> pl.DataFrame:
    """`rows` with `likelihood_ratio`, one of `ratios` each."""
    return rows.with_columns(pl.Series("likelihood_ratio", ratios, dtype=pl.Float64))
