"""The scan taken at origin against the one at arrival: what is more, what is less, what moved.

Both scans become maps of how much lies in each cell, which two scanners agree on; one is laid over
the other, and what remains is held against what noise, slipping contents and the other angle of
view leave on parcels that nobody touched.
"""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.canvas import estimate_air
from parcelscope.datasets.scans import Scan
from parcelscope.inference.scan_alignment import Floats, align_maps
from parcelscope.inference.scan_sketch import CELL_MM, Form, sketch
from parcelscope.inference.weighing import Gauges

Unit = Literal["g", "cm2 of attenuation"]
Box = tuple[float, float, float, float]
Mask = npt.NDArray[np.bool_]

REGION_CELLS: Final = 5.0
"""Blur of the difference, 20 mm: what slipped a little cancels, what was added stays."""
# Spread of that difference on parcels that nobody touched: a floor, a share of what lies there, and
# a share of how uneven it is there, since what is uneven and lies a little askew differs.
NOISE_FLOOR: Final = 0.05
NOISE_SHARE: Final = 0.05
NOISE_UNEVEN: Final = 0.2
REGION_LIMIT: Final = 6.0
"""Spreads beyond which a place differs; one of 50 untouched parcels has such a place."""
NET_SHARE: Final = 0.015
NET_UNEQUAL: Final = 0.5
NET_FLOOR: Final[dict[Unit, float]] = {"g": 5.0, "cm2 of attenuation": 2.0}
"""90 of 100 untouched parcels change by less than a share of their mass, more where the scans stay
unequal in places, and this floor."""
NET_LIMIT: Final = 3.0
"""Bands beyond which the whole differs, as few untouched parcels do."""
LOOSE_SHARE: Final = 0.4
LOOSE_LIMIT: Final = 1.2
"""The same where the maps could not be laid over each other."""
GAIN: Final = (0.67, 1.5)
"""By what factor all of one scan may be brighter: spectra and heights of two scanners differ."""
_GAIN_BLUR: Final = 3.0
_GAIN_ROUNDS: Final = 3
_GAIN_ALIKE: Final = 0.25
_GAIN_CELLS: Final = 40
_GAIN_LEAST: Final = 0.15
_GAIN_UNKNOWN: Final = 0.2
REGION_BAND: Final = 0.3
REGION_SHARE: Final = 0.04
"""Half width of the band of what a place holds more or less: a share of that, for where the place
ends, and of all that lies there."""
_MOST_REGIONS: Final = 4
_REGION_CORE: Final = 0.5
_REGION_EDGE: Final = 0.3
"""Of `REGION_LIMIT`: what a place must reach somewhere to be told, and how far it then extends."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationMap:
    """One scan of a parcel as a map of how much lies where."""

    image_path: str
    attenuation: Floats
    """(H, W) on a grid of `CELL_MM`."""
    areal: Floats | None
    """(H, W) g/cm2 where a step wedge of the scanner tells; else None."""
    form: Form
    px_per_cell: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A place at which the scans differ."""

    amount: float
    """More (above 0) or less on arrival, in the unit of the comparison."""
    low: float
    high: float
    strength: float
    """In units of what untouched parcels reach: 1 is `REGION_LIMIT`."""
    box_xyxy: Box
    """In pixels of the arrival scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the arrival scan differs from the one at origin."""

    unit: Unit
    origin: float
    """All that the origin scan shows, as the arrival scanner would have measured it."""
    arrival: float
    net: float
    net_low: float
    net_high: float
    """Arrival less origin, with the band in which it lies on 9 parcels of 10."""
    origin_area_cm2: float
    arrival_area_cm2: float
    regions: tuple[Region, ...]
    """The strongest first; empty where the maps could not be laid over each other."""
    not_aligned: str | None
    """Why they could not."""

    @property
    def strength(self) -> float:
        """How far beyond what untouched parcels reach, 1 is where that ends."""
        limit = NET_LIMIT if self.not_aligned is None else LOOSE_LIMIT
        change = abs(self.net) / max(limit * (self.net_high - self.net), 1e-6)
        return max([change, *(one.strength for one in self.regions)])

    @property
    def kind(self) -> Literal["alike", "more", "less", "rearranged"]:
        """What the difference looks like."""
        if self.strength < 1:
            return "alike"
        beyond = [one for one in self.regions if one.strength >= 1]
        signs = {one.amount > 0 for one in beyond}
        if len(signs) == 2 and self.net_low <= 0 <= self.net_high:
            return "rearranged"
        return "more" if self.net > 0 else "less"


