"""On which scanners p-values hold, in the words of the report."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import ScanKind
from parcelscope.inference.placing import DETECTORS_OF, MODEL_FOR
from parcelscope.inference.raw_scores import CALIBRATED
from parcelscope.inference.scan_findings import NOT_CALIBRATED
from parcelscope.models.bundle import Bundle, DetectorCard, InputKind

SCAN_WORDS: dict[InputKind, str] = {"dual": "both energies", "colour": "colour picture"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerLine:
    """One scanner of a feed and how its scans were judged."""

    scanner: str
    what: str
    """Whose scans, and of which kind."""
    scans: int
    said: str


def calibration_note(
    bundle: Bundle,
    owner_kind: OwnerKind,
    scan_kind: ScanKind,
    model: str | None,
    software: str | None,
) -> str | None:
    """One sentence for a scan that was judged by scans of other scanners; None for any other."""
    kind = MODEL_FOR[scan_kind]
    cards = [] if kind is None else _judging(bundle, owner_kind, kind)
    if not any(card.calibration(model, software) is None for card in cards):
        return None
    return f"{NOT_CALIBRATED.capitalize()} ({scanner_words(model, software)})."


def scanner_words(model: str | None, software: str | None) -> str:
    """A scanner as people say it: `PS-160 4.2`."""
    if model is None:
        return "the feed names none"
    return f"{model} {software}" if software else f"{model}, no software version named"


def scanner_lines(feed: Feed, bundle: Bundle) -> tuple[ScannerLine, ...]:
    """Every scanner of `feed` and how its scans were judged."""
    return tuple(_lines(feed, bundle))


def _lines(feed: Feed, bundle: Bundle) -> Iterator[ScannerLine]:
    colour = pl.col("energy") == "colour"
    group = ["scanner_model", "scanner_software", "owner_kind", "input"]
    scans = (
        feed.images.filter(pl.col("kind") == "scan")
        .with_columns(
            pl.when(colour).then(pl.lit("colour")).otherwise(pl.lit("dual")).alias("input")
        )
        # The two energies of one view are one scan.
        .unique([*group, "owner_id", "view", "station"])
        .group_by(group)
        .len()
        .sort(group, nulls_last=True)
    )
    for model, software, owner_kind, kind, count in scans.select(*group, "len").iter_rows():
        cards = _judging(bundle, owner_kind, kind)
        if cards:
            owners = "parcels" if owner_kind == "parcel" else "master cartons"
            yield ScannerLine(
                scanner=scanner_words(model, software),
                what=f"{owners}, {SCAN_WORDS[kind]}",
                scans=count,
                said="; ".join(_said(card, model, software) for card in cards),
            )


def _judging(bundle: Bundle, owner_kind: OwnerKind, kind: InputKind) -> list[DetectorCard]:
    """The cards that look at such scans and have anything to calibrate."""
    found = (bundle.card(n, kind) for n in DETECTORS_OF[owner_kind] if n in CALIBRATED)
    return [card for card in found if card is not None and (card.genuine or card.count)]


def _said(card: DetectorCard, model: str | None, software: str | None) -> str:
    own = card.calibration(model, software)
    if own is None:
        return f"{card.detector} {NOT_CALIBRATED}"
    return f"{card.detector} by {own.scans:,} compliant scans of its own"
