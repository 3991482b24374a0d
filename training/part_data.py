"""The scans of a recipe: generated, or those of an annotated folder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet, Split, read_annotated
from parcelscope.datasets.canvas import CanvasSpec
from parcelscope.datasets.errors import ConfigError, DatasetError
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.models.bundle import InputKind
from parcelscope.training.annotated_scans import is_compliant, scan_set
from parcelscope.training.part import Report
from parcelscope.training.part_recipes import DataOptions
from parcelscope.training.projected_scans import classes_with_items, with_projections
from parcelscope.training.scan_cache import load_set, save_set
from parcelscope.training.scan_sets import Kind, ScanSet, canvas_of, draw_set
from parcelscope.training.workshop import PIECE_LABELS

Goal = Literal["items", "pieces", "anomaly"]
"""What is learned; decides which scans are drawn and which may calibrate."""
SEEDS = {
    "train": 1,
    "val": 6,
    "calibration": 5,
    "genuine": 2,
    "cartons": 3,
    "count": 4,
    "projected": 8,
}
"""Added to the recipe's seed; equal to those of the built-in bundle for the same sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartData:
    """What one part is learned from, judged on and calibrated with."""

    classes: tuple[str, ...]
    train: ScanSet
    val: ScanSet
    val_anomalous: npt.NDArray[np.bool_]
    """(S,) which scans of `val` hold something marked, or were said to be other than normal."""
    calibration: ScanSet
    """Compliant scans that were not learned from; for `pieces` cartons of known content."""
    digest: str
    """Twelve hexadecimal digits over every pixel, box and class."""
    told: str
    """Where it came from, in words."""


def load_data(
    options: DataOptions,
    goal: Goal,
    *,
    kind: InputKind,
    spec: CanvasSpec,
    seed: int,
    work: Path,
    report: Report,
) -> PartData:
    """The scans that `options` name.

    Args:
        options: The recipe's `data`.
        goal: What is learned.
        kind: Which picture of each scan is used.
        spec: The canvas.
        seed: The recipe's seed.
        work: Folder that drawn sets are kept in, unless `options` name another.
        report: Takes the progress.

    Raises:
        ConfigError: If generated scans are wanted on a canvas that they are not drawn on.
        DatasetError: If the folder is no annotated set, or has not what is needed.
    """
    if options.folder is None:
        data = _generated(options, goal, spec=spec, seed=seed, work=work, report=report)
    else:
        data = _annotated(
            options, options.folder, goal, kind=kind, spec=spec, work=work, report=report
        )
    if options.projected:
        data = _projected(data, options, spec=spec, seed=seed, work=work, report=report)
    return replace(data, digest=_digest(data, kind))