def station_map(scan: Scan, image_path: str, scanner: tuple[str | None, str | None],
                gauges: Gauges) -> StationMap | str:  # fmt: skip
    """`scan` as a map, or one sentence why it has none.

    Args:
        scan: Full-size pixels.
        image_path: Its first file, to tell it by.
        scanner: Model and software that took it.
        gauges: Where a step wedge tells what the scanner measures.
    """
    if scan.pixel_pitch_mm is None:
        return f"{image_path}: the pixel pitch is not known, so the scan has no scale"
    coarse = sketch(scan)
    areal = None
    gauge = gauges.find(*scanner)
    if scan.low is not None and scan.high is not None and not isinstance(gauge, str):
        full = gauge.areal_density(scan.low, scan.high, scan.air_level or estimate_air(scan.low))
        height, width = coarse.attenuation.shape
        reduced = cv2.resize(full, (width, height), interpolation=cv2.INTER_AREA)
        areal = np.asarray(reduced, np.float32)
    return StationMap(
        image_path=image_path,
        attenuation=np.where(coarse.covered, coarse.attenuation, np.float32(0)),
        areal=areal,
        form=coarse.form,
        px_per_cell=coarse.px_per_cell,
    )


def compare(origin: StationMap, arrival: StationMap) -> Comparison | str:
    """How `arrival` differs from `origin`, or one sentence why they cannot be compared."""
    first, second = origin.areal, arrival.areal
    unit: Unit = "g"
    if first is None or second is None:
        if origin.form != arrival.form:
            return (
                f"{origin.image_path} is a {origin.form} scan and {arrival.image_path} a"
                f" {arrival.form} one: without step wedges of both scanners they have no common"
                " measure"
            )
        first, second, unit = origin.attenuation, arrival.attenuation, "cm2 of attenuation"
    aligned = align_maps(first, second)
    cell_cm2 = CELL_MM**2 / 100
    if isinstance(aligned, str):
        return _loose(first, second, unit, cell_cm2, aligned)
    laid, unequal = _as_bright(aligned.first, second)
    total = float(laid.sum()) * cell_cm2
    net = float((second - laid).sum()) * cell_cm2
    band = (NET_SHARE + NET_UNEQUAL * unequal) * abs(total) + NET_FLOOR[unit]
    return Comparison(
        unit=unit,
        origin=total,
        arrival=total + net,
        net=net,
        net_low=net - band,
        net_high=net + band,
        origin_area_cm2=_area(origin),
        arrival_area_cm2=_area(arrival),
        regions=_regions(laid, second, arrival.px_per_cell, cell_cm2),
        not_aligned=None,
    )


def _loose(first: Floats, second: Floats, unit: Unit, cell_cm2: float, reason: str) -> Comparison:
    """The totals alone."""
    before, after = (float(one.sum()) * cell_cm2 for one in (first, second))
    band = LOOSE_SHARE * max(before, after) + NET_FLOOR[unit]
    return Comparison(
        unit=unit,
        origin=before,
        arrival=after,
        net=after - before,
        net_low=after - before - band,
        net_high=after - before + band,
        origin_area_cm2=float((first > 0).sum()) * cell_cm2,
        arrival_area_cm2=float((second > 0).sum()) * cell_cm2,
        regions=(),
        not_aligned=reason,
    )


