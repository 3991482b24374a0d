"""Genuine references from a folder of photos: which SKUs there are, and their part of a bundle."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from parcelscope.datasets.errors import ConfigError, ImageError
from parcelscope.datasets.photos import read_photo
from parcelscope.datasets.writing import write_text_whole, write_whole
from parcelscope.inference.quality import assess_photo
from parcelscope.inference.sessions import open_session
from parcelscope.models.bundle import CARD, Bundle, PhotoReferences, ReferenceCard, load_bundle
from parcelscope.models.photo_network import PHOTO_WH, PhotoFeatures
from parcelscope.models.references import save_reference
from parcelscope.training.export import export_onnx, sha256_of
from parcelscope.training.photo_reference import GOOD_PHOTOS, MIN_PHOTOS, Built, build_reference

PHOTO_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
MOST_PHOTOS: Final = 50
PART: Final = "references.json"
FEATURES: Final = "photo_features.onnx"
WEIGHT: Final = 1.5
"""Of `photo.authenticity` in a fusion model that knows nothing of it, set by judgement: with 20
genuine photos the strongest finding then multiplies the odds by 7. A refit replaces it."""
CODE: Final = "photo.authenticity"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuPhotos:
    """The genuine photos of one SKU."""

    sku: str
    brand: str | None
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuReport:
    """Whether one SKU has enough good photos."""

    photos: SkuPhotos
    poor: dict[str, str]
    """By file name: why a photo is not used."""
    built: Built | None
    problem: str | None
    """Why there is no reference; None where there is one."""

    @property
    def lines(self) -> list[str]:
        """The report in words."""
        n = len(self.photos.paths)
        head = f"{self.photos.sku}: {n} photos"
        if self.built is None:
            lines = [f"{head}, no reference: {self.problem}"]
        else:
            used = len(self.built.used)
            lines = [f"{head}, {used} used; smallest p-value {1 / (1 + used):.3f}"]
            if used < GOOD_PHOTOS:
                lines.append(f"  {GOOD_PHOTOS - used} more would resolve a p-value below 0.05")
            if not self.built.reference.paper:
                lines.append("  no neutral paper found: shifts of colour are judged less finely")
            if not self.built.reference.codes:
                lines.append("  no bar code was read on most of them: codes are not compared")
        return [*lines, *(f"  {name}: {why}" for name, why in sorted(self.poor.items()))]


def find_references(folder: Path) -> tuple[SkuPhotos, ...]:
    """The SKUs in `folder`: `<sku>/*.jpg`, or `<brand>/<sku>/*.jpg`.

    Raises:
        ConfigError: If the folder is not there, or holds no folder with photos, or one SKU twice.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: expected a folder of genuine photos, found none")
    found: list[SkuPhotos] = []
    for one in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = _photos(one)
        if paths:
            found.append(SkuPhotos(sku=one.name, brand=None, paths=paths))
            continue
        for inner in sorted(path for path in one.iterdir() if path.is_dir()):
            paths = _photos(inner)
            if paths:
                found.append(SkuPhotos(sku=inner.name, brand=one.name, paths=paths))
    if not found:
        raise ConfigError(f"{folder}: expected <sku>/*.jpg or <brand>/<sku>/*.jpg, found no photo")
    skus = [one.sku for one in found]
    twice = sorted({sku for sku in skus if skus.count(sku) > 1})
    if twice:
        raise ConfigError(f"{folder}: expected each SKU once, got {', '.join(twice)} twice")
    return tuple(found)


def build_sku(photos: SkuPhotos, features: Path) -> SkuReport:
    """The reference of one SKU, or why there is none; `features` is the feature graph."""
    poor: dict[str, str] = {}
    good = []
    for path in photos.paths[:MOST_PHOTOS]:
        try:
            picture = read_photo(path)
        except ImageError as error:
            poor[path.name] = str(error)
            continue
        quality = assess_photo(picture)
        if quality.verdict == "poor":
            poor[path.name] = "; ".join(quality.reasons)
        else:
            good.append((path, picture))
    for path in photos.paths[MOST_PHOTOS:]:
        poor[path.name] = f"beyond the first {MOST_PHOTOS}"
    if len(good) < MIN_PHOTOS:
        problem = f"{len(good)} good photos, at least {MIN_PHOTOS} needed"
        return SkuReport(photos=photos, poor=poor, built=None, problem=problem)
    try:
        built = build_reference([picture for _, picture in good], open_session(features))
    except ConfigError as error:
        return SkuReport(photos=photos, poor=poor, built=None, problem=str(error))
    poor.update({good[k][0].name: why for k, why in built.left_out.items()})
    return SkuReport(photos=photos, poor=poor, built=built, problem=None)


