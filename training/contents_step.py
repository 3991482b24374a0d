"""The step of a bundle's build that makes `xray.contents`, and its cards.

It draws no scan of its own: it learns from the compliant parcels that the anomaly detector is
fitted on, and is calibrated on those that set the other detectors' p-values.
"""

import json

from parcelscope.datasets.writing import write_text_whole
from parcelscope.models.bundle import DetectorCard, GenuineScores, InputKind
from parcelscope.training.contents import drawn_contents, fit_contents
from parcelscope.training.contents_graph import support_metrics, write_graph
from parcelscope.training.export import sha256_of
from parcelscope.training.scan_sets import DRAWN_SCANNERS, PARCEL_CANVAS
from parcelscope.training.workshop import KINDS, Workshop

GENUINE_SEED, CALIBRATION_SEED = 2, 5
"""What `Workshop.genuine` and `Workshop.calibration_parcels` add to the recipe's seed."""


def make_contents(shop: Workshop) -> None:
    """`xray.contents` for raw energies and for colours."""
    for kind in KINDS:
        stem = f"xray-contents-{kind}"
        told = shop.path(f"{stem}.json")
        if told.exists():
            continue
        shop.report(f"fit {stem}", 0, 1)
        pictures = shop.genuine().pictures(kind)
        network, families = fit_contents(
            pictures, drawn_contents(shop.recipe.seed + GENUINE_SEED, len(pictures)), kind=kind
        )
        held_out = shop.calibration_parcels().pictures(kind)
        contents = drawn_contents(shop.recipe.seed + CALIBRATION_SEED, len(held_out))
        graph = write_graph(
            network,
            families,
            shop.path(f"{stem}.onnx"),
            kind=kind,
            samples=pictures,
            held_out=held_out,
            contents=contents,
            halve=True,
        )
        # Written last: its presence says that the step is done for this kind.
        write_text_whole(
            told,
            json.dumps(
                {
                    "families": families,
                    "genuine": {name: one.model_dump() for name, one in graph.genuine.items()},
                    "metrics": graph.parity | support_metrics(graph.support, contents, families),
                }
            ),
        )
        shop.report(f"fit {stem}", 1, 1)


def contents_card(shop: Workshop, kind: InputKind) -> DetectorCard:
    """The card of what `make_contents` made."""
    stem = f"xray-contents-{kind}"
    told = json.loads(shop.path(f"{stem}.json").read_text())
    return DetectorCard(
        detector="xray.contents",
        input=kind,
        file=f"{stem}.onnx",
        sha256=sha256_of(shop.path(f"{stem}.onnx")),
        width_px=PARCEL_CANVAS.width_px,
        height_px=PARCEL_CANVAS.height_px,
        mm_per_px=PARCEL_CANVAS.mm_per_px,
        classes=tuple(told["families"]),
        scanners=DRAWN_SCANNERS,
        genuine={
            name: GenuineScores.model_validate(scores) for name, scores in told["genuine"].items()
        },
        metrics={name: float(f"{value:.2g}") for name, value in told["metrics"].items()},
    )