def _area(station: StationMap) -> float:
    return float((station.attenuation > 0).sum()) * CELL_MM**2 / 100


def _as_bright(first: Floats, second: Floats) -> tuple[Floats, float]:
    """`first` times the factor that suits what both show, and how unequal they stay.

    Places that differ are left out, so that what was added does not make all the rest brighter.
    The second is half the weight of |ln(second / first)| over the places that are alike.
    """
    laid, unequal = _matched(first, second, np.ones(first.shape, np.bool_))
    for _ in range(_GAIN_ROUNDS):
        alike = np.abs(_strength(laid, second)) < _GAIN_ALIKE
        laid, unequal = _matched(first, second, alike)
    return laid, unequal


def _matched(first: Floats, second: Floats, where: Mask) -> tuple[Floats, float]:
    a, b = (cv2.GaussianBlur(one, (0, 0), _GAIN_BLUR) for one in (first, second))
    both = (a > _GAIN_LEAST) & (b > _GAIN_LEAST)
    if int((both & where).sum()) >= _GAIN_CELLS:
        both &= where
    if int(both.sum()) < _GAIN_CELLS:
        return first, _GAIN_UNKNOWN
    ratio, weight = np.log(b[both] / a[both]), np.minimum(a, b)[both]
    gain = float(np.clip(_weighted_median(ratio, weight), *np.log(GAIN)))
    return first * np.float32(np.exp(gain)), _weighted_median(np.abs(ratio - gain), weight)


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order], dtype=np.float64)
    middle = int(np.searchsorted(reached, reached[-1] / 2))
    return float(values[order][min(middle, len(order) - 1)])


def _regions(
    laid: Floats, arrival: Floats, px_per_cell: tuple[float, float], cell_cm2: float
) -> tuple[Region, ...]:
    """The places where the maps differ, the strongest first."""
    strength = _strength(laid, arrival)
    rest = arrival - laid
    found = []
    for sign in (1.0, -1.0):
        signed = strength * np.float32(sign)
        beyond = (signed > _REGION_EDGE).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(beyond)
        for k in range(1, count):
            inside = labels == k
            if float(signed[inside].max()) < _REGION_CORE:
                continue
            # The blur spreads what was added over its surroundings: sum it up there too.
            near = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            amount = float(rest[near].sum()) * cell_cm2
            if amount * sign <= 0:
                continue
            there = float(np.maximum(laid, arrival)[near].sum()) * cell_cm2
            band = REGION_BAND * abs(amount) + REGION_SHARE * there
            x, y, width, height = (int(v) for v in stats[k, :4])
            found.append(
                Region(
                    amount=amount,
                    low=amount - band,
                    high=amount + band,
                    strength=float(signed[inside].max()),
                    box_xyxy=(
                        round(x * px_per_cell[0], 1),
                        round(y * px_per_cell[1], 1),
                        round((x + width) * px_per_cell[0], 1),
                        round((y + height) * px_per_cell[1], 1),
                    ),
                )
            )
    return tuple(sorted(found, key=lambda one: (-one.strength, one.box_xyxy))[:_MOST_REGIONS])


def _strength(laid: Floats, arrival: Floats) -> Floats:
    """(H, W) the blurred difference in units of what untouched parcels reach, signed."""
    both = np.maximum((laid + arrival) / 2, np.float32(0))
    difference, there = (
        cv2.GaussianBlur(one, (0, 0), REGION_CELLS) for one in (arrival - laid, both)
    )
    fine = cv2.GaussianBlur(both, (0, 0), 1.5)
    mean, square = (cv2.GaussianBlur(one, (0, 0), REGION_CELLS) for one in (fine, fine * fine))
    uneven = np.maximum(square - mean * mean, np.float32(0))
    spread = np.sqrt(NOISE_FLOOR**2 + (NOISE_SHARE * there) ** 2 + NOISE_UNEVEN**2 * uneven)
    return np.asarray(difference / (spread * REGION_LIMIT), np.float32)
