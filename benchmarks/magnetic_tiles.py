"""Anomalies on magnetic tiles (MTD, in the layout of MVTec AD): how many, where, how fast.

    python benchmarks/magnetic_tiles.py $PARCELSCOPE_REAL_DATA/mtd [--methods plain taught]

Learns from good training tiles only, with defects drawn onto them where the method wants some,
exports the detector, and scores the test tiles through the exported graph on one thread. Nothing is
chosen on the test tiles. Intervals are 95 % bootstrap intervals over test tiles.

`parcelscope train photo_anomaly data.folder=TILES seed=0 method=METHOD` fits by the same steps, but
on 85 % of the good tiles: p-values rest on the others.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from parcelscope.datasets.adapters.mvtec import read
from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet
from parcelscope.training.anomaly import METHODS, Method, fit_anomaly
from parcelscope.training.anomaly_data import in_turn
from parcelscope.training.export import export_onnx
from parcelscope.training.metrics import auroc
from parcelscope.training.photo_pictures import masks_of, photo_pictures
from parcelscope.training.pixel_metrics import pixel_figures

SIDE_PX = 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/magnetic_tiles"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    tiles = tiles_of(options.folder)
    train, test = tiles.of_split("train"), tiles.of_split("test")
    size = {"width_px": SIDE_PX, "height_px": SIDE_PX}
    good = photo_pictures(tiles, in_turn(train, options.seed), **size)
    photos, masks = photo_pictures(tiles, test, **size), masks_of(tiles, test, **size)
    kinds = np.array([image.image_labels[0] if image.image_labels else "good" for image in test])
    print(f"{len(good)} good tiles to learn from, {len(test)} to test on, {SIDE_PX} px")
    for method in options.methods:
        path = options.out / f"tiles-{method}-{options.seed}.onnx"
        fitted_s, network = fitted(good, method, options.seed, path.with_suffix(".pt"))
        export_onnx(
            network,
            path,
            kind="colour",
            height_px=SIDE_PX,
            width_px=SIDE_PX,
            outputs=("score", "map"),
            samples=photos[:5],
        )
        score, heat, per_s = scored(path, photos)
        print(
            f"{method}: fitted in {fitted_s:.0f} s of one core, {path.stat().st_size / 1e6:.1f} MB,"
            f" {per_s:.0f} tiles/s per core"
        )
        show("all", score, kinds != "good")
        for kind in sorted(set(kinds) - {"good"}):
            some = (kinds == kind) | (kinds == "good")
            show(str(kind), score[some], kinds[some] == kind)
        wide = [cv2.resize(one, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR) for one in heat]
        found = pixel_figures(wide, list(masks))
        print(
            f"  pixels: AUROC {found.auroc:.3f},"
            f" AUPRO {found.aupro.value:.3f} [{found.aupro.low:.3f}, {found.aupro.high:.3f}]"
        )


def fitted(
    good: npt.NDArray[np.uint8], method: Method, seed: int, keep: Path
) -> tuple[float, torch.nn.Module]:
    """Seconds of one core, and the network; from `keep` where it was fitted before."""
    if not keep.exists():
        started = time.process_time()
        network = fit_anomaly(good, kind="colour", seed=seed, method=method)
        torch.save((time.process_time() - started, network), keep)
    seconds, network = torch.load(keep, weights_only=False)
    return seconds, network


def tiles_of(folder: Path) -> AnnotatedSet:
    """The set in `folder`, read where it lies."""
    images = tuple(
        AnnotatedImage(
            image_id=str(at),
            path=entry.path,
            kind="photo",
            width_px=1,
            height_px=1,
            split=entry.split or "train",
            group=str(at),
            image_labels=entry.image_labels,
            anomalous=entry.anomalous,
            mask_path=entry.mask_path,
        )
        for at, entry in enumerate(read(folder, None).entries)
    )
    return AnnotatedSet(
        name="tiles", root=folder, classes=(), images=images, licence="", source="MVTec AD layout"
    )


def scored(
    path: Path, photos: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32], float]:
    """Scores, maps, and photos per second of processor time of one thread, batches of 8."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Any = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    scores, heats, best_s = [], [], np.inf
    for start in range(0, len(photos), 8):
        part = photos[start : start + 8]
        started = time.process_time()
        score, heat = session.run(["score", "map"], {"scan": part})
        best_s = min(best_s, (time.process_time() - started) / len(part))
        scores.append(score)
        heats.append(heat[:, 0])
    return np.concatenate(scores).astype(np.float64), np.concatenate(heats), 1 / best_s


def show(name: str, score: npt.NDArray[np.float64], defective: npt.NDArray[np.bool_]) -> None:
    found = auroc(score, defective)
    print(
        f"  {name}: AUROC {found.value:.3f} [{found.low:.3f}, {found.high:.3f}],"
        f" {int(defective.sum())} of {found.count}"
    )


if __name__ == "__main__":
    main()
