"""The images of one flagged parcel or carton as a dossier lists them: files, marks, references."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import ScanKind
from parcelscope.inference.owners import IMAGE_COLUMNS, ImageRow, Owner, scan_groups
from parcelscope.inference.photo_authenticity import AUTHENTICITY, ZONE
from parcelscope.models.bundle import Bundle
from parcelscope.pipelines.calibration_words import calibration_note
from parcelscope.pipelines.gallery import failures, mark_words, reading_order
from parcelscope.pipelines.reference_pictures import FOLDER, file_name, reference_box
from parcelscope.review.dossier import (
    MOST_IMAGES,
    BoxXyxy,
    DossierImage,
    Form,
    ImageMark,
    ReferenceFile,
    Zone,
    as_image_files,
)
from parcelscope.review.heat import ANOMALY

Row = Mapping[str, Any]

_FORM_OF_ENERGY: Final[Mapping[str, Form]] = {
    "dual": "dual",
    "low": "grey",
    "high": "grey",
    "grey": "grey",
    "colour": "colour",
}
_KIND_OF_FORM: Final[Mapping[Form, ScanKind]] = {"dual": "dual", "colour": "colour"}


def dossier_images(
    kind: OwnerKind,
    rows: Sequence[Row],
    verdicts: Sequence[Row],
    drawn: Sequence[Row],
    findings: Sequence[Row],
    *,
    run_folder: Path,
    root: Path,
    bundle: Bundle | None,
) -> tuple[DossierImage, ...]:
    """The images of one owner: scans on arrival first, each with what was found in it.

    Args:
        kind: Of the owner.
        rows: Its rows of the images table.
        verdicts: What became of those that were not read, or on which a check failed.
        drawn: Findings to mark.
        findings: All findings, for the photos that were compared with genuine ones.
        run_folder: Where the references are.
        root: Of the feed, to be left out of messages.
        bundle: Says for which scanners it is calibrated; None where it is not at hand.
    """
    images = tuple(
        ImageRow(**{name: row[name] for name in IMAGE_COLUMNS})
        for row in sorted(rows, key=lambda row: (row["path"], row["row"]))
    )
    owner = Owner(owner_id="", owner_kind=kind, images=images)
    groups = [("scan", group.images) for group in scan_groups(owner)]
    groups.sort(key=lambda group: ((group[1][0].station or "arrival") == "origin", _view(group[1])))
    groups += [("photo", (photo,)) for photo in owner.photos]
    taken = {row["path"]: row.get("taken_at") for row in rows}
    trouble = _trouble(verdicts, root)
    marks = _marks(drawn)
    told = []
    for n, (image_kind, files) in enumerate(groups[:MOST_IMAGES]):
        first = files[0]
        form: Form | None = "photo" if image_kind == "photo" else _form(files)
        moment = taken.get(first.path)
        told.append(
            DossierImage(
                n=n,
                kind="photo" if image_kind == "photo" else "scan",
                view=first.view,
                station=first.station,
                form=form,
                pixel_pitch_mm=next((f.pixel_pitch_mm for f in files if f.pixel_pitch_mm), None),
                scanner_model=first.scanner_model,
                taken_at=None if moment is None else moment.isoformat(),
                note=None if bundle is None else _note(bundle, kind, form, first),
                files=as_image_files(files),
                heat=_has_map(bundle, kind, form, files, drawn),
                marks=tuple(mark for file in files for mark in marks.get(file.path, ())),
                references=tuple(_references(findings, first.path, run_folder)),
                zones=tuple(_zones(findings, first.path)),
                problem=next((trouble[f.path] for f in files if f.path in trouble), None),
            )
        )
    return tuple(told)


def _view(files: Sequence[ImageRow]) -> str:
    """What scans are sorted by: top before side before what has no name."""
    return {"top": "0", "side": "1"}.get(files[0].view or "", "2") + files[0].path


def _form(files: Sequence[ImageRow]) -> Form | None:
    if len(files) > 1:
        return "dual"
    return _FORM_OF_ENERGY.get(files[0].energy or "")


def _note(bundle: Bundle, kind: OwnerKind, form: Form | None, first: ImageRow) -> str | None:
    scan_kind = _KIND_OF_FORM.get(form) if form is not None else None
    if scan_kind is None or first.kind != "scan":
        return None
    return calibration_note(bundle, kind, scan_kind, first.scanner_model, first.scanner_software)


def _has_map(
    bundle: Bundle | None,
    kind: OwnerKind,
    form: Form | None,
    files: Sequence[ImageRow],
    drawn: Sequence[Row],
) -> bool:
    """Whether a map tells anything: where a scan that is not unusual is brightest says nothing."""
    if bundle is None or kind != "parcel" or form not in ("dual", "colour"):
        return False
    paths = [file.path for file in files]
    reported = any(row["source"] == ANOMALY and row["image_path"] in paths for row in drawn)
    return reported and any(
        card.detector == ANOMALY and card.input == form for card in bundle.detectors
    )


def _trouble(verdicts: Sequence[Row], root: Path) -> dict[str, str]:
    """Why images could not be read, by path, without where they lie on this machine."""
    return {path: said.replace(f"{root}/", "") for path, said in failures(verdicts)}


def _marks(drawn: Sequence[Row]) -> dict[str, list[ImageMark]]:
    """Marks by the path of their image, in reading order; pieces are numbered."""
    located = [row for row in drawn if row["image_path"] is not None and _box(row) is not None]
    marks: dict[str, list[ImageMark]] = {}
    pieces: dict[str, int] = {}
    for row in sorted(located, key=lambda row: reading_order(dict(row))):
        path, box = row["image_path"], _box(row)
        if row["code"] == ZONE or box is None:
            continue  # zones stand beside their reference
        label = mark_words(dict(row))[1]
        if row["code"] == "pieces.piece":
            pieces[path] = pieces.get(path, 0) + 1
            label = str(pieces[path])
        elif row["source"] == "indicator":
            label = row["text"] or row["code"]
        marks.setdefault(path, []).append(
            ImageMark(code=row["code"], label=label, score=row["score"], box_xyxy=box)
        )
    return marks


def _references(findings: Sequence[Row], path: str, run_folder: Path) -> Iterator[ReferenceFile]:
    """The genuine photos that the photo at `path` was compared with."""
    skus = dict.fromkeys(
        str(row["text"])
        for row in findings
        if row["code"] == AUTHENTICITY and row["image_path"] == path
    )
    for k, sku in enumerate(skus):
        file = file_name(sku)
        if (run_folder / FOLDER / file).is_file():
            yield ReferenceFile(k=k, caption=f"Genuine reference of SKU {sku}", file=file)


def _zones(findings: Sequence[Row], path: str) -> Iterator[Zone]:
    zones = [row for row in findings if row["code"] == ZONE and row["image_path"] == path]
    for number, row in enumerate(zones, start=1):
        box = _box(row)
        if box is not None:
            yield Zone(
                number=number,
                box_xyxy=box,
                reference_xyxy=reference_box(row["text"]),
                sentence=row["sentence"],
            )


def _box(row: Row) -> BoxXyxy | None:
    box = row["box_xyxy"]
    if box is None or len(box) != 4:
        return None
    x0, y0, x1, y1 = (float(value) for value in box)
    return x0, y0, x1, y1
