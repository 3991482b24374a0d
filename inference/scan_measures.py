"""What is measured on a scan while its full-size pixels are at hand, beside its mass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from parcelscope.datasets.embeddings import ScanEmbedding
from parcelscope.datasets.records import Finding
from parcelscope.datasets.scans import Scan
from parcelscope.inference.mass_models import MassModels
from parcelscope.inference.owners import Owner
from parcelscope.inference.placing import PlacedScan
from parcelscope.inference.scan_comparison import (
    Comparison,
    Region,
    StationMap,
    compare,
    station_map,
)
from parcelscope.inference.scan_embedding import embed, version_of
from parcelscope.inference.scan_fill import fill_finding
from parcelscope.inference.scan_sketch import sketch
from parcelscope.inference.weighing import Gauges, weigh

COMPARISON: Final = "xray.comparison"
WHOLE: Final = "comparison.whole"
MORE: Final = "comparison.more"
LESS: Final = "comparison.less"
_UNITS: Final = {"g": "g", "cm2 of attenuation": "cm² of attenuation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one scan was measured to be."""

    mass: Finding | str
    """Or one sentence why there is none."""
    fill: Finding | None
    embedding: ScanEmbedding | None
    station: str
    view: str | None
    map: StationMap | str | None
    """For comparing stations; None where the owner has no scan of the other station."""


def measure(
    placed: PlacedScan,
    scan: Scan,
    gauges: Gauges,
    models: MassModels | None = None,
    *,
    with_map: bool,
) -> Measured:
    """Mass, fill and embedding of `scan`, and its map where two stations are to be compared."""
    fill, embedding = describe(placed, scan)
    image = placed.group.images[0]
    return Measured(
        mass=weigh(placed, scan, gauges, models),
        fill=fill,
        embedding=embedding,
        station=image.station or "arrival",
        view=image.view,
        map=station_map(scan, placed.path, placed.scanner, gauges) if with_map else None,
    )


def describe(placed: PlacedScan, scan: Scan) -> tuple[Finding | None, ScanEmbedding | None]:
    """Fill and embedding of `scan`; None of what shows next to nothing."""
    coarse = sketch(scan)
    vector = embed(coarse)
    embedding = None
    if vector is not None:
        embedding = ScanEmbedding(
            owner_id=placed.owner.owner_id,
            owner_kind=placed.owner.owner_kind,
            image_path=placed.path,
            version=version_of(coarse),
            vector=vector,
        )
    return fill_finding(placed, coarse), embedding


def has_both_stations(owner: Owner) -> bool:
    """Whether there are scans of `owner` from its origin and from its arrival."""
    stations = {image.station or "arrival" for image in owner.images if image.kind == "scan"}
    return stations == {"origin", "arrival"}


def compared(owner: Owner, measured: Sequence[Measured]) -> list[Finding] | str:
    """How the arrival scan of `owner` differs from its origin scan, or why that is not known."""
    at = {
        station: {one.view: one.map for one in reversed(measured) if one.station == station}
        for station in ("origin", "arrival")
    }
    views = sorted(at["origin"].keys() & at["arrival"].keys(), key=lambda view: view or "")
    if not views:
        return "no view was scanned both at origin and on arrival"
    reason = ""
    for view in views:
        first, second = at["origin"][view], at["arrival"][view]
        if isinstance(first, StationMap) and isinstance(second, StationMap):
            found = compare(first, second)
            if isinstance(found, Comparison):
                return _findings(owner, second.image_path, found)
            reason = reason or found
        else:
            reason = reason or next(one for one in (first, second) if isinstance(one, str))
    return reason


def _findings(owner: Owner, image_path: str, found: Comparison) -> list[Finding]:
    """One finding for the whole, and one for each place that differs as much as few do."""
    unit = _UNITS[found.unit]
    spots = [one for one in found.regions if one.strength >= 1]
    whole = Finding(
        owner_id=owner.owner_id,
        owner_kind=owner.owner_kind,
        source=COMPARISON,
        code=WHOLE,
        sentence=_sentence(found, unit),
        score=_score(found.strength),
        observed=found.net,
        observed_low=found.net_low,
        observed_high=found.net_high,
        expected=0.0,
        unit=unit,
        text=found.kind if found.not_aligned is None else f"{found.kind}, not laid over",
        image_path=image_path,
    )
    return [whole, *(_spot(owner, image_path, one, unit) for one in spots)]


def _spot(owner: Owner, image_path: str, region: Region, unit: str) -> Finding:
    more = region.amount > 0
    low, high = sorted((abs(region.low), abs(region.high)))
    x0, y0, x1, y1 = region.box_xyxy
    return Finding(
        owner_id=owner.owner_id,
        owner_kind=owner.owner_kind,
        source=COMPARISON,
        code=MORE if more else LESS,
        sentence=f"About {abs(region.amount):.0f} {unit} {'more' if more else 'less'} than in the"
        f" scan at origin, between {low:.0f} and {high:.0f}, at x {x0:.0f} to {x1:.0f},"
        f" y {y0:.0f} to {y1:.0f}.",
        score=_score(region.strength),
        observed=region.amount,
        observed_low=region.low,
        observed_high=region.high,
        expected=0.0,
        unit=unit,
        image_path=image_path,
        box_xyxy=region.box_xyxy,
    )


def _score(strength: float) -> float:
    """0 to 1; a half where untouched parcels end."""
    return strength / (1 + strength)


def _sentence(found: Comparison, unit: str) -> str:
    change = f"{found.net:+.0f} {unit}, between {found.net_low:+.0f} and {found.net_high:+.0f}"
    change += (
        f", its outline {found.origin_area_cm2:.0f} cm² at origin and"
        f" {found.arrival_area_cm2:.0f} cm² on arrival"
    )
    if found.not_aligned is not None:
        return f"Against the scan at origin {change}; where is not known: {found.not_aligned}."
    words = {
        "alike": "the scans differ no more than those of parcels that nobody touched",
        "more": "there is more in it",
        "less": "there is less in it",
        "rearranged": "about as much as before lies in other places",
    }
    return f"Against the scan at origin {change}; {words[found.kind]}."
