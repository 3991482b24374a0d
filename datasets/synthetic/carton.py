"""Draws one master carton of a feed with its parcels' manifest rows, and what is true of them."""

import numpy as np

from parcelscope.datasets.synthetic.declaration import declare, goods_by_mass
from parcelscope.datasets.synthetic.journey import Journey, carton_journey
from parcelscope.datasets.synthetic.loose import honesty, true_objects, true_parcel
from parcelscope.datasets.synthetic.manifest import carton_row, declared_g, measured_g, parcel_row
from parcelscope.datasets.synthetic.numbering import carton_id, parcel_id, tracking_number
from parcelscope.datasets.synthetic.parties import consignee
from parcelscope.datasets.synthetic.plan import CartonPlan
from parcelscope.datasets.synthetic.rows import OwnerRows, Row
from parcelscope.datasets.synthetic.scan_files import draw_scanner, draw_texture
from parcelscope.datasets.synthetic.site import FeedSite, record_scan
from parcelscope.datasets.xray.carton import make_carton
from parcelscope.datasets.xray.scan import SyntheticScan, object_masses_g, simulate
from parcelscope.datasets.xray.scene import Scene


def draw_carton(site: FeedSite, plan: CartonPlan) -> OwnerRows:
    """Draw and write the carton of `plan` and the rows of the parcels that it should hold."""
    rng = np.random.default_rng([site.seed, 2, plan.index])
    config, owner_id = site.config, carton_id(plan.number)
    scene = make_carton(rng, pieces=plan.pieces_true, variety=config.variety, overlap=plan.overlap)
    scanner = draw_scanner(rng, config, "carton")
    scan = simulate(scene, scanner, rng, draw_texture(rng, config))
    service = _service(site, plan)
    journey = carton_journey(
        rng,
        plan.origin,
        scan.total_mass_g,
        number=plan.number,
        seed=site.seed,
        service=service,
    )
    recorded = record_scan(
        rng,
        site,
        scan,
        owner_id=owner_id,
        scan_format=plan.scan_format,
        scanner=scanner,
        taken_at=journey.taken_at,
    )
    masses_g = object_masses_g(scene)
    inner = [k for k, placed in enumerate(scene.objects) if placed.kind == "inner_parcel"]
    listed = sorted(rng.permutation(inner)[: plan.pieces_manifested].tolist())
    unlisted_g = float(masses_g[inner].sum() - masses_g[listed].sum())
    told_g = scan.total_mass_g - (0.0 if plan.true_weight else unlisted_g)
    rows = OwnerRows(images=recorded.images)
    rows.cartons.append(
        carton_row(
            carton_id=owner_id,
            journey=journey,
            pieces_manifested=plan.pieces_manifested,
            declared_weight_g=declared_g(rng, told_g, config),
            measured_weight_g=measured_g(rng, scan.total_mass_g, config),
            seal_id=f"S{int(rng.integers(10**7)):07d}",
        )
    )
    _add_pieces(rng, site, plan, journey, scene, listed, rows)
    rows.true_cartons.append(_truth(owner_id, plan, scan, len(inner), recorded.scan_kind))
    if recorded.scan_kind is not None:
        shown = [one for one in scan.objects if one.kind in ("inner_parcel", "item")]
        rows.true_objects += true_objects(owner_id, str(recorded.images[0]["path"]), shown)
    return rows


def _add_pieces(
    rng: np.random.Generator,
    site: FeedSite,
    plan: CartonPlan,
    journey: Journey,
    scene: Scene,
    listed: list[int],
    rows: OwnerRows,
) -> None:
    """Add the rows of the pieces that the manifest lists; they have no scan of their own."""
    masses_g = object_masses_g(scene)
    service = _service(site, plan)
    for k, index in enumerate(listed):
        number = plan.first_row + k
        goods = goods_by_mass(scene, masses_g, parent=index)
        rows.parcels.append(
            parcel_row(
                number=number,
                seed=site.seed,
                tracking=tracking_number(site.seed, number, plan.origin, service=service),
                journey=journey,
                buyer=consignee(rng),
                goods=declare(goods, rng, honesty(rng, site.config, ())),
                declared_weight_g=declared_g(rng, float(masses_g[index]), site.config),
                measured_weight_g=None,
                carton_id=carton_id(plan.number),
            )
        )
        rows.true_parcels.append(
            true_parcel(parcel_id(number), (), float(masses_g[index]), scan_kind=None)
        )


def _service(site: FeedSite, plan: CartonPlan) -> str:
    """Parcels in one carton came by one service."""
    return tracking_number(site.seed, plan.first_row, plan.origin)[:2]


def _truth(
    owner_id: str, plan: CartonPlan, scan: SyntheticScan, pieces: int, kind: str | None
) -> Row:
    overlaps = [one.overlap for one in scan.objects if one.kind == "inner_parcel"]
    return {
        "carton_id": owner_id,
        "violative": plan.extra > 0,
        "pieces_true": pieces,
        "pieces_manifested": plan.pieces_manifested,
        "extra": plan.extra,
        "overlap_setting": plan.overlap,
        "overlap_mean": float(np.mean(overlaps)),
        "mass_g": scan.total_mass_g,
        "true_weight_declared": plan.true_weight,
        "scanned": kind is not None,
        "scan_kind": kind,
    }
