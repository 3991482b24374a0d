"""Parcels with real pictures for the workstation: scans, photos, a genuine reference, a carton."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from parcelscope.datasets.scan_writing import write_dual_png_pair
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.scan_files import draw_scanner, draw_texture
from parcelscope.datasets.xray.carton import make_carton
from parcelscope.datasets.xray.parcel import make_parcel
from parcelscope.datasets.xray.physics import AIR_LEVEL, Counts
from parcelscope.datasets.xray.scan import TrueObject, simulate
from parcelscope.review.dossier import (
    Carton,
    Dossier,
    DossierImage,
    ImageFile,
    ImageMark,
    Inner,
    ManifestLine,
    PieceBox,
    Reason,
    ReferenceFile,
    Source,
    Unassessed,
    Versions,
    Zone,
)
from parcelscope.review.items import Band, NewItem, item_id_of

FACILITY = "JFK"
RISKS: dict[Band, float] = {"clear": 0.02, "look": 0.4, "inspect": 0.95}


@dataclass(frozen=True)
class SeenScan:
    """A generated scan and what it shows."""

    low: Counts
    high: Counts
    objects: tuple[TrueObject, ...]


@cache
def parcel_scan(seed: int = 3) -> SeenScan:
    """A parcel with a knife and a battery pack among its goods, 512 x 400 pixels."""
    rng = np.random.default_rng(seed)
    config = load_synth_config(None)
    scanner = draw_scanner(rng, config, "parcel")
    scene = make_parcel(rng, items=["knife", "battery_pack"])
    scan = simulate(scene, scanner, rng, draw_texture(rng, config))
    return SeenScan(scan.le, scan.he, scan.objects)


@cache
def carton_scan(seed: int = 5) -> SeenScan:
    """A master carton of six pieces."""
    rng = np.random.default_rng(seed)
    config = load_synth_config(None)
    scanner = draw_scanner(rng, config, "carton")
    scan = simulate(
        make_carton(rng, pieces=6, overlap=0.0), scanner, rng, draw_texture(rng, config)
    )
    return SeenScan(scan.le, scan.he, scan.objects)


def write_bench_feed(folder: Path) -> Source:
    """Write the pictures that the items below name, as a feed and a run keep them."""
    feed, run = folder / "feed", folder / "run"
    for name, scan in (("parcel", parcel_scan()), ("carton", carton_scan())):
        (feed / "scans").mkdir(parents=True, exist_ok=True)
        write_dual_png_pair(
            feed / f"scans/{name}-low.png", feed / f"scans/{name}-high.png", scan.low, scan.high
        )
    (feed / "photos").mkdir()
    (run / "references").mkdir(parents=True)
    _photo("ACME 50 ml", "made in Sweden").save(feed / "photos/box.jpg", quality=90)
    _photo("ACME 50 ml", "made in Norway").save(run / "references/acme-1.jpg", quality=90)
    return Source(feed=str(feed), run=str(run))


def bench_parcel(
    source: Source,
    owner_id: str,
    *,
    band: Band = "inspect",
    description: str = "toys",
    priority: float | None = None,
    marked: bool = True,
    carton_id: str | None = None,
) -> NewItem:
    """A flagged parcel: a scan with a mark, a photo that differs from its genuine reference."""
    knife = next(one for one in parcel_scan().objects if one.name == "knife")
    marks = (ImageMark(code="item.knife", label="like knife", score=0.71, box_xyxy=_box(knife)),)
    zone = Zone(
        number=1,
        box_xyxy=(40, 150, 380, 200),
        reference_xyxy=(40, 150, 380, 200),
        sentence="Zone 1: the print differs from genuine copies.",
    )
    images = (
        _scan(0, "parcel", marks=marks if marked else ()),
        _photo_image(1, zone if marked else None),
    )
    manifest = (
        _line("description", "Description", description, seen="shape like a knife", differs=True),
        _line("weight", "Weight", "900 g", seen="scale: 902 g"),
        _line("consignee_name", "Consignee", "Pat Doe", personal=True),
    )
    parcel = _item("parcel", owner_id, source, band, description, priority, images, manifest, None)
    return replace(parcel, carton_id=carton_id)


def bench_carton(
    source: Source, owner_id: str, inside: tuple[NewItem, ...], *, band: Band = "look"
) -> NewItem:
    """A master carton with its pieces outlined; one more than the manifest says."""
    pieces = [one for one in carton_scan().objects if one.kind == "inner_parcel"]
    carton = Carton(
        carton_id=owner_id,
        item_id=item_id_of(FACILITY, "carton", owner_id),
        manifested=4,
        counted=6.0,
        low=5.0,
        high=7.0,
        boxes=tuple(
            PieceBox(n=0, number=number, box_xyxy=_box(one))
            for number, one in enumerate(pieces, start=1)
        ),
        parcels=tuple(
            Inner(item_id=one.item_id, owner_id=one.owner_id, description="toys", band=one.band)
            for one in inside
        ),
    )  # fmt: skip
    images = (_scan(0, "carton"), _photo_image(1, None))
    return _item("carton", owner_id, source, band, "master carton", None, images, (), carton)


def _item(
    kind: Literal["parcel", "carton"],
    owner_id: str,
    source: Source,
    band: Band,
    description: str,
    priority: float | None,
    images: tuple[DossierImage, ...],
    manifest: tuple[ManifestLine, ...],
    carton: Carton | None,
) -> NewItem:
    risk = RISKS[band]
    dossier = Dossier(
        owner_kind=kind,
        owner_id=owner_id,
        risk_words=f"Of 100 like this one, about {round(100 * risk)} are worth an inspection.",
        reasons=(
            Reason(
                code="U3.scale", sentence="The scale says 902 g; the manifest says 900 g.",
                observed=902.0, expected=900.0, unit="g", contribution=1.0,
            ),
        ),
        not_assessed=(
            Unassessed(check="pieces counted in the X-ray", reason="it is no carton"),
            Unassessed(check="seal on another carton too", reason="it is no carton"),
        ),
        manifest=manifest,
        images=images,
        carton=carton,
        versions=Versions(bundle="bundle-1", threshold="threshold-1"),
        source=source,
    )  # fmt: skip
    return NewItem(
        owner_kind=kind, owner_id=owner_id, facility=FACILITY, lane="HK-JFK", risk=risk, band=band,
        priority=risk if priority is None else priority, reason_codes=("U3.scale",),
        description=description, dossier=dossier.model_dump(mode="json"),
    )  # fmt: skip


def _line(
    field: str,
    label: str,
    declared: str,
    *,
    seen: str | None = None,
    differs: bool = False,
    personal: bool = False,
) -> ManifestLine:
    return ManifestLine(
        field=field, label=label, declared=declared, seen=seen, differs=differs, personal=personal
    )


def _scan(n: int, name: str, *, marks: tuple[ImageMark, ...] = ()) -> DossierImage:
    return DossierImage(
        n=n, kind="scan", view="top", station="arrival", form="dual", pixel_pitch_mm=1.0,
        scanner_model="PS-120", taken_at="2026-03-06T00:06:50.000Z", note=None, marks=marks,
        files=(
            _file(0, "scan", f"scans/{name}-low.png", "low"),
            _file(1, "scan", f"scans/{name}-high.png", "high"),
        ),
    )  # fmt: skip


def _photo_image(n: int, zone: Zone | None) -> DossierImage:
    reference = ReferenceFile(k=0, caption="Genuine reference of SKU 50", file="acme-1.jpg")
    return DossierImage(
        n=n, kind="photo", view="product", station="arrival", form="photo",
        pixel_pitch_mm=None, scanner_model=None, taken_at=None, note=None,
        files=(_file(2, "photo", "photos/box.jpg", None),),
        references=(reference,), zones=(zone,) if zone else (),
    )  # fmt: skip


def _file(
    row: int, kind: Literal["scan", "photo"], path: str, energy: Literal["low", "high"] | None
) -> ImageFile:
    return ImageFile(
        row=row, kind=kind, view="top", station="arrival", path=path, sha256=None, energy=energy,
        scanner_model="PS-120", scanner_software="1.0", pixel_pitch_mm=1.0,
        air_level=float(AIR_LEVEL) if energy else None,
    )  # fmt: skip


def _box(one: TrueObject) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = one.box_xyxy
    return float(x0), float(y0), float(x1), float(y1)


def _photo(title: str, line: str) -> Image.Image:
    picture = Image.new("RGB", (640, 420), (62, 96, 84))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((30, 30, 610, 390), fill=(236, 234, 228))
    draw.text((50, 60), title, fill=(20, 30, 120), font_size=48)
    draw.text((50, 160), line, fill=(40, 40, 40), font_size=28)
    return picture
