"""From what a detector gave to findings: boxes in pixels of the scan, p-values, a sentence."""

from typing import Final

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.canvas import Canvas
from parcelscope.datasets.records import Finding
from parcelscope.inference.detectors import Anomaly, Contents, PieceCount
from parcelscope.inference.placing import PlacedScan
from parcelscope.models.bundle import DetectorCard
from parcelscope.models.heatmap import FLOOR, Boxes

Box = tuple[float, float, float, float]
SCAN: Final = "scan"
"""Name under which a card keeps the anomaly scores of compliant scans."""
MATERIALS: Final = ("organic", "mixed", "metal-like", "opaque")
"""What `xray.contents` tells apart, in the order of its output."""
NOT_CALIBRATED: Final = "not calibrated for this scanner"
"""Said wherever a p-value comes from the scans of other scanners."""


def item_findings(scan: PlacedScan, card: DetectorCard, found: Boxes) -> list[Finding]:
    """One finding for each shape, also below the score at which it is shown to the analyst."""
    findings = []
    is_calibrated = card.is_calibrated_for(*scan.scanner)
    boxes = image_boxes(scan, scan.canvases[card.detector], found.box_xyxy)
    for box, score, label in zip(boxes, found.score, found.label, strict=True):
        name = card.classes[label]
        genuine = card.genuine.get(name)
        findings.append(
            Finding(
                owner_id=scan.owner.owner_id,
                owner_kind=scan.owner.owner_kind,
                source=card.detector,
                code=f"item.{name}",
                sentence=f"Shape like {with_article(name)} at {place(box)}.",
                score=float(score),
                p_value=None if genuine is None else genuine.p_value(float(score)),
                image_path=scan.path,
                box_xyxy=box,
                is_calibrated=is_calibrated,
            )
        )
    return findings


def piece_findings(scan: PlacedScan, card: DetectorCard, found: PieceCount) -> list[Finding]:
    """The interval of the count, and one finding to draw for each inner parcel."""
    findings = []
    owner = scan.owner
    if card.count is not None:
        middle, low, high = card.count.interval(found.raw)
        findings.append(
            Finding(
                owner_id=owner.owner_id,
                owner_kind=owner.owner_kind,
                source=card.detector,
                code="pieces.count",
                sentence=f"The scan shows about {middle:.0f} inner parcels,"
                f" between {low:.1f} and {high:.1f}.",
                observed=middle,
                observed_low=low,
                observed_high=high,
                unit="pieces",
                image_path=scan.path,
                is_calibrated=card.is_calibrated_for(*scan.scanner),
            )
        )
    boxes = image_boxes(scan, scan.canvases[card.detector], found.boxes.box_xyxy)
    for box, score, label in zip(boxes, found.boxes.score, found.boxes.label, strict=True):
        if score < card.thresholds.get(card.classes[label], FLOOR):
            continue
        findings.append(
            Finding(
                owner_id=owner.owner_id,
                owner_kind=owner.owner_kind,
                source=card.detector,
                code="pieces.piece",
                sentence=f"Outline like an inner parcel at {place(box)}.",
                score=float(score),
                image_path=scan.path,
                box_xyxy=box,
            )
        )
    return findings


def anomaly_findings(scan: PlacedScan, card: DetectorCard, found: Anomaly) -> list[Finding]:
    """How unlike compliant scans the scan is, with the region where it is most so."""
    genuine = card.genuine.get(SCAN)
    p_value = None if genuine is None else genuine.p_value(found.score)
    (box,) = image_boxes(scan, scan.canvases[card.detector], found.box_xyxy[None])
    share = "" if p_value is None else f"; about {p_value:.2%} of compliant scans differ as much"
    is_calibrated = card.is_calibrated_for(*scan.scanner)
    if p_value is not None and not is_calibrated:
        share += f" ({NOT_CALIBRATED})"
    return [
        Finding(
            owner_id=scan.owner.owner_id,
            owner_kind=scan.owner.owner_kind,
            source=card.detector,
            code="anomaly.scan",
            sentence=f"The scan differs from compliant scans, most at {place(box)}{share}.",
            score=found.score,
            p_value=p_value,
            image_path=scan.path,
            box_xyxy=box,
            is_calibrated=is_calibrated,
        )
    ]


def contents_findings(scan: PlacedScan, card: DetectorCard, found: Contents) -> list[Finding]:
    """For each family of goods how little it is supported, and what the contents are made of.

    Measurements, not suspicions: they count for nothing until a declaration is held against them.
    """
    findings = [
        Finding(
            owner_id=scan.owner.owner_id,
            owner_kind=scan.owner.owner_kind,
            source=card.detector,
            code="contents.support",
            sentence=f"{p_value:.1%} of compliant scans declared as {family} show as little of it.",
            observed=p_value,
            unit="share of compliant scans",
            text=family,
            image_path=scan.path,
            is_calibrated=card.is_calibrated_for(*scan.scanner),
        )
        for family, support in zip(card.classes, found.support, strict=True)
        if family in card.genuine
        for p_value in [card.genuine[family].p_value(-float(support))]
    ]
    for material, share in zip(MATERIALS, found.material, strict=True):
        findings.append(
            Finding(
                owner_id=scan.owner.owner_id,
                owner_kind=scan.owner.owner_kind,
                source=card.detector,
                code="contents.material",
                sentence=f"About {float(share):.0%} of what the scan shows is {material}.",
                observed=float(share),
                unit="share of the mass",
                text=material,
                image_path=scan.path,
            )
        )
    return findings


def image_boxes(scan: PlacedScan, canvas: Canvas, boxes: npt.NDArray[np.float32]) -> list[Box]:
    """`boxes` (N, 4) of `canvas` in pixels of the full-size scan, clipped to it."""
    width, height = scan.size_wh
    clipped = np.clip(canvas.to_image(boxes), 0, [width, height, width, height])
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in clipped.round(2).tolist()]


def place(box_xyxy: Box) -> str:
    """Where a box is, in words: `x 120 to 180, y 40 to 96`."""
    x0, y0, x1, y1 = box_xyxy
    return f"x {x0:.0f} to {x1:.0f}, y {y0:.0f} to {y1:.0f}"


def with_article(name: str) -> str:
    """The name of a class as the analyst reads it.

    >>> with_article("battery_pack"), with_article("axe"), with_article("loose_pills")
    ('a battery pack', 'an axe', 'loose pills')
    """
    words = name.replace("_", " ")
    if words.endswith("s"):
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
