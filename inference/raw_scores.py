"""What the detectors give on the scans of a feed, before any calibration."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.detectors import (
    Contents,
    Detector,
    Detectors,
    count_pieces,
    detect_items,
    score_anomaly,
    weigh_contents,
)
from parcelscope.inference.engine import (
    MICRO_SHARD,
    WAITING_PER_WORKER,
    in_order,
    use_one_thread_per_worker,
)
from parcelscope.inference.owners import Owner, owner_shards
from parcelscope.inference.placing import MODEL_FOR, PlacedScan, stack
from parcelscope.inference.scan_scoring import read_scans
from parcelscope.inference.verdicts import Failure, Outcome, attempt
from parcelscope.inference.weighing import Gauges
from parcelscope.models.bundle import DetectorName, InputKind
from parcelscope.models.heatmap import Boxes

CALIBRATED: Final[tuple[DetectorName, ...]] = (
    "xray.items",
    "xray.anomaly",
    "xray.pieces",
    "xray.contents",
)
"""Detectors whose scores are calibrated by scanner."""
Answer = Boxes | Contents | float
"""Boxes of items, the support for families of goods, the anomaly score, or the count of pieces."""
NOT_WEIGHED: Final = Gauges(by_scanner=MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawScan:
    """One scan and what each detector that looked at it gave."""

    owner_id: str
    owner_kind: OwnerKind
    path: str
    scanner_model: str | None
    scanner_software: str | None
    kind: InputKind
    answers: Mapping[DetectorName, Answer]


@dataclass(slots=True, kw_only=True)
class Raw:
    """The scans of some owners."""

    scans: list[RawScan]
    unread: int
    """Images that are not there or could not be read."""


def raw_scores(
    feed: Feed,
    detectors: Detectors,
    *,
    among: Collection[tuple[OwnerKind, str]] | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Raw:
    """The raw scores of every scan of `feed` that a detector can look at, photos left out.

    Args:
        feed: The tables; image files are opened below its root.
        detectors: The sessions, shared by all workers.
        among: Kind and id of the owners to score; None for all.
        workers: Threads, 1 or more.
        progress: Called with the owners done and in all.
    """
    use_one_thread_per_worker()
    total = feed.parcels.height + feed.cartons.height if among is None else len(among)
    raw, done = Raw(scans=[], unread=0), 0
    with ThreadPoolExecutor(workers, thread_name_prefix="score") as pool:
        score = partial(_score, root=feed.root, detectors=detectors)
        for owners, part in in_order(
            pool, score, _micro_shards(feed, among), ahead=workers * WAITING_PER_WORKER
        ):
            raw.scans += part.scans
            raw.unread += part.unread
            done += owners
            if progress is not None:
                progress(done, total)
    return raw


def _micro_shards(
    feed: Feed, among: Collection[tuple[OwnerKind, str]] | None
) -> Iterator[Sequence[Owner]]:
    for owners in owner_shards(feed, shard_size=MICRO_SHARD):
        wanted = [o for o in owners if among is None or (o.owner_kind, o.owner_id) in among]
        if wanted:
            yield wanted


def _score(owners: Sequence[Owner], *, root: Path, detectors: Detectors) -> tuple[int, Raw]:
    """How many owners these are, and their scans."""
    outcome = Outcome()
    placed = [scan for o in owners for scan in read_scans(o, root, detectors, NOT_WEIGHED, outcome)]
    scans = [_raw(scan, root, detectors) for scan in placed]
    unread = sum(verdict.verdict != "assessed" for verdict in outcome.verdicts)
    return len(owners), Raw(scans=[s for s in scans if s is not None and s.answers], unread=unread)


def _raw(scan: PlacedScan, root: Path, detectors: Detectors) -> RawScan | None:
    """What each detector gives on `scan`; None where no model takes scans of its kind."""
    kind = MODEL_FOR[scan.kind]
    if kind is None:
        return None
    answers: dict[DetectorName, Answer] = {}
    for name in scan.canvases:
        detector = detectors.find(name, kind) if name in CALIBRATED else None
        if detector is None:
            continue
        answer = attempt(partial(_answer, detector, scan), root=root)
        if not isinstance(answer, Failure):
            answers[name] = answer
    model, software = scan.scanner
    return RawScan(
        owner_id=scan.owner.owner_id,
        owner_kind=scan.owner.owner_kind,
        path=scan.path,
        scanner_model=model,
        scanner_software=software,
        kind=kind,
        answers=answers,
    )


def _answer(detector: Detector, scan: PlacedScan) -> Answer:
    name = detector.card.detector
    batch = stack([scan.canvases[name]])
    if name == "xray.items":
        return detect_items(detector, batch)[0]
    if name == "xray.pieces":
        return count_pieces(detector, batch)[0].raw
    if name == "xray.contents":
        return weigh_contents(detector, batch)[0]
    return score_anomaly(detector, batch)[0].score
