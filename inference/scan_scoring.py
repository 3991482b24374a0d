"""What the detectors and the physics say about the scans of parcels and master cartons."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from parcelscope.datasets.records import Finding
from parcelscope.inference.detectors import (
    Detector,
    Detectors,
    count_pieces,
    detect_items,
    score_anomaly,
    weigh_contents,
)
from parcelscope.inference.owners import Owner, ScanGroup, read_file, scan_groups
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
from parcelscope.inference.verdicts import Failure, Outcome, attempt
from parcelscope.inference.weighing import MASS, Gauges, weigh
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
    owner: Owner, root: Path, detectors: Detectors, gauges: Gauges, outcome: Outcome
) -> list[PlacedScan]:
    """The scans of `owner`, ready for the detectors.

    What they weigh goes to `outcome`, as does what cannot be read or is not there.
    """
    checks = (*wanted(owner, detectors), MASS)
    groups = scan_groups(owner)
    if not groups:
        outcome.cannot_assess(owner, checks, "no scan in the feed")
    placed = []
    for group in groups:
        content = [attempt(partial(read_file, image, root), root=root) for image in group.images]
        read = [data for data in content if isinstance(data, bytes)]
        failed = [data for data in content if isinstance(data, Failure)]
        if failed:
            outcome.cannot_assess(owner, checks, failed[0].message)
            close_incomplete(owner, group, content, outcome)
            continue
        result = attempt(
            partial(_read_and_place, owner, group, read, root, detectors, gauges), root=root
        )
        if isinstance(result, Failure):
            outcome.cannot_assess(owner, checks, result.message)
            outcome.close(owner, (*group.images, *group.derived), result, stage="read")
            continue
        scan, mass = result
        if isinstance(mass, Finding):
            outcome.findings.append(mass)
        else:
            outcome.cannot_assess(owner, [MASS], mass)
        placed.append(scan)
    return placed


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
    """What `detector` finds in each of `scans`: one call for all, one by one where that fails."""
    together = attempt(partial(_answer, detector, scans), root=root)
    if not isinstance(together, Failure):
        return list(together)
    alone: list[list[Finding] | Failure] = []
    for scan in scans:
        answer = attempt(partial(_answer, detector, [scan]), root=root)
        alone.append(answer if isinstance(answer, Failure) else answer[0])
    return alone


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
        outcome.close(owner, [image], failure, stage="read")


def _read_and_place(
    owner: Owner,
    group: ScanGroup,
    content: Sequence[bytes],
    root: Path,
    detectors: Detectors,
    gauges: Gauges,
) -> tuple[PlacedScan, Finding | str]:
    """The scan on its canvases, and its mass or why there is none. Drops the full-size pixels."""
    scan = read_group(group, content, root)
    placed = place_scan(owner, group, scan, detectors)
    return placed, weigh(placed, scan, gauges)


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