def build_references(
    folder: Path,
    out: Path,
    *,
    bundle_folder: Path | None = None,
    told: Callable[[SkuReport], None] | None = None,
) -> PhotoReferences:
    """Write the references of `folder` to `out`, as a part of a bundle or as a whole bundle.

    Args:
        folder: Genuine photos, see `find_references`.
        out: New or empty. The part is `references.json` with the files that it names.
        bundle_folder: A bundle to which the references are added: `out` is then a whole bundle,
            whose older references are replaced.
        told: Called with what became of each SKU.

    Raises:
        ConfigError: If no SKU has enough good photos, or `out` is in use.
    """
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out}: expected a new or empty folder, got one in use")
    skus = find_references(folder)
    bundle = None if bundle_folder is None else load_bundle(bundle_folder)[0]
    out.mkdir(parents=True, exist_ok=True)
    metrics = export_features(out / FEATURES)
    cards = []
    for photos in skus:
        report = build_sku(photos, out / FEATURES)
        if told is not None:
            told(report)
        if report.built is None:
            continue
        name = f"reference_{_safe(photos.sku)}.npz"
        data = save_reference(report.built.reference)
        write_whole(out / name, data)
        cards.append(
            ReferenceCard(
                sku=photos.sku,
                brand=photos.brand,
                file=name,
                sha256=hashlib.sha256(data).hexdigest(),
                photos=len(report.built.used),
                left_out=len(photos.paths) - len(report.built.used),
                source=_digest(photos.paths),
            )
        )
    if not cards:
        raise ConfigError(f"{folder}: no SKU has {MIN_PHOTOS} good photos of one print")
    section = PhotoReferences(
        file=FEATURES, sha256=sha256_of(out / FEATURES), cards=tuple(cards), metrics=metrics
    )
    if bundle is None or bundle_folder is None:
        write_text_whole(out / PART, section.model_dump_json(indent=2) + "\n")
    else:
        for card in bundle.detectors:
            shutil.copyfile(bundle_folder / card.file, out / card.file)
        write_text_whole(out / CARD, with_references(bundle, section).model_dump_json(indent=2))
    return section


def check_references(
    folder: Path, *, told: Callable[[SkuReport], None] | None = None
) -> tuple[SkuReport, ...]:
    """What `build_references` would say of each SKU of `folder`; nothing is kept."""
    reports = []
    with tempfile.TemporaryDirectory() as scratch:
        features = Path(scratch) / FEATURES
        export_features(features)
        for photos in find_references(folder):
            reports.append(build_sku(photos, features))
            if told is not None:
                told(reports[-1])
    return tuple(reports)


def export_features(path: Path) -> dict[str, float]:
    """Write the feature graph that all references share; its differences from torch."""
    width, height = PHOTO_WH
    samples = np.random.default_rng(0).integers(0, 256, (5, 3, height, width), dtype=np.uint8)
    return export_onnx(
        PhotoFeatures(), path, kind="colour", height_px=height, width_px=width,
        outputs=("fine", "coarse"), samples=samples,
    )  # fmt: skip


def with_references(bundle: Bundle, section: PhotoReferences) -> Bundle:
    """`bundle` with these references, and a weight for what they find where it has none."""
    fusion = bundle.parcel_fusion
    weights = {CODE: WEIGHT, **fusion.weights}
    return bundle.model_copy(
        update={
            "references": section,
            "parcel_fusion": fusion.model_copy(update={"weights": weights}),
        }
    )


def _photos(folder: Path) -> tuple[Path, ...]:
    return tuple(
        sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in PHOTO_SUFFIXES)
    )


def _safe(sku: str) -> str:
    """A file name for a SKU that no other SKU has."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", sku)[:60]
    return plain if plain == sku else f"{plain}_{hashlib.sha256(sku.encode()).hexdigest()[:8]}"


def _digest(paths: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
