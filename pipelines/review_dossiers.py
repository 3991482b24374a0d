"""Dossiers of what a run flagged: its rows gathered, owner by owner, into what a page shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import polars as pl

from parcelscope.datasets.records import OwnerKind
from parcelscope.models.bundle import Bundle
from parcelscope.pipelines.check_words import named
from parcelscope.pipelines.comparisons import Known
from parcelscope.pipelines.flag_cards import drawn_findings
from parcelscope.pipelines.review_cartons import Cartons, gather_cartons
from parcelscope.pipelines.review_images import dossier_images
from parcelscope.pipelines.review_manifest import manifest_lines
from parcelscope.pipelines.review_scoring import Scoring
from parcelscope.pipelines.review_tables import (
    OWNER,
    Key,
    ReviewTables,
    by_owner,
    manifest_rows,
)
from parcelscope.review.dossier import (
    Dossier,
    Reason,
    Source,
    Unassessed,
    Versions,
    risk_words,
)
from parcelscope.review.redaction import hidden_texts
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.fusion import strengths, weight_of
from parcelscope.screening.uncalibrated import believed

Row = dict[str, Any]

_NUMBERS: Final = ("code.", "text.", "U4.", "U5.", "U6.")
"""Codes whose `text` may be the number of a parcel, which leads to a person."""
_PEOPLE: Final = ("U9.", "U10.", "U17.")
"""Codes whose `text` may be a name or an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What dossiers are made of, by owner."""

    tables: ReviewTables
    scoring: Scoring
    source: Source
    versions: Versions
    manifest: Mapping[Key, Row]
    findings: Mapping[Key, Sequence[Row]]
    drawn: Mapping[Key, Sequence[Row]]
    shapes: Mapping[Key, tuple[str, ...]]
    contributions: Mapping[tuple[str, str, str], float]
    """By kind, id and code."""
    images: Mapping[Key, Sequence[Row]]
    verdicts: Mapping[Key, Sequence[Row]]
    checks: Mapping[Key, Sequence[Row]]
    cartons: Cartons


def gather(tables: ReviewTables, scoring: Scoring, threshold: str) -> Gathered:
    """`tables` by owner.

    Args:
        tables: Of one run.
        scoring: What scored it.
        threshold: What the screening configuration is called.
    """
    bundle, bundle_at, config = scoring.bundle, scoring.bundle_at, scoring.config
    drawn = _drawn(tables, bundle, config)
    name = tables.card.bundle
    return Gathered(
        tables=tables,
        scoring=scoring,
        source=Source(
            feed=tables.feed_at,
            run=str(tables.folder.absolute()),
            bundle=None if bundle_at is None else str(bundle_at.absolute()),
            bundle_digest=None if bundle_at is None else tables.card.bundle.digest,
        ),
        versions=Versions(
            bundle=f"{name.name} {name.version} ({name.digest[:12]})", threshold=threshold
        ),
        manifest=manifest_rows(tables.feed),
        findings=by_owner(_told(tables.findings)),
        drawn=by_owner(drawn),
        shapes=_shapes(drawn),
        contributions={} if bundle is None else _contributions(tables, bundle, config),
        images=by_owner(tables.feed.images),
        verdicts=by_owner(tables.verdicts),
        checks=by_owner(tables.not_assessed),
        cartons=gather_cartons(tables),
    )


def dossiers(gathered: Gathered) -> Iterator[tuple[Row, Dossier]]:
    """The assessment and the dossier of everything that is reviewed, one by one."""
    for row in gathered.tables.owners.iter_rows(named=True):
        yield row, _dossier(gathered, row)


def _dossier(gathered: Gathered, assessed: Row) -> Dossier:
    kind: OwnerKind = assessed["owner_kind"]
    owner_id: str = assessed["owner_id"]
    key = (kind, owner_id)
    tables = gathered.tables
    findings = gathered.findings.get(key, ())
    codes = assessed["reason_codes"] or ()
    manifest = gathered.manifest.get(key, {})
    known = gathered.cartons.known(
        Known(
            kind=kind,
            # A row that could not be read may be drawn, and has nothing to compare with.
            row=manifest or dict.fromkeys(_columns(tables, kind)),
            findings=findings,
            not_assessed=frozenset(row["check"] for row in gathered.checks.get(key, ())),
            item_shapes=gathered.shapes.get(key, ()),
        ),
        owner_id,
    )
    images = dossier_images(
        kind,
        gathered.images.get(key, ()),
        gathered.verdicts.get(key, ()),
        gathered.drawn.get(key, ()),
        findings,
        run_folder=tables.folder,
        root=tables.feed.root,
        bundle=gathered.scoring.bundle,
    )
    personal = gathered.scoring.personal
    prefixes = _PEOPLE + (_NUMBERS if "tracking_number" in personal else ())
    read = [row["text"] for row in findings if row["text"] and row["code"].startswith(prefixes)]
    return Dossier(
        owner_kind=kind,
        owner_id=owner_id,
        risk_words=risk_words(assessed["risk"], kind),
        reasons=tuple(_reasons(gathered, key, codes, assessed["reasons"] or ())),
        not_assessed=tuple(map(_unassessed, assessed["not_assessed"] or ())),
        manifest=manifest_lines(
            known, tuple(zip(codes, assessed["reasons"] or (), strict=True)), personal
        ),
        images=images,
        carton=gathered.cartons.of(key, manifest.get("carton_id"), images),
        versions=gathered.versions,
        source=gathered.source,
        hidden=tuple(hidden_texts(manifest, personal, read)),
    )


def _reasons(
    gathered: Gathered, key: Key, codes: Sequence[str], sentences: Sequence[str]
) -> Iterator[Reason]:
    """The reasons in the order of the run, which is that of their contributions."""
    values = {(row["code"], row["sentence"]): row for row in gathered.findings.get(key, ())}
    for code, sentence in zip(codes, sentences, strict=True):
        row = values.get((code, sentence), {})
        yield Reason(
            code=code,
            sentence=sentence,
            observed=row.get("observed"),
            expected=row.get("expected"),
            unit=row.get("unit"),
            contribution=gathered.contributions.get((*key, code)),
        )


@lru_cache(maxsize=10_000)  # the same few reasons stand on every parcel
def _unassessed(entry: str) -> Unassessed:
    check, _, reason = entry.partition(": ")
    return Unassessed(check=named(check), reason=reason)


def _columns(tables: ReviewTables, kind: OwnerKind) -> list[str]:
    return (tables.feed.parcels if kind == "parcel" else tables.feed.cartons).columns


def _told(findings: pl.DataFrame) -> pl.DataFrame:
    """`findings` without the shapes and shares below what anybody is told."""
    return findings.filter(
        (pl.col("source") != "xray.items") & (pl.col("code") != "contents.support")
    )


def _drawn(tables: ReviewTables, bundle: Bundle | None, config: ScreeningConfig) -> pl.DataFrame:
    """The findings that are marked in images: what is reported, what is read, and every reason.

    Without the bundle nobody knows which shapes were to be reported beyond the reasons.
    """
    told = tables.owners.select(*OWNER, pl.col("reasons").alias("sentence")).explode("sentence")
    seen = tables.findings.filter(pl.col("box_xyxy").is_not_null())
    by_detector = seen.filter(pl.col("source").is_in(["xray.items", "xray.anomaly"]))
    reasons = by_detector.join(told.drop_nulls(), on=[*OWNER, "sentence"], how="semi")
    labels = seen.filter(pl.col("source") == "indicator")
    if bundle is None:
        code = pl.col("code")
        reported = seen.filter((code == "pieces.piece") | code.str.starts_with("code."))
    else:
        reported = drawn_findings(tables.feed, tables.findings, tables.not_assessed, bundle, config)
        reasons = reasons.join(
            reported, on=[*OWNER, "code", "sentence", "image_path"], how="anti", nulls_equal=True
        )
    return pl.concat([reported, reasons, labels])


def _shapes(drawn: pl.DataFrame) -> dict[Key, tuple[str, ...]]:
    """Names of the shapes of each owner, the likest first, as `item_shapes` gives them of one."""
    items = drawn.filter(pl.col("code").str.starts_with("item.")).sort("score", descending=True)
    names = pl.col("code").str.strip_prefix("item.").str.replace_all("_", " ")
    grouped = items.group_by(OWNER).agg(names.unique(maintain_order=True).alias("names"))
    return {(kind, owner_id): tuple(shapes) for kind, owner_id, shapes in grouped.iter_rows()}


def _contributions(
    tables: ReviewTables, bundle: Bundle, config: ScreeningConfig
) -> dict[tuple[str, str, str], float]:
    """Log-odds that each code adds to the risk of each owner."""
    strong = strengths(believed(tables.findings, config.uncalibrated))
    models = {"parcel": bundle.parcel_fusion, "carton": bundle.carton_fusion}
    return {
        (kind, owner_id, code): strength * weight_of(code, models[kind], has_ratio=has_ratio)
        for owner_id, kind, code, strength, has_ratio in strong.select(
            "owner_id", "owner_kind", "code", "strength", "has_ratio"
        ).iter_rows()
    }