def _generated(
    options: DataOptions, goal: Goal, *, spec: CanvasSpec, seed: int, work: Path, report: Report
) -> PartData:
    of: Kind = "carton" if goal == "pieces" else "parcel"
    if spec != canvas_of(of):
        fixed = canvas_of(of)
        raise ConfigError(
            f"canvas: generated {of}s are drawn on {fixed.width_px} x {fixed.height_px} pixels at"
            f" {fixed.mm_per_px} mm, got {spec.width_px} x {spec.height_px} at {spec.mm_per_px};"
            " another canvas needs data.folder"
        )
    folder = work if options.cache is None else options.cache

    def drawn(name: str, count: int, *, benign: bool = False, as_in_feeds: bool = False) -> ScanSet:
        path = folder / f"{of}-{seed + SEEDS[name]}-{count}-{int(benign)}{int(as_in_feeds)}.npz"
        if not path.exists():
            scans = draw_set(
                of,
                count,
                seed=seed + SEEDS[name],
                benign=benign,
                as_in_feeds=as_in_feeds,
                progress=lambda done: report(f"draw {name} scans", done, count),
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            save_set(scans, path)
        return load_set(path)

    classes: tuple[str, ...]
    if goal == "pieces":
        train, classes = drawn("cartons", options.train), PIECE_LABELS
        calibration = drawn("count", options.calibration, as_in_feeds=True)
    elif goal == "items":
        train, classes = drawn("train", options.train), tuple(ITEM_LABELS)
        calibration = drawn("calibration", options.calibration, benign=True, as_in_feeds=True)
    else:
        train, classes = drawn("genuine", options.train, benign=True), ("scan",)
        calibration = drawn("calibration", options.calibration, benign=True, as_in_feeds=True)
    val = drawn("val", options.val, as_in_feeds=True)
    return PartData(
        classes=classes,
        train=train,
        val=val,
        val_anomalous=np.array([len(label) > 0 for label in val.label], np.bool_),
        calibration=calibration,
        digest="",
        told=f"scans generated by parcelscope, seed {seed}",
    )


def _annotated(
    options: DataOptions,
    folder: Path,
    goal: Goal,
    *,
    kind: InputKind,
    spec: CanvasSpec,
    work: Path,
    report: Report,
) -> PartData:
    annotated = read_annotated(folder)
    train = _some(annotated, "train", options.most)
    val = _some(annotated, "val", options.most)
    if goal == "anomaly":
        train = [image for image in train if is_compliant(image)]
    if goal != "anomaly" and not options.projected and not any(i.labels for i in train):
        raise DatasetError(f"{folder}: no image of split 'train' has a box to learn from")

    def placed(name: str, owner: AnnotatedSet, images: Sequence[AnnotatedImage]) -> ScanSet:
        return scan_set(
            owner,
            images,
            kind=kind,
            spec=spec,
            store=work / f"{name}.npy",
            progress=lambda done: report(f"read {name} scans", done, len(images)),
        )

    calm = annotated
    if options.calibration_folder is not None:
        calm = read_annotated(options.calibration_folder)
        held_out = list(calm.images)
    else:
        held_out = list(val)
    if goal != "pieces":
        held_out = [image for image in held_out if is_compliant(image)]
    sets = [
        placed("train", annotated, train),
        placed("val", annotated, val),
        placed("calibration", calm, held_out[: options.most]),
    ]
    if goal == "pieces":  # whatever they are called, all are pieces
        sets = [replace(s, label=[np.zeros_like(label) for label in s.label]) for s in sets]
    classes = {"items": annotated.classes, "pieces": PIECE_LABELS, "anomaly": ("scan",)}[goal]
    return PartData(
        classes=tuple(classes),
        train=sets[0],
        val=sets[1],
        val_anomalous=np.array([not is_compliant(image) for image in val], np.bool_),
        calibration=sets[2],
        digest="",
        told=f"{annotated.name} ({annotated.source}; licence: {annotated.licence})",
    )


def _projected(
    data: PartData,
    options: DataOptions,
    *,
    spec: CanvasSpec,
    seed: int,
    work: Path,
    report: Report,
) -> PartData:
    """`data` with more scans to learn from, and with the classes of the items projected."""
    classes = classes_with_items(data.classes)
    count = options.projected
    work.mkdir(parents=True, exist_ok=True)
    train = with_projections(
        data.train,
        count,
        classes=classes,
        spec=spec,
        specimens=options.projected_specimens,
        most=options.projected_most,
        seed=seed + SEEDS["projected"],
        store=work / "train-projected.npy",
        progress=lambda done: report("project items", done, count),
    )
    told = f"{data.told}; generated items projected into {count} of its scans"
    return replace(data, classes=classes, train=train, told=told)


def _some(annotated: AnnotatedSet, split: Split, most: int | None) -> list[AnnotatedImage]:
    """The first `most` images of `split`, or all, of which there must be some."""
    images = annotated.of_split(split)
    if not images:
        raise DatasetError(f"{annotated.root}: no image is in split {split!r}, which is needed")
    return list(images[:most])


def _digest(data: PartData, kind: InputKind) -> str:
    digest = hashlib.sha256(repr(data.classes).encode())
    for scans in (data.train, data.val, data.calibration):
        digest.update(np.ascontiguousarray(scans.pictures(kind)).data)
        for box_xyxy, label in zip(scans.boxes_for(kind), scans.label, strict=True):
            digest.update(box_xyxy.astype("<f4").tobytes() + label.astype("<i8").tobytes())
            digest.update(b"|")
    return digest.hexdigest()[:12]
