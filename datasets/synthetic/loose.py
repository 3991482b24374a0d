"""Draws one loose parcel of a feed: its scan, its photos, its manifest row, and what is true."""

import numpy as np

from parcelscope.datasets.synthetic.config import SynthConfig, Violation
from parcelscope.datasets.synthetic.damage import deliver
from parcelscope.datasets.synthetic.declaration import Honesty, declare, goods_by_mass
from parcelscope.datasets.synthetic.journey import Journey, loose_journey
from parcelscope.datasets.synthetic.manifest import declared_g, measured_g, parcel_row
from parcelscope.datasets.synthetic.numbering import (
    foreign_tracking_number,
    parcel_id,
)
from parcelscope.datasets.synthetic.parties import consignee
from parcelscope.datasets.synthetic.photo_files import (
    PhotoPlace,
    draw_design,
    write_label_photo,
    write_product_photo,
)
from parcelscope.datasets.synthetic.plan import LoosePlan
from parcelscope.datasets.synthetic.rows import OwnerRows, Row
from parcelscope.datasets.synthetic.scan_files import draw_scanner, draw_texture
from parcelscope.datasets.synthetic.site import FeedSite, record_scan
from parcelscope.datasets.xray.goods_catalog import CATALOG
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.datasets.xray.parcel import make_parcel
from parcelscope.datasets.xray.scan import SyntheticScan, TrueObject, object_masses_g, simulate
from parcelscope.datasets.xray.scene import Scene

ITEMS_SHARE = (0.5, 0.3, 0.2)
"""Of parcels with items of interest: those with one, two, three."""
WRONG_WEIGHT = (0.25, 0.6)
"""How far, as a share of the truth, a wrong declared weight is off."""
PRODUCT_PHOTOS = 0.6
"""Of photographed parcels: those whose packaging was photographed beside the label."""


def draw_loose(site: FeedSite, plan: LoosePlan) -> OwnerRows:
    """Draw and write the loose parcel of `plan`."""
    rng = np.random.default_rng([site.seed, 2, plan.index])
    scene = parcel_scene(rng, site.config, with_items="item" in plan.violations)
    scanner = draw_scanner(rng, site.config, "parcel")
    scan = simulate(scene, scanner, rng, draw_texture(rng, site.config))
    journey = loose_journey(rng, plan.origin, scan.total_mass_g, service=plan.tracking[:2])
    owner_id = parcel_id(plan.number)
    recorded = record_scan(
        rng,
        site,
        scan,
        owner_id=owner_id,
        scan_format=plan.scan_format,
        scanner=scanner,
        taken_at=journey.taken_at,
    )
    rows = OwnerRows(images=recorded.images)
    manifest = _manifest(rng, site, plan, journey, scene, scan)
    rows.parcels.append(manifest)
    if plan.photographed:
        _photograph(rng, site, plan, journey, scene, rows)
    rows.true_parcels.append(
        true_parcel(owner_id, plan.violations, scan.total_mass_g, scan_kind=recorded.scan_kind)
    )
    if recorded.scan_kind is not None:
        items = [item for item in scan.objects if item.kind == "item"]
        rows.true_objects += true_objects(owner_id, str(recorded.images[0]["path"]), items)
    return rows


def parcel_scene(rng: np.random.Generator, config: SynthConfig, *, with_items: bool) -> Scene:
    """A parcel of ordinary goods, with one to three items of interest where wanted."""
    labels: list[str] = []
    if with_items:
        count = 1 + int(rng.choice(len(ITEMS_SHARE), p=ITEMS_SHARE))
        labels = [ITEM_LABELS[int(k)] for k in rng.integers(len(ITEM_LABELS), size=count)]
    while True:
        clutter = float(rng.uniform(0.6, 1.3))
        try:
            return make_parcel(rng, items=labels, variety=config.variety, clutter=clutter)
        except ValueError:
            # Now and then several large items do not fit into one parcel; a single one does.
            if len(labels) <= 1:
                raise
            labels.pop()


def true_parcel(
    owner_id: str, violations: tuple[Violation, ...], mass_g: float, *, scan_kind: str | None
) -> Row:
    """Row of the truth of parcels; `scan_kind` is None where no scan of it can be read."""
    return {
        "parcel_id": owner_id,
        "violative": bool(violations),
        "violations": list(violations),
        "mass_g": mass_g,
        "scanned": scan_kind is not None,
        "scan_kind": scan_kind,
    }


def true_objects(owner_id: str, image_path: str, objects: list[TrueObject]) -> list[Row]:
    """Rows of the truth of objects."""
    return [
        {
            "owner_id": owner_id,
            "image_path": image_path,
            "kind": one.kind,
            "label": one.name if one.kind == "item" else "inner_parcel",
            **dict(zip(("x0", "y0", "x1", "y1"), (int(v) for v in one.box_xyxy), strict=True)),
            "mass_g": one.mass_g,
            "area_px": one.area_px,
            "overlap": one.overlap,
        }
        for one in objects
    ]


def _manifest(
    rng: np.random.Generator,
    site: FeedSite,
    plan: LoosePlan,
    journey: Journey,
    scene: Scene,
    scan: SyntheticScan,
) -> Row:
    goods = goods_by_mass(scene, object_masses_g(scene), parent=None)
    told_g = scan.total_mass_g
    if "wrong_weight" in plan.violations:
        told_g *= 1 + float(rng.uniform(*WRONG_WEIGHT)) * (1 if rng.random() < 0.5 else -1)
    return parcel_row(
        number=plan.number,
        seed=site.seed,
        tracking=plan.tracking,
        journey=journey,
        buyer=consignee(rng),
        goods=declare(goods, rng, honesty(rng, site.config, plan.violations)),
        declared_weight_g=declared_g(rng, told_g, site.config),
        measured_weight_g=measured_g(rng, scan.total_mass_g, site.config),
    )


def honesty(
    rng: np.random.Generator, config: SynthConfig, violations: tuple[Violation, ...]
) -> Honesty:
    """How a parcel with `violations` is described; some compliant ones are vague all the same."""
    if "contradicting_description" in violations:
        return "contradicting"
    if "vague_description" in violations:
        return "vague"
    return "vague" if not violations and rng.random() < config.benign_vague else "honest"


def _photograph(
    rng: np.random.Generator,
    site: FeedSite,
    plan: LoosePlan,
    journey: Journey,
    scene: Scene,
    rows: OwnerRows,
) -> None:
    """Add a label photo, and often one of the packaging, to `rows`."""
    manifest = rows.parcels[0]
    place = PhotoPlace(
        feed_folder=site.folder, owner_id=parcel_id(plan.number), taken_at=journey.taken_at
    )
    foreign = None
    if "foreign_label" in plan.violations:
        foreign = foreign_tracking_number(site.seed, plan.number, plan.origin)
    photos = [write_label_photo(rng, place, manifest, foreign=foreign)]
    altered = "altered_packaging" in plan.violations
    if altered or rng.random() < PRODUCT_PHOTOS:
        families = {CATALOG[o.name].family for o in scene.objects if o.kind == "goods"}
        design = draw_design(rng, site.config, families)
        photos.append(write_product_photo(rng, place, design, site.config, altered=altered))
        manifest["brand"], manifest["sku"] = design.brand, design.ean13
    for photo in photos:
        deliver(
            rng,
            site.folder,
            [photo.row],
            missing_share=site.config.missing_photo,
            corrupt_share=site.config.corrupt_image,
        )
        rows.images.append(photo.row)
        rows.true_photos.append(photo.truth)
