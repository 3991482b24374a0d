"""What the detectors and the physics say about the scans of parcels and master cartons."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from parcelscope.datasets.records import Finding
from parcelscope.inference.decoding import DIRECT, Decoding
from parcelscope.inference.detectors import (
    Detector,
    Detectors,
    count_pieces,
    detect_items,
    score_anomaly,
    weigh_contents,
)
from parcelscope.inference.owners import Owner, ScanGroup, scan_groups
from parcelscope.inference.placing import (
    DETECTORS_OF,
    MODEL_FOR,
    PlacedScan,
    place_scan,
    read_group,
    stack,
)
from parcelscope.inference.scan_findings import (
    anomaly_findings,
    contents_findings,
    item_findings,
    piece_findings,
)
from parcelscope.inference.scan_measures import (
    COMPARISON,
    Measured,
    compared,
    has_both_stations,
    measure,
)
from parcelscope.inference.verdicts import READ, Failure, Outcome, attempt
from parcelscope.inference.weighing import MASS, Gauges
from parcelscope.models.bundle import DetectorCard, DetectorName, InputKind

NAMES: Final[tuple[DetectorName, ...]] = (
    "xray.items",
    "xray.anomaly",
    "xray.contents",
    "xray.pieces",
)
OPTIONAL: Final[tuple[DetectorName, ...]] = ("xray.contents",)
"""Detectors that bundles of earlier releases lack altogether: screening says so once per parcel."""
KINDS: Final[tuple[InputKind, ...]] = ("dual", "colour")


def read_scans(
    owner: Owner,
    root: Path,
    detectors: Detectors,
    gauges: Gauges,
    outcome: Outcome,
    decoding: Decoding = DIRECT,
) -> list[PlacedScan]:
    """The scans of `owner`, ready for the detectors.

    What they weigh goes to `outcome`, as does what cannot be read or is not there.
    """
    checks = (*wanted(owner, detectors), MASS)
    groups = scan_groups(owner)
    with_map = has_both_stations(owner)
    if not groups:
        outcome.cannot_assess(owner, checks, "no scan in the feed")
    placed, measured = [], []
    for group in groups:
        content = [
            attempt(partial(decoding.file, image, root), root=root) for image in group.images
        ]
        read = [data for data in content if isinstance(data, bytes)]
        failed = [data for data in content if isinstance(data, Failure)]
        if failed:
            outcome.cannot_assess(owner, checks, failed[0].message)
            close_incomplete(owner, group, content, outcome)
            continue
        result = attempt(
            partial(
                _read_and_place, owner, group, read, root, detectors, gauges, decoding, with_map
            ),
            root=root,
        )
        if isinstance(result, Failure):
            outcome.cannot_assess(owner, checks, result.message)
            outcome.close(owner, (*group.images, *group.derived), result, stage=READ)
            continue
        scan, values = result
        _note(owner, values, outcome)
        measured.append(values)
        placed.append(scan)
    if with_map:
        _compare_stations(owner, measured, root, outcome)
    return placed


def _note(owner: Owner, values: Measured, outcome: Outcome) -> None:
    """Keep what one scan was measured to be."""
    if isinstance(values.mass, Finding):
        outcome.findings.append(values.mass)
    else:
        outcome.cannot_assess(owner, [MASS], values.mass)
    if values.fill is not None:
        outcome.findings.append(values.fill)
    if values.embedding is not None:
        outcome.embeddings.append(values.embedding)


def _compare_stations(
    owner: Owner, measured: Sequence[Measured], root: Path, outcome: Outcome
) -> None:
    """Hold the arrival scan against the one at origin."""
    found = attempt(partial(compared, owner, measured), root=root)
    if isinstance(found, list):
        outcome.findings += found
    else:
        reason = found if isinstance(found, str) else found.message
        outcome.cannot_assess(owner, [COMPARISON], reason)


def score_scans(
    scans: Sequence[PlacedScan], root: Path, detectors: Detectors, outcome: Outcome
) -> None:
    """Run every detector once over those of `scans` that it can look at, and close their images."""
    failures: dict[int, tuple[DetectorName, Failure]] = {}
    for name in NAMES:
        for kind in KINDS:
            ready = [s for s in scans if name in s.canvases and MODEL_FOR[s.kind] == kind]
            detector = detectors.find(name, kind)
            if detector is None or not ready:
                continue
            for scan, result in zip(ready, run(detector, ready, root), strict=True):
                if isinstance(result, Failure):
                    outcome.cannot_assess(scan.owner, [name], f"{scan.path}: {result.message}")
                    failures.setdefault(id(scan), (name, result))
                else:
                    outcome.findings += result
    for scan in scans:
        note_not_looked_at(scan, detectors, outcome)
        stage, failure = failures.get(id(scan), (None, None))
        images = (*scan.group.images, *scan.group.derived)
        outcome.close(scan.owner, images, failure, stage=stage)


def run(
    detector: Detector, scans: Sequence[PlacedScan], root: Path
) -> list[list[Finding] | Failure]:
    """What `detector` finds in each of `scans`, from one call for all of them.

    Where that call fails, each half gets one, down to the scan that it fails on: one in a batch of
    64 costs 13 calls.
    """
    answer = attempt(partial(_answer, detector, scans), root=root)
    if not isinstance(answer, Failure):
        return list(answer)
    if len(scans) == 1:
        foreseen = answer.code != "unexpected"
        return [answer if foreseen else replace(answer, code="model_failed")]
    middle = len(scans) // 2
    return run(detector, scans[:middle], root) + run(detector, scans[middle:], root)


def note_not_looked_at(scan: PlacedScan, detectors: Detectors, outcome: Outcome) -> None:
    """Say which detectors did not look at `scan`, and why."""
    kind = MODEL_FOR[scan.kind]
    for name in wanted(scan.owner, detectors):
        if kind is None:
            reason = "a single grey channel; the model needs both energies or colour"
        elif name not in scan.canvases:
            reason = f"the bundle has no {name} model for {kind} scans"
        elif name == "xray.pieces" and (found := detectors.find(name, kind)) is not None:
            if judge(found.card, scan).count is not None:
                continue
            reason = f"the bundle has no calibration of counts for {kind} scans"
        else:
            continue
        outcome.cannot_assess(scan.owner, [name], f"{scan.path}: {reason}")


def wanted(owner: Owner, detectors: Detectors) -> tuple[DetectorName, ...]:
    """The detectors that should look at scans of `owner`."""
    return tuple(
        name
        for name in DETECTORS_OF[owner.owner_kind]
        if name not in OPTIONAL or any(detectors.find(name, kind) for kind in KINDS)
    )


def close_incomplete(
    owner: Owner, group: ScanGroup, content: Sequence[bytes | Failure], outcome: Outcome
) -> None:
    """Close a scan of which a file could not be read: each file by its own fault."""
    failed = {
        image.path: data
        for image, data in zip(group.images, content, strict=True)
        if isinstance(data, Failure)
    }
    for image in (*group.images, *group.derived):
        failure = failed.get(image.path) or Failure(
            error_class="ImageError",
            code="other_half",
            message=f"{image.path}: not used, as {' and '.join(failed)} could not be read",
        )
        outcome.close(owner, [image], failure, stage=READ)


def _read_and_place(
    owner: Owner,
    group: ScanGroup,
    content: Sequence[bytes],
    root: Path,
    detectors: Detectors,
    gauges: Gauges,
    decoding: Decoding,
    with_map: bool,
) -> tuple[PlacedScan, Measured]:
    """The scan on its canvases, and what it was measured to be. Drops the full-size pixels."""
    scan = read_group(group, content, root, read=decoding.scan)
    placed = place_scan(owner, group, scan, detectors)
    return placed, measure(placed, scan, gauges, detectors.mass, with_map=with_map)


def _answer(detector: Detector, scans: Sequence[PlacedScan]) -> list[list[Finding]]:
    """Findings of `detector` in each of `scans`, from one call of its model."""
    card = detector.card
    batch = stack([scan.canvases[card.detector] for scan in scans])
    if card.detector == "xray.items":
        items = zip(scans, detect_items(detector, batch), strict=True)
        return [item_findings(scan, judge(card, scan), found) for scan, found in items]
    if card.detector == "xray.pieces":
        pieces = zip(scans, count_pieces(detector, batch), strict=True)
        return [piece_findings(scan, judge(card, scan), found) for scan, found in pieces]
    if card.detector == "xray.contents":
        contents = zip(scans, weigh_contents(detector, batch), strict=True)
        return [contents_findings(scan, judge(card, scan), found) for scan, found in contents]
    anomalies = zip(scans, score_anomaly(detector, batch), strict=True)
    return [anomaly_findings(scan, judge(card, scan), found) for scan, found in anomalies]


def judge(card: DetectorCard, scan: PlacedScan) -> DetectorCard:
    """The card that judges scores on the scanner that took `scan`."""
    return card.for_scanner(*scan.scanner)
