"""Genuine references from a folder of photos: which SKUs there are, and their part of a bundle."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from parcelscope.datasets.errors import ConfigError, ImageError
from parcelscope.datasets.photos import read_photo
from parcelscope.datasets.writing import write_text_whole, write_whole
from parcelscope.inference.quality import assess_photo
from parcelscope.inference.sessions import open_session
from parcelscope.models.bundle import PhotoReferences, ReferenceCard, load_bundle
from parcelscope.models.photo_network import PHOTO_WH, PhotoFeatures
from parcelscope.models.reference_part import PART, write_with_references
from parcelscope.models.references import save_reference
from parcelscope.training.export import export_onnx, sha256_of
from parcelscope.training.photo_reference import GOOD_PHOTOS, MIN_PHOTOS, Built, build_reference

PHOTO_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
MOST_PHOTOS: Final = 50
FEATURES: Final = "photo_features.onnx"


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
    if bundle_folder is None:
        out.mkdir(parents=True, exist_ok=True)
        section = build_section(folder, skus, out, told=told)
        write_text_whole(out / PART, section.model_dump_json(indent=2) + "\n")
        return section
    bundle, _ = load_bundle(bundle_folder)
    with tempfile.TemporaryDirectory(prefix="parcelscope-references-") as scratch:
        section = build_section(folder, skus, Path(scratch), told=told)
        write_with_references(bundle, bundle_folder, section, Path(scratch), out)
    return section


def build_section(
    folder: Path,
    skus: Sequence[SkuPhotos],
    out: Path,
    *,
    told: Callable[[SkuReport], None] | None = None,
    kept: Path | None = None,
) -> PhotoReferences:
    """Write the files of a reference for each of `skus` to the folder `out`; their card.

    Args:
        folder: Where the photos are, for messages.
        skus: The photos.
        out: Takes the feature graph and one file per SKU.
        told: Called with what became of each SKU.
        kept: Folder that the cards of finished SKUs are kept in, so that an interrupted build goes
            on; those are not told again. A SKU whose photos changed is built anew.

    Raises:
        ConfigError: If no SKU has enough good photos.
    """
    metrics = export_features(out / FEATURES)
    cards = []
    for photos in skus:
        source = _digest(photos.paths)
        note = None if kept is None else kept / f"{_safe(photos.sku)}.json"
        card = None if note is None else _finished(note, out, source)
        if card is None:
            report = build_sku(photos, out / FEATURES)
            if told is not None:
                told(report)
            if report.built is None:
                continue
            card = _write_reference(report.built, photos, source, out)
            if note is not None:
                write_text_whole(note, card.model_dump_json())
        cards.append(card)
    if not cards:
        raise ConfigError(f"{folder}: no SKU has {MIN_PHOTOS} good photos of one print")
    return PhotoReferences(
        file=FEATURES, sha256=sha256_of(out / FEATURES), cards=tuple(cards), metrics=metrics
    )


def _write_reference(built: Built, photos: SkuPhotos, source: str, out: Path) -> ReferenceCard:
    name = f"reference_{_safe(photos.sku)}.npz"
    data = save_reference(built.reference)
    write_whole(out / name, data)
    return ReferenceCard(
        sku=photos.sku,
        brand=photos.brand,
        file=name,
        sha256=hashlib.sha256(data).hexdigest(),
        photos=len(built.used),
        left_out=len(photos.paths) - len(built.used),
        source=source,
    )


def _finished(note: Path, out: Path, source: str) -> ReferenceCard | None:
    """The card in `note`, if its file is there and its photos are still the same."""
    if not note.is_file():
        return None
    card = ReferenceCard.model_validate_json(note.read_bytes())
    path = out / card.file
    whole = path.is_file() and sha256_of(path) == card.sha256
    return card if whole and card.source == source else None


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
