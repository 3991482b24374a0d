"""What an anomaly detector is fitted on, calibrated with and judged by: scans, or photos."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.annotated import AnnotatedImage, Split, read_annotated
from parcelscope.datasets.errors import ConfigError
from parcelscope.models.bundle import KnownScanner
from parcelscope.training.annotated_scans import is_compliant
from parcelscope.training.anomaly_recipe import AnomalyRecipe
from parcelscope.training.part import Job
from parcelscope.training.part_data import load_data
from parcelscope.training.photo_pictures import masks_of, photo_pictures

Pictures = npt.NDArray[np.generic]
"""(N, 2, H, W) uint16 or (N, 3, H, W) uint8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyData:
    """Pictures by what they serve for."""

    classes: tuple[str, ...]
    train: Pictures
    """Compliant ones."""
    calibration: Pictures
    """Compliant ones that were not learned from."""
    judged: Pictures
    anomalous: npt.NDArray[np.bool_]
    """(N,) which of `judged` are."""
    masks: npt.NDArray[np.bool_] | None
    """(N, H, W) where; None where nothing is marked."""
    split: Split
    """Where `judged` comes from."""
    digest: str
    """Twelve hexadecimal digits over every pixel."""
    told: str
    scanners: tuple[KnownScanner, ...] = ()
    """Whose scans `calibration` holds; none where nobody knows, and of photos."""


def anomaly_data(recipe: AnomalyRecipe, job: Job) -> AnomalyData:
    """The pictures that `recipe` names.

    Raises:
        ConfigError: If generated scans are wanted on a canvas that they are not drawn on.
        DatasetError: If the folder is no annotated set, or has not what is needed.
    """
    if recipe.input == "photo":
        return _photos(recipe, job)
    data = load_data(
        recipe.data,
        "anomaly",
        kind=recipe.kind,
        spec=recipe.canvas.spec(),
        seed=recipe.seed,
        work=job.work,
        report=job.report,
    )
    return AnomalyData(
        classes=data.classes,
        train=data.train.pictures(recipe.kind),
        calibration=data.calibration.pictures(recipe.kind),
        judged=data.val.pictures(recipe.kind),
        anomalous=data.val_anomalous,
        masks=None,
        split="val",
        digest=data.digest,
        told=data.told,
        scanners=data.scanners,
    )


def _photos(recipe: AnomalyRecipe, job: Job) -> AnomalyData:
    if recipe.data.folder is None:
        raise ConfigError(
            "photos are not generated; give data.folder=FOLDER, as `parcelscope dataset import"
            " mvtec-ad` writes it"
        )
    annotated = read_annotated(recipe.data.folder)
    size = {"width_px": recipe.canvas.width_px, "height_px": recipe.canvas.height_px}
    by_split: dict[Split, list[AnnotatedImage]] = {
        split: list(annotated.of_split(split)[: recipe.data.most])
        for split in ("train", "val", "test")
    }
    good = in_turn([i for i in by_split["train"] if is_compliant(i)], recipe.seed)
    calm_of = annotated
    calm = [image for image in by_split["val"] if is_compliant(image)]
    if recipe.data.calibration_folder is not None:
        calm_of = read_annotated(recipe.data.calibration_folder)
        calm = [i for i in calm_of.images if is_compliant(i)][: recipe.data.most]
    elif not calm:
        learned = len(good) - round(recipe.held_out * len(good))
        good, calm = good[:learned], good[learned:]
    # A set in MVTec's layout has no split val: its defects are all in test, which only judges.
    split: Split = "val" if _both(by_split["val"]) or not by_split["test"] else "test"
    judged = by_split[split]
    job.report("read photos", 0, 3)
    train = photo_pictures(annotated, good, **size)
    job.report("read photos", 1, 3)
    calibration = photo_pictures(calm_of, calm, **size)
    job.report("read photos", 2, 3)
    shown = photo_pictures(annotated, judged, **size)
    job.report("read photos", 3, 3)
    marked = any(image.mask_path for image in judged)
    digest = hashlib.sha256()
    for pictures in (train, calibration, shown):
        digest.update(np.ascontiguousarray(pictures).data)
    return AnomalyData(
        classes=("scan",),
        train=train,
        calibration=calibration,
        judged=shown,
        anomalous=np.array([not is_compliant(image) for image in judged], np.bool_),
        masks=masks_of(annotated, judged, **size) if marked else None,
        split=split,
        digest=digest.hexdigest()[:12],
        told=f"{annotated.name} ({annotated.source}; licence: {annotated.licence})",
    )


def in_turn(images: Sequence[AnnotatedImage], seed: int) -> list[AnnotatedImage]:
    """`images` in an order drawn from `seed`, those of one group together.

    What is held out of a fit is its end: a folder's own order may be that of the days it was
    photographed on.
    """
    groups: dict[str, list[AnnotatedImage]] = {}
    for image in images:
        groups.setdefault(image.group, []).append(image)
    members = list(groups.values())
    order = np.random.default_rng(seed).permutation(len(members))
    return [image for number in order for image in members[int(number)]]


def _both(images: Sequence[AnnotatedImage]) -> bool:
    return len({is_compliant(image) for image in images}) == 2
