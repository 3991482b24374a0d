"""The cards of a bundle: what each exported detector is, and how it is calibrated."""

import json

import numpy as np

from parcelscope.datasets.canvas import CanvasSpec
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.models.bundle import DetectorCard, DetectorName, InputKind
from parcelscope.training.calibrate import (
    alarm_threshold,
    calibrate_count,
    class_scores,
    detect,
    genuine_scores,
    run_graph,
)
from parcelscope.training.export import sha256_of
from parcelscope.training.scan_sets import CARTON_CANVAS, DRAWN_SCANNERS, PARCEL_CANVAS
from parcelscope.training.workshop import PIECE_LABELS, Workshop

PIECE_THRESHOLD = 0.3
"""Score from which an inner parcel is drawn for the analyst; the count does not depend on it."""


def item_card(shop: Workshop, kind: InputKind) -> DetectorCard:
    """`xray.items` with thresholds and p-values from compliant parcels it never saw."""
    stem = f"xray-items-{kind}"
    held_out = shop.calibration_parcels().pictures(kind)
    scores = class_scores(detect(shop.path(f"{stem}.onnx"), held_out), ITEM_LABELS)
    return _card(shop, "xray.items", stem, kind, PARCEL_CANVAS, ITEM_LABELS).model_copy(
        update={
            "thresholds": {name: round(alarm_threshold(s), 4) for name, s in scores.items()},
            "genuine": {name: genuine_scores(s) for name, s in scores.items()},
        }
    )


def piece_card(shop: Workshop, kind: InputKind) -> DetectorCard:
    """`xray.pieces` with a count interval from cartons it never saw."""
    stem = f"xray-pieces-{kind}"
    held_out = shop.calibration_cartons()
    (raw,) = run_graph(shop.path(f"{stem}.onnx"), held_out.pictures(kind), ("count",))
    true = np.array([len(label) for label in held_out.label], np.float64)
    count = calibrate_count(raw.astype(np.float64), true)
    middle = np.array([count.interval(float(value))[0] for value in raw])
    card = _card(shop, "xray.pieces", stem, kind, CARTON_CANVAS, PIECE_LABELS)
    mae = round(float(np.abs(middle - true).mean()), 3)
    return card.model_copy(
        update={
            "thresholds": {PIECE_LABELS[0]: PIECE_THRESHOLD},
            "count": count,
            "metrics": {**card.metrics, "calibration_count_mae": mae},
        }
    )


def anomaly_card(shop: Workshop, kind: InputKind) -> DetectorCard:
    """`xray.anomaly` with p-values from compliant parcels it never saw."""
    stem = f"xray-anomaly-{kind}"
    held_out = shop.calibration_parcels().pictures(kind)
    (score,) = run_graph(shop.path(f"{stem}.onnx"), held_out, ("score",))
    return _card(shop, "xray.anomaly", stem, kind, PARCEL_CANVAS, ("scan",)).model_copy(
        update={"genuine": {"scan": genuine_scores(score)}}
    )


def _card(
    shop: Workshop,
    detector: DetectorName,
    stem: str,
    kind: InputKind,
    canvas: CanvasSpec,
    classes: tuple[str, ...],
) -> DetectorCard:
    """A card without calibration, with the parity figures of its export."""
    parity = json.loads(shop.path(f"{stem}.parity.json").read_text())
    return DetectorCard(
        detector=detector,
        input=kind,
        file=f"{stem}.onnx",
        sha256=sha256_of(shop.path(f"{stem}.onnx")),
        width_px=canvas.width_px,
        height_px=canvas.height_px,
        mm_per_px=canvas.mm_per_px,
        classes=classes,
        scanners=DRAWN_SCANNERS,
        metrics={name: float(f"{value:.2g}") for name, value in parity.items()},
    )
