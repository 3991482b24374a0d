"""On which scanners p-values hold, in the words of the report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import ScanKind
from parcelscope.inference.placing import DETECTORS_OF, MODEL_FOR
from parcelscope.inference.raw_scores import CALIBRATED
from parcelscope.inference.scan_findings import NOT_CALIBRATED
from parcelscope.models.bundle import Bundle, DetectorCard, InputKind
from parcelscope.screening.config import ScanDetector, Treatment, UncalibratedConfig
from parcelscope.screening.uncalibrated import scanner_words

SCAN_WORDS: dict[InputKind, str] = {"dual": "both energies", "colour": "colour picture"}
COMMAND = "parcelscope calibrate COMPLIANT_FEED --out BUNDLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerLine:
    """One scanner of a feed and how its scans were judged."""

    scanner: str
    what: str
    """Whose scans, and of which kind."""
    scans: int
    said: str
    uncalibrated: tuple[str, ...]
    """Detectors that looked at these scans and are not calibrated for the scanner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UncalibratedNotice:
    """That scans of a run come from scanners that nobody calibrated, and what follows."""

    scans: int
    of: int
    scanners: tuple[str, ...]
    """Each with its number of scans."""
    treated: tuple[str, ...]
    """What became of the findings of each detector, one sentence per treatment."""
    unnamed: bool
    """Whether some come from a scanner that the feed does not name."""
    command: str = COMMAND


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
    if all(card.is_calibrated_for(model, software) for card in cards):
        return None
    return f"{NOT_CALIBRATED.capitalize()} ({scanner_words(model, software)})."


def scanner_lines(feed: Feed, bundle: Bundle) -> tuple[ScannerLine, ...]:
    """Every scanner of `feed` and how its scans were judged."""
    return tuple(_lines(feed, bundle))


def uncalibrated_notice(
    lines: Sequence[ScannerLine], config: UncalibratedConfig
) -> UncalibratedNotice | None:
    """What to say once of all scans in `lines` that are uncalibrated; None where none is."""
    doubted = [line for line in lines if line.uncalibrated]
    if not doubted:
        return None
    by_scanner: dict[str, int] = {}
    for line in doubted:
        by_scanner[line.scanner] = by_scanner.get(line.scanner, 0) + line.scans
    found = {name for line in doubted for name in line.uncalibrated}
    return UncalibratedNotice(
        scans=sum(by_scanner.values()),
        of=sum(line.scans for line in lines),
        scanners=tuple(f"{name} ({count:,})" for name, count in by_scanner.items()),
        treated=tuple(_treated([name for name in config.detectors if name in found], config)),
        unnamed=scanner_words(None, None) in by_scanner,
    )


def _treated(names: Sequence[ScanDetector], config: UncalibratedConfig) -> Iterator[str]:
    words: dict[Treatment, str] = {
        "leave_out": "not assessed there, so no part of any risk",
        "caution": "counted with caution: nothing found there for more than a p-value of"
        f" {config.lowest_p_value:g}",
        "believe": "counted there as on calibrated scanners, as the configuration says",
    }
    for treatment, said in words.items():
        named = [name for name in names if config.detectors[name] == treatment]
        if named:
            yield f"{' and '.join(named)}: {said}."


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
                uncalibrated=_uncalibrated(bundle, owner_kind, kind, model, software),
            )


def _uncalibrated(
    bundle: Bundle, owner_kind: OwnerKind, kind: InputKind, model: str | None, software: str | None
) -> tuple[str, ...]:
    """Detectors that `calibrate` would calibrate for the scanner, and those that stay behind them.

    None where it has calibrated all that it can: `xray.contents` alone is no reason to run it.
    """
    found = (bundle.card(name, kind) for name in DETECTORS_OF[owner_kind])
    names = tuple(
        card.detector
        for card in found
        if card is not None
        and (card.genuine or card.count)
        and not card.is_calibrated_for(model, software)
    )
    return names if any(name in CALIBRATED for name in names) else ()


def _judging(bundle: Bundle, owner_kind: OwnerKind, kind: InputKind) -> list[DetectorCard]:
    """The cards that look at such scans and have anything to calibrate."""
    found = (bundle.card(n, kind) for n in DETECTORS_OF[owner_kind] if n in CALIBRATED)
    return [card for card in found if card is not None and (card.genuine or card.count)]


def _said(card: DetectorCard, model: str | None, software: str | None) -> str:
    own = card.calibration(model, software)
    if own is not None:
        return f"{card.detector} by {own.scans:,} compliant scans of its own"
    if card.is_calibrated_for(model, software):
        return f"{card.detector} by the bundle's own calibration, which names it"
    return f"{card.detector} {NOT_CALIBRATED}"
