"""The step of a bundle's build that makes `xray.contents`, and its cards.

It draws no scan of its own: it learns from the compliant parcels that the anomaly detector is
fitted on, and is calibrated on those that set the other detectors' p-values. What those parcels
hold is drawn again from their seeds, which takes a tenth of the time of their scans.
"""

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from parcelscope.datasets.writing import write_text_whole
from parcelscope.models.bundle import DetectorCard, GenuineScores, InputKind
from parcelscope.training.calibrate import run_graph
from parcelscope.training.contents import (
    TrueContents,
    calibrate_contents,
    fit_contents,
    true_contents,
)
from parcelscope.training.export import export_onnx, sha256_of
from parcelscope.training.halved import store_halved
from parcelscope.training.scan_sets import PARCEL_CANVAS, parcel_scene
from parcelscope.training.workshop import KINDS, Workshop

GENUINE_SEED, CALIBRATION_SEED = 2, 5
"""What `Workshop.genuine` and `Workshop.calibration_parcels` add to the recipe's seed."""
OUTPUTS = ("support", "material")


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
        graph = shop.path(f"{stem}.onnx")
        parity = export_onnx(
            network,
            graph,
            kind=kind,
            height_px=pictures.shape[2],
            width_px=pictures.shape[3],
            outputs=OUTPUTS,
            samples=pictures[:5],
        )
        parity["stored_in_16_bits"] = store_halved(graph, outputs=OUTPUTS, samples=pictures[:32])
        held_out = shop.calibration_parcels().pictures(kind)
        (support,) = run_graph(graph, held_out, ("support",))
        contents = drawn_contents(shop.recipe.seed + CALIBRATION_SEED, len(held_out))
        genuine = calibrate_contents(support, contents, families)
        # Written last: its presence says that the step is done for this kind.
        write_text_whole(
            told,
            json.dumps(
                {
                    "families": families,
                    "genuine": {name: one.model_dump() for name, one in genuine.items()},
                    "metrics": parity | support_metrics(support, contents, families),
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
        genuine={
            name: GenuineScores.model_validate(scores) for name, scores in told["genuine"].items()
        },
        metrics={name: float(f"{value:.2g}") for name, value in told["metrics"].items()},
    )


def drawn_contents(seed: int, count: int) -> list[TrueContents]:
    """What the `count` compliant parcels of the set that `draw_set` draws from `seed` hold."""
    return [
        true_contents(parcel_scene(np.random.default_rng([seed, index]), benign=True))
        for index in range(count)
    ]


def support_metrics(
    support: npt.NDArray[np.float32], contents: Sequence[TrueContents], families: Sequence[str]
) -> dict[str, float]:
    """AUROC of each family's support: parcels that declare it against parcels without any of it."""
    found = {}
    for column, family in enumerate(families):
        declared = np.array([family in one.declared for one in contents])
        taught = declared | np.array([family not in one.present for one in contents])
        if declared.any() and not declared[taught].all():
            found[f"auroc_{family.replace(' ', '_')}"] = float(
                roc_auc_score(declared[taught], support[taught, column])
            )
    return found
