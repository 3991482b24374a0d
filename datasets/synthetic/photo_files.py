"""Photos of a synthetic feed: label close-ups with the parcel's own codes, and its packaging."""

import textwrap
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.codes import LabelCode
from parcelscope.datasets.packaging.defects import DEFECTS
from parcelscope.datasets.packaging.design import PackageDesign, another_copy, genuine_design
from parcelscope.datasets.packaging.label import DEGRADATIONS, label_photo
from parcelscope.datasets.synthetic.config import SynthConfig
from parcelscope.datasets.synthetic.rows import Row
from parcelscope.datasets.writing import write_whole
from parcelscope.datasets.xray.goods_catalog import Family

PHOTOS_FOLDER = "photos"
LABEL_WIDTH = 44
"""Characters that fit on a line of a label."""
POOR_LABELS = 0.1
"""Of label photos: those that are blurred, dark, too bright, mirrored or too far."""
DESIGNS = 40
DESIGN_SEEDS = {"familiar": 21, "unseen": 1021}
FAMILY_OF_WORD: dict[str, Family] = {
    "Earbuds": "electronics",
    "Charger": "electronics",
    "Phone": "electronics",
    "Vitamin": "food",
    "Omega-3": "food",
    "Lip": "cosmetics",
    "Serum": "cosmetics",
    "Shaver": "cosmetics",
    "Parfum": "cosmetics",
    "Socks": "textile",
    "Filter": "household",
    "Toy": "toys",
}
"""Family of a product, by a word of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoPlace:
    """Where the photos of one parcel go."""

    feed_folder: Path
    owner_id: str
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPhoto:
    """One photo: its row of the images table, and what is true of it."""

    row: Row
    truth: Row


def write_label_photo(
    rng: np.random.Generator, place: PhotoPlace, manifest: Row, *, foreign: str | None
) -> WrittenPhoto:
    """A close-up of the label that `manifest` asks for, with the number `foreign` if given.

    A label with a foreign number is always photographed well: it is what the photo is for.
    """
    codes = label_codes(rng, manifest)
    if foreign is not None:
        codes.append(LabelCode("Code128", foreign))
    poor = foreign is None and rng.random() < POOR_LABELS
    degrade = DEGRADATIONS[int(rng.integers(len(DEGRADATIONS)))] if poor else None
    photo = label_photo(rng, codes=codes, lines=label_lines(manifest), degrade=degrade)
    return _written(
        place,
        photo.jpeg,
        "label",
        {"codes": [code.text for code in codes], "degrade": degrade, "defects": []},
    )


def label_codes(rng: np.random.Generator, manifest: Row) -> list[LabelCode]:
    """The codes that a carrier prints: the tracking number, at times also the house bill."""
    tracking = str(manifest["tracking_number"])
    codes = [LabelCode("Code128", tracking)]
    if rng.random() < 0.4:
        codes.append(LabelCode("QRCode", tracking))
    house_bill = manifest["house_bill"]
    if house_bill is not None and rng.random() < 0.5:
        codes.append(LabelCode("Code128", str(house_bill)))
    return codes


def label_lines(manifest: Row) -> list[str]:
    """Sender, addressee and contents as printed; an empty line is a rule."""
    columns = (
        ("shipper_name",),
        ("shipper_address",),
        ("shipper_city", "shipper_country"),
        (),
        ("consignee_name",),
        ("consignee_address",),
        ("consignee_city", "consignee_postcode"),
        ("consignee_country",),
    )
    lines = [" ".join(str(manifest[name]) for name in names) for names in columns]
    contents = textwrap.wrap(str(manifest["description"]), LABEL_WIDTH)
    return [*lines, "", *contents, f"{manifest['declared_weight_g']:g} g   {manifest['value']} USD"]


def write_product_photo(
    rng: np.random.Generator,
    place: PhotoPlace,
    design: PackageDesign,
    config: SynthConfig,
    *,
    altered: bool,
) -> WrittenPhoto:
    """A photo of one copy of `design`, with one or two defects if `altered`."""
    chosen: tuple[int, ...] = ()
    if altered:
        chosen = tuple(rng.choice(len(DEFECTS), int(rng.integers(1, 3)), replace=False).tolist())
    photo = package_photo(
        rng,
        another_copy(rng, design),
        defects=[DEFECTS[k] for k in chosen],
        subtle=config.subtle_defects,
    )
    truth: Row = {"codes": [], "degrade": None, "defects": list(photo.defects)}
    return _written(place, photo.jpeg, "product", truth)


def draw_design(
    rng: np.random.Generator, config: SynthConfig, families: set[Family]
) -> PackageDesign:
    """One of the brands' designs, of a product like the goods inside where there is one."""
    designs = _designs(DESIGN_SEEDS[config.variety])
    fitting = [design for design in designs if _family(design) in families] or list(designs)
    return fitting[int(rng.integers(len(fitting)))]


def design_of(sku: str, config: SynthConfig) -> PackageDesign:
    """The design whose packages carry `sku`.

    Raises:
        KeyError: If no design of that variety does.
    """
    return {design.ean13: design for design in _designs(DESIGN_SEEDS[config.variety])}[sku]


@lru_cache(maxsize=2)
def _designs(seed: int) -> tuple[PackageDesign, ...]:
    return tuple(genuine_design(np.random.default_rng([seed, k])) for k in range(DESIGNS))


def _family(design: PackageDesign) -> Family | None:
    return next((FAMILY_OF_WORD[w] for w in design.product.split() if w in FAMILY_OF_WORD), None)


def _written(place: PhotoPlace, jpeg: bytes, view: str, truth: Row) -> WrittenPhoto:
    path = f"{PHOTOS_FOLDER}/{place.owner_id}-{view}.jpg"
    write_whole(place.feed_folder / path, jpeg)
    row: Row = {
        "owner_id": place.owner_id,
        "kind": "photo",
        "view": view,
        "station": "arrival",
        "path": path,
        "taken_at": place.taken_at,
    }
    return WrittenPhoto(
        row=row, truth={"owner_id": place.owner_id, "image_path": path, "view": view, **truth}
    )
