"""The built-in bundle from nothing: draw, fit, export, calibrate, fuse, write.

Every step leaves its result in the work folder under a name that holds the recipe's digest, so that
an interrupted build goes on where it stopped and a changed recipe starts afresh.
"""

import datetime
import json
import logging
import multiprocessing
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import torch

from parcelscope.datasets.writing import write_text_whole
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.models.bundle import (
    CARD,
    Bundle,
    FusionModel,
    InputKind,
    load_bundle,
)
from parcelscope.models.heatmap_network import ExportedHeatmap, HeatmapNetwork
from parcelscope.training.anomaly import fit_anomaly
from parcelscope.training.cards import anomaly_card, item_card, piece_card
from parcelscope.training.contents_step import contents_card, make_contents
from parcelscope.training.export import export_onnx
from parcelscope.training.fit import FitSettings, Progress, fit_heatmap
from parcelscope.training.fuse_feed import draw_feed, fuse_on_feed
from parcelscope.training.halved import store_halved
from parcelscope.training.recipe import Recipe
from parcelscope.training.scan_sets import STRIDES_PX, ScanSet
from parcelscope.training.workshop import KINDS, PIECE_LABELS, Report, Workshop

log = logging.getLogger(__name__)

COUNT_WEIGHT = 0.6
STACKED = 0.3
"""Share of training pictures of two parcels, one upon the other: clutter that costs no drawing."""

WINDOW_PX = 128
"""Side of the windows over the items that are learned from."""


def build_bundle(recipe: Recipe, *, work: Path, out: Path, report: Report) -> Bundle:
    """Make the bundle of `recipe` and write it to `out`.

    Args:
        recipe: How much of everything.
        work: Folder for intermediate results; kept, a few GB for the full recipe.
        out: Folder of the bundle; written at the very end.
        report: Called with the progress of each step, from two processes at once.
    """
    started = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    shop = Workshop(recipe, work, report)
    # Two processes of one thread each: a step of so small a network spends more time at the
    # barriers between two threads than it gains from the second.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for chain in [pool.submit(make, shop) for make in (make_items, make_pieces, make_feed)]:
            chain.result()
    make_anomaly(shop)
    make_contents(shop)
    draft = draft_bundle(shop)
    staging = shop.path("bundle")
    write_bundle(draft, shop, staging)
    parcel_fusion, carton_fusion = fuse_on_feed(draft, staging, shop.path("feed"), recipe, report)
    bundle = draft.model_copy(
        update={"parcel_fusion": parcel_fusion, "carton_fusion": carton_fusion}
    )
    write_bundle(bundle, shop, out)
    load_bundle(out)
    log.info("built %s in %.0f s", out, time.monotonic() - started)
    return bundle


def make_items(shop: Workshop) -> None:
    """`xray.items` for raw energies, and for colours starting from those weights."""
    one_thread()
    recipe, classes = shop.recipe, len(ITEM_LABELS)
    scans = shop.parcels()
    settings = FitSettings(
        passes=recipe.item_passes,
        stride_px=STRIDES_PX["parcel"],
        stacked=STACKED,
        window_px=WINDOW_PX,
        seed=recipe.seed,
    )
    dual = fitted(shop, "xray-items-dual", scans, classes, "dual", settings, None)
    colour = replace(settings, passes=recipe.item_colour_passes)
    fitted(shop, "xray-items-colour", scans, classes, "colour", colour, dual)


def make_pieces(shop: Workshop) -> None:
    """`xray.pieces` for raw energies and for colours, and the sets that calibrate everything."""
    one_thread()
    recipe, classes = shop.recipe, len(PIECE_LABELS)
    scans = shop.cartons()
    settings = FitSettings(
        passes=recipe.piece_passes,
        stride_px=STRIDES_PX["carton"],
        count_weight=COUNT_WEIGHT,
        seed=recipe.seed,
    )
    dual = fitted(shop, "xray-pieces-dual", scans, classes, "dual", settings, None)
    colour = replace(settings, passes=recipe.piece_colour_passes)
    fitted(shop, "xray-pieces-colour", scans, classes, "colour", colour, dual)
    shop.calibration_cartons()
    shop.genuine()
    shop.calibration_parcels()


def make_feed(shop: Workshop) -> None:
    """The synthetic feed that the fusion models are fitted on."""
    one_thread()
    draw_feed(shop.path("feed"), shop.recipe, shop.report)


