"""`parcelscope calibrate`: a bundle whose p-values hold on a facility's own scanners."""

import datetime
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.detectors import Contents, load_detectors
from parcelscope.inference.raw_scores import RawScan, raw_scores
from parcelscope.inference.scan_findings import SCAN
from parcelscope.models.bundle import (
    Bundle,
    DetectorCard,
    ScannerCalibration,
    builtin_bundle_folder,
    load_bundle,
)
from parcelscope.models.bundle_writing import named_files, require_new, write_bundle
from parcelscope.models.heatmap import Boxes
from parcelscope.pipelines.progress import Report, silent
from parcelscope.screening.goods_families import load_goods_families
from parcelscope.training.calibrate import FEWEST_CARTONS, class_scores
from parcelscope.training.scanner_calibration import (
    FEWEST_DECLARED,
    FEWEST_SCANS,
    Scanner,
    calibrate_families,
    calibrate_pieces,
    calibrate_scores,
    worth,
)

KIND_WORDS = {"dual": "raw scans", "colour": "colour pictures"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of one detector on one scanner."""

    scanner: Scanner
    card: DetectorCard
    scans: int
    calibration: ScannerCalibration | None
    """None where there were too few."""
    worth: str
    """What the scans are enough for, in words."""

    def __str__(self) -> str:
        """One line for the command's output."""
        kind = KIND_WORDS[self.card.input]
        return f"scanner {self.scanner.words}, {self.card.detector} on {kind}: {self.worth}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A calibrated bundle that was just written."""

    bundle: Bundle
    digest: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    """What was left out, and what was taken for granted."""

    def lines(self) -> Iterator[str]:
        """The result in words."""
        yield from map(str, self.steps)
        yield from self.notes


def calibrate(
    feed_folder: Path,
    out: Path,
    *,
    bundle_folder: Path | None = None,
    owner_list: Path | None = None,
    workers: int = 1,
    progress: Report = silent,
) -> Calibrated:
    """Write to `out` the bundle with a calibration for each scanner of a feed of compliant parcels.

    A scanner that had a calibration gets a new one in its place; the default scores stay, for
    scanners that have none. The models and the fusion are as they were.

    Args:
        feed_folder: Tables and images.
        out: Folder of the new bundle; new or empty.
        bundle_folder: The bundle to calibrate; the built-in one if None.
        owner_list: Text file with the id of one compliant parcel or carton per line; None takes
            every one of the feed as compliant.
        workers: Threads that score.
        progress: Told how far it is.

    Raises:
        FeedError: The feed cannot be read, or has no scan whose scanner is named.
        BundleError: The bundle cannot be trusted, or `out` is in use.
        ConfigError: The list names an owner that the feed does not have, or no scanner has scans
            enough.
    """
    require_new(out)
    folder = builtin_bundle_folder() if bundle_folder is None else bundle_folder
    bundle, _ = load_bundle(folder)
    feed = read_feed(feed_folder)
    among = None if owner_list is None else read_owner_list(owner_list, feed)
    raw = raw_scores(
        feed,
        load_detectors(bundle, folder),
        among=among,
        workers=workers,
        progress=lambda done, total: progress("scoring", done, total),
    )
    named = [scan for scan in raw.scans if scan.scanner_model is not None]
    if not named:
        raise FeedError(
            f"{feed_folder}: expected scans whose scanner_model the images table names, got"
            f" {len(raw.scans)} scans without; a calibration holds for one scanner"
        )
    steps = tuple(_steps(named, bundle, feed, source_words(feed_folder, owner_list)))
    if not any(step.calibration for step in steps):
        said = "; ".join(map(str, steps))
        raise ConfigError(f"{feed_folder}: too few compliant scans to calibrate anything: {said}")
    calibrated = with_calibrations(bundle, steps)
    digest = write_bundle(calibrated, {name: folder / name for name in named_files(bundle)}, out)
    notes = _notes(raw.unread, len(raw.scans) - len(named), owner_list)
    return Calibrated(bundle=calibrated, digest=digest, steps=steps, notes=tuple(notes))


def read_owner_list(path: Path, feed: Feed) -> Collection[tuple[OwnerKind, str]]:
    """Kind and id of each owner named in the text file `path`, one per line, `#` for comments.

    Raises:
        ConfigError: If it cannot be read, is empty, or names an owner that is not in `feed`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: expected one id of a compliant parcel or carton per line, got: {error}"
        ) from None
    wanted = {line.partition("#")[0].strip(): n for n, line in enumerate(lines, start=1)}
    wanted.pop("", None)
    if not wanted:
        raise ConfigError(f"{path}: expected one id of a compliant parcel or carton per line")
    known: dict[str, list[OwnerKind]] = defaultdict(list)
    for owner_id in feed.parcels.get_column("parcel_id"):
        known[owner_id].append("parcel")
    for owner_id in feed.cartons.get_column("carton_id"):
        known[owner_id].append("carton")
    strangers = [name for name in wanted if name not in known]
    if strangers:
        raise ConfigError(
            f"{path} line {wanted[strangers[0]]}: {strangers[0]!r} is neither a parcel nor a carton"
            f" of the feed, nor are {len(strangers) - 1} others"
        )
    return {(kind, name) for name in wanted for kind in known[name]}


def with_calibrations(bundle: Bundle, steps: Sequence[Step]) -> Bundle:
    """`bundle` with the calibrations of `steps`, each in the place of an older one."""
    cards = []
    for card in bundle.detectors:
        new = [s.calibration for s in steps if s.card is card and s.calibration is not None]
        replaced = {(one.scanner_model, one.scanner_software) for one in new}
        kept = [
            one
            for one in card.calibrations
            if (one.scanner_model, one.scanner_software) not in replaced
        ]
        cards.append(card.model_copy(update={"calibrations": (*kept, *new)}))
    stamp = hashlib.sha256(
        "".join(one.model_dump_json() for card in cards for one in card.calibrations).encode()
    ).hexdigest()[:8]
    base = bundle.version.partition("cal.")[0].rstrip("+.")
    version = f"{base}{'.' if '+' in base else '+'}cal.{stamp}"
    return bundle.model_copy(update={"detectors": tuple(cards), "version": version})


def source_words(feed_folder: Path, owner_list: Path | None) -> str:
    """Where the compliant scans came from."""
    chosen = "every parcel" if owner_list is None else f"those in {owner_list.name}"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return f"feed {feed_folder.name}, {chosen}, {today}"


def _steps(scans: Sequence[RawScan], bundle: Bundle, feed: Feed, source: str) -> Iterator[Step]:
    """One for each scanner and each card that has seen scans of it."""
    manifested = {
        row["carton_id"]: row["pieces_manifested"]
        for row in feed.cartons.filter(pl.col("pieces_manifested").is_not_null()).iter_rows(
            named=True
        )
    }
    goods = load_goods_families()
    declared = {
        parcel_id: goods.declared(hs_code, description)
        for parcel_id, hs_code, description in feed.parcels.select(
            "parcel_id", "hs_code", "description"
        ).iter_rows()
    }
    by_scanner: dict[tuple[str, str], list[RawScan]] = defaultdict(list)
    for scan in scans:
        by_scanner[str(scan.scanner_model), scan.scanner_software or ""].append(scan)
    for (model, software), of_scanner in sorted(by_scanner.items()):
        scanner = Scanner(model=model, software=software or None)
        for card in bundle.detectors:
            seen = [s for s in of_scanner if s.kind == card.input and card.detector in s.answers]
            if not seen:
                continue
            if card.detector == "xray.pieces":
                counted = [s for s in seen if s.owner_id in manifested]
                yield _piece_step(scanner, card, counted, manifested, source)
            elif card.detector == "xray.contents":
                yield _contents_step(scanner, card, seen, declared, source)
            else:
                yield _score_step(scanner, card, seen, source)


def _score_step(scanner: Scanner, card: DetectorCard, seen: list[RawScan], source: str) -> Step:
    answers = [scan.answers[card.detector] for scan in seen]
    boxes = [answer for answer in answers if isinstance(answer, Boxes)]
    # A detector gives boxes on every scan or on none; the others give one number.
    scores = class_scores(boxes, card.classes) if boxes else {SCAN: np.array(answers, np.float64)}
    calibration = None
    if len(seen) >= FEWEST_SCANS:
        calibration = calibrate_scores(
            scores, scanner, source=source, with_thresholds=bool(card.thresholds)
        )
    return Step(
        scanner=scanner,
        card=card,
        scans=len(seen),
        calibration=calibration,
        worth=worth(len(seen), what=tuple(card.thresholds)),
    )


def _piece_step(
    scanner: Scanner,
    card: DetectorCard,
    counted: list[RawScan],
    manifested: dict[str, int],
    source: str,
) -> Step:
    raw = np.array([scan.answers[card.detector] for scan in counted], np.float64)
    true = np.array([manifested[scan.owner_id] for scan in counted], np.float64)
    enough = len(counted) >= FEWEST_CARTONS
    calibration = calibrate_pieces(raw, true, scanner, source=source) if enough else None
    text = f"{len(counted)} cartons whose pieces are manifested"
    if calibration is not None and calibration.count is not None:
        text += f", enough for an interval that covers {calibration.count.coverage:.0%} of them"
    else:
        text += f", too few: {FEWEST_CARTONS} are needed, so it keeps the bundle's default"
    return Step(scanner=scanner, card=card, scans=len(counted), calibration=calibration, worth=text)


def _contents_step(
    scanner: Scanner,
    card: DetectorCard,
    seen: list[RawScan],
    declared: Mapping[str, Collection[str]],
    source: str,
) -> Step:
    told = [s for s in seen if s.owner_kind == "parcel" and declared[s.owner_id]]
    answers = [scan.answers[card.detector] for scan in told]
    support = [answer.support for answer in answers if isinstance(answer, Contents)]
    calibration = calibrate_families(
        np.array(support, np.float64).reshape(len(told), len(card.classes)),
        [declared[scan.owner_id] for scan in told],
        card.classes,
        scanner,
        source=source,
    )
    text = f"{len(told)} scans of parcels that declare known goods"
    if calibration is None:
        text += f", too few: {FEWEST_DECLARED} of one family are needed"
    else:
        without = [name for name in card.classes if name not in calibration.genuine]
        text += f", enough for {', '.join(calibration.genuine)}"
        if without:
            text += f"; {', '.join(without)} will not be assessed"
    return Step(scanner=scanner, card=card, scans=len(told), calibration=calibration, worth=text)


def _notes(unread: int, unnamed: int, owner_list: Path | None) -> Iterator[str]:
    if owner_list is None:
        yield (
            "every parcel and carton of the feed was taken as compliant; name those that were"
            " found so with --owner-list"
        )
    if unread:
        yield f"{unread:,} images are not there or could not be read, and were left out"
    if unnamed:
        yield f"{unnamed:,} scans name no scanner_model, and were left out"
