"""Training `photo.authenticity`: a genuine reference for each SKU, and how its own photos score."""

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.writing import write_text_whole
from parcelscope.models.bundle import PhotoReferences, ReferenceCard
from parcelscope.models.reference_part import reference_files
from parcelscope.models.references import Reference, load_reference
from parcelscope.training.contact_sheet import MOST, captioned, write_tiles
from parcelscope.training.part import Job, TrainedPart
from parcelscope.training.photo_reference import GOOD_PHOTOS
from parcelscope.training.reference_recipe import ReferenceRecipe
from parcelscope.training.reference_set import SkuPhotos, SkuReport, build_section, find_references
from parcelscope.training.train_detector import use_threads

HELD_OUT = "held_out.csv"
TILE_PX = 240
Row = dict[str, str | float]


def train_references(recipe: ReferenceRecipe, job: Job) -> TrainedPart:
    """The genuine references of `recipe`, built SKU by SKU; finished ones are kept on a resume.

    Raises:
        ConfigError: If no folder is given, or no SKU in it has enough good photos.
    """
    if recipe.references is None:
        raise ConfigError(
            "references are made of genuine photos; give references=FOLDER with <sku>/*.jpg or"
            " <brand>/<sku>/*.jpg"
        )
    use_threads(recipe.threads)
    skus = find_references(recipe.references)
    poor: list[str] = []
    done = 0

    def told(report: SkuReport) -> None:
        nonlocal done
        done += 1
        job.report(f"SKU {report.photos.sku}", done, len(skus))
        if report.built is None:
            poor.append(f"{report.photos.sku}: {report.problem}")

    job.report("genuine references", 0, len(skus))
    section = build_section(
        recipe.references, skus, _made(job.part), told=told, kept=_made(job.work)
    )
    digest = _digest(section)
    job.tracker.parameters({"data.digest": digest, "data.told": _told(skus)})
    references = [load_reference(job.part / card.file) for card in section.cards]
    rows = [_row(*pair) for pair in zip(section.cards, references, strict=True)]
    _write_table(rows, job.part / HELD_OUT)
    write_tiles(
        job.part / "samples.png",
        [_tile(*pair) for pair in zip(section.cards[:MOST], references, strict=False)],
    )
    metrics = section.metrics | _figures(section, references, len(skus))
    return TrainedPart(
        folder=job.part,
        files=reference_files(section),
        card=section,
        metrics=metrics,
        data_digest=digest,
        remarks=tuple(_remarks(section, poor)),
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _figures(
    section: PhotoReferences, references: Sequence[Reference], skus: int
) -> dict[str, float]:
    """Of all SKUs together; scores are those of photos that were held out in turn."""
    photos = [card.photos for card in section.cards]
    scores = np.concatenate([reference.genuine for reference in references])
    figures = {
        "skus": len(photos),
        "skus_without_reference": skus - len(photos),
        "photos": sum(photos),
        "photos_left_out": sum(card.left_out for card in section.cards),
        "fewest_photos": min(photos),
        "largest_smallest_p": 1 / (1 + min(photos)),
        "held_out_score_median": float(np.median(scores)),
        "held_out_score_95": float(np.quantile(scores, 0.95)),
        "held_out_score_highest": float(scores.max()),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def _row(card: ReferenceCard, reference: Reference) -> Row:
    """One SKU: how its own photos score by a reference that did not see them, and by which check.

    Of each check the usual score of a held-out photo; see `Reference.check_centre`.
    """
    row: Row = {
        "sku": card.sku,
        "brand": card.brand or "",
        "photos": card.photos,
        "left_out": card.left_out,
        "smallest_p": round(1 / (1 + card.photos), 4),
        "held_out_median": round(float(np.median(reference.genuine)), 3),
        "held_out_highest": round(float(reference.genuine.max()), 3),
    }
    usual = np.exp(reference.check_centre)
    return row | {
        name: round(float(value), 3) for name, value in zip(reference.checks, usual, strict=True)
    }


def _write_table(rows: Sequence[Row], path: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    write_text_whole(path, text.getvalue())


def _tile(card: ReferenceCard, reference: Reference) -> npt.NDArray[np.uint8]:
    """The genuine photo that differences are shown beside, in a square."""
    height, width = reference.shown.shape[:2]
    scale = TILE_PX / max(height, width)
    size_wh = max(round(width * scale), 1), max(round(height * scale), 1)
    shown = cv2.resize(reference.shown, size_wh, interpolation=cv2.INTER_AREA)
    tile = np.full((TILE_PX, TILE_PX, 3), 255, np.uint8)
    top, left = (TILE_PX - size_wh[1]) // 2, (TILE_PX - size_wh[0]) // 2
    tile[top : top + size_wh[1], left : left + size_wh[0]] = shown
    return captioned(
        tile,
        " ".join(filter(None, (card.brand, card.sku)))[:36],
        f"{card.photos} photos, p from {1 / (1 + card.photos):.3f}",
    )


def _remarks(section: PhotoReferences, poor: Sequence[str]) -> list[str]:
    remarks = [f"no reference of SKU {one}" for one in poor[:5]]
    if len(poor) > len(remarks):
        remarks.append(f"and of {len(poor) - len(remarks)} other SKUs")
    few = [card.sku for card in section.cards if card.photos < GOOD_PHOTOS]
    if few:
        remarks.append(
            f"{len(few)} of {len(section.cards)} SKUs have fewer than {GOOD_PHOTOS} photos: what"
            " differs from them is shown, but no p-value is low enough to be a reason"
        )
    return remarks


def _digest(section: PhotoReferences) -> str:
    digest = hashlib.sha256()
    for card in section.cards:
        digest.update(f"{card.sku} {card.brand} {card.source}\n".encode())
    return digest.hexdigest()[:12]


def _told(skus: Sequence[SkuPhotos]) -> str:
    return f"{sum(len(one.paths) for one in skus)} genuine photos of {len(skus)} SKUs"