def make_anomaly(shop: Workshop) -> None:
    """`xray.anomaly` for raw energies and for colours."""
    for kind in KINDS:
        stem = f"xray-anomaly-{kind}"
        if shop.path(f"{stem}.onnx").exists():
            continue
        shop.report(f"fit {stem}", 0, 1)
        genuine = shop.genuine()
        pictures = genuine.pictures(kind)
        network = fit_anomaly(pictures, kind=kind, seed=shop.recipe.seed)
        export(shop, stem, network, kind, ("score", "map"), genuine)
        shop.report(f"fit {stem}", 1, 1)


def draft_bundle(shop: Workshop) -> Bundle:
    """The bundle with calibrated detectors, and a fusion model that has yet to be fitted."""
    recipe = shop.recipe
    flat = FusionModel(intercept=-3.0, weights={}, knots_logit=(-6, 6), knots_risk=(0.01, 0.99))
    return Bundle(
        name="parcelscope-builtin" if recipe.name == "builtin" else f"parcelscope-{recipe.name}",
        version="0.1.0",
        licence="Apache-2.0",
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        training_data=f"generated by parcelscope, recipe {recipe.name} {recipe.digest()}",
        detectors=(
            *(item_card(shop, kind) for kind in KINDS),
            *(piece_card(shop, kind) for kind in KINDS),
            *(anomaly_card(shop, kind) for kind in KINDS),
            *(contents_card(shop, kind) for kind in KINDS),
        ),
        parcel_fusion=flat,
        carton_fusion=flat,
        notes=(
            "Trained on simulated scans only: calibrate on your own scanners before relying on a"
            " p-value. xray.anomaly holds features of EfficientNet-lite0, trained on ImageNet."
        ),
    )


def fitted(
    shop: Workshop,
    stem: str,
    scans: ScanSet,
    classes: int,
    kind: InputKind,
    settings: FitSettings,
    start: HeatmapNetwork | None,
) -> HeatmapNetwork:
    """The network of `stem`, fitted and exported, or read back if it was before."""
    weights = shop.path(f"{stem}.pt")
    if weights.exists():
        network = HeatmapNetwork(classes, kind, stride_px=settings.stride_px)
        network.load_state_dict(torch.load(weights, weights_only=True))
        network.eval()
    else:
        network = fit_heatmap(
            scans,
            classes=classes,
            kind=kind,
            settings=settings,
            start=start,
            progress=_told(shop.report, f"fit {stem}"),
        )
        aside = weights.with_suffix(".part")
        torch.save(network.state_dict(), aside)
        aside.replace(weights)
    if not shop.path(f"{stem}.onnx").exists():
        counting = settings.count_weight > 0
        outputs = ("peaks", "size", "offset") + (("count",) if counting else ())
        exported = ExportedHeatmap(network, with_count=counting)
        export(shop, stem, exported, kind, outputs, scans)
    return network


def write_bundle(bundle: Bundle, shop: Workshop, out: Path) -> None:
    """Copy the graphs to `out`, then write the card that makes them a bundle."""
    out.mkdir(parents=True, exist_ok=True)
    for card in bundle.detectors:
        shutil.copyfile(shop.path(card.file), out / card.file)
    text = json.dumps(bundle.model_dump(mode="json"), indent=1)
    write_text_whole(out / CARD, text + "\n")


def export(
    shop: Workshop,
    stem: str,
    module: torch.nn.Module,
    kind: InputKind,
    outputs: tuple[str, ...],
    scans: ScanSet,
) -> None:
    """Export `module` with its parity figures beside it."""
    pictures = scans.pictures(kind)
    found = export_onnx(
        module,
        shop.path(f"{stem}.onnx"),
        kind=kind,
        height_px=pictures.shape[2],
        width_px=pictures.shape[3],
        outputs=outputs,
        samples=pictures[:5],
    )
    found["stored_in_16_bits"] = store_halved(
        shop.path(f"{stem}.onnx"), outputs=outputs, samples=pictures[:32]
    )
    write_text_whole(shop.path(f"{stem}.parity.json"), json.dumps(found))


def one_thread() -> None:
    """Keep this process to one core."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _told(report: Report, step: str) -> Progress:
    return lambda done, steps, loss: report(f"{step} (loss {loss:.2f})", done, steps)
