"""Mass of a parcel from its scan: physics and a step wedge, no learning.

The two attenuations of a pixel tell how much polyethylene and steel would look the same; their
areal densities, summed over the pixels, give grams. All a facility must supply is a step wedge of
the two, measured on its scanner: the tube's spectrum need not be known.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.levelling import (
    Counts,
    Image,
    attenuation_of_counts,
    level,
    sum_over,
    window,
)

Array = npt.NDArray[np.float64]

PE_G_PER_CM3 = 0.94
STEEL_G_PER_CM3 = 7.87
# Total mass attenuation in cm2/g at effective energies of 16 to 170 keV (values of xraylib, which
# agree with those of NIST XCOM). They span what any spectrum up to 200 kV can look like.
PE_CM2_PER_G: Array = np.array(
    [
        *(0.6491, 0.4315, 0.336, 0.2867, 0.2529, 0.2332, 0.2184, 0.2085, 0.2),
        *(0.1927, 0.1854, 0.1784, 0.172, 0.1656, 0.1593, 0.1535, 0.1477),
    ]
)
STEEL_CM2_PER_G: Array = np.array(
    [
        *(47.79, 25.68, 15.38, 9.943, 6.243, 4.191, 2.782, 1.957, 1.378),
        *(0.9816, 0.6915, 0.4942, 0.3717, 0.2888, 0.2329, 0.1964, 0.1704),
    ]
)
# What attenuates more than steel is read as steel and a little tin.
TIN_CM2_PER_G: Array = np.array(
    [
        *(39.17, 21.46, 13.11, 8.675, 32.91, 22.41, 15.01, 10.7, 7.538),
        *(5.293, 3.602, 2.422, 1.677, 1.169, 0.8277, 0.6092, 0.4585),
    ]
)
# Polyethylene has more electrons per gram (0.570 mol) than anything else in the mail, so its
# equivalent is too light: by 2 % for water, 7 % for cellulose (0.530), 16 % for aluminium (0.482).
# The factor by the steel share of the equivalent, through those materials. The metal end lies below
# steel's own factor of 1: zinc, brass and copper cannot be told from it but need 0.87, and thin
# metal parts, blurred over their surroundings, look lighter in kind and so heavier than they are.
STEEL_SHARE: Array = np.array([-0.05, 0.0, 0.01, 0.04, 0.075, 0.13, 0.25, 0.5, 0.7, 1.0])
ELECTRON_FACTOR: Array = np.array([1.03, 1.03, 1.065, 1.075, 1.12, 1.16, 1.10, 0.96, 0.93, 0.93])

FIT_TRANSMISSION = 1e-2
"""Wedge steps darker than this are mostly scatter and noise."""
OPAQUE_TRANSMISSION = 2e-2
"""High-energy transmission below which a pixel tells only that it is at least this thick."""
STARVED_ATTENUATION = 3.0
"""Low-energy attenuation beyond which noise and scatter, not material, set the ratio."""
SMOOTHING_PX = 2
"""How far smoothing looks around a pixel."""

# Half widths of the band, relative, for 9 parcels of 10.
COMPOSITION_BAND = 0.08
HEIGHT_BAND = 0.09
"""A centre of mass 70 mm off the height for which the pixel pitch holds, 750 mm from the source."""
STARVED_BAND = 0.4
"""More downwards, on the mass of starved pixels."""
NO_AIR_BAND = 0.05
"""More where no empty belt is in view to take the air level from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MassEstimate:
    """Mass of what a scan shows, with the band in which it lies for about 9 parcels of 10."""

    grams: float
    low: float
    high: float
    opaque_share: float
    """Share of the covered pixels that next to nothing gets through, 0 to 1: there the estimate
    is a lower limit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MassGauge:
    """Areal density by the two attenuations, for one scanner."""

    high_attenuation: Array
    """(A,) evenly spaced."""
    ratio: Array
    """(R,) low over high attenuation, evenly spaced."""
    g_per_cm2: Image
    """(A, R) areal density per unit of high-energy attenuation."""
    residual: float
    """Relative root-mean-square error in areal density on the steel steps of the wedge."""

    @classmethod
    def from_wedge(
        cls, pe_mm: Array, steel_mm: Array, le: Array, he: Array, air_level: float
    ) -> Self:
        """Gauge for the scanner on which a step wedge was measured.

        Args:
            pe_mm: (N,) polyethylene on each step.
            steel_mm: (N,) steel on each step.
            le: (N,) mean low-energy counts.
            he: (N,) mean high-energy counts.
            air_level: Counts of an empty belt.

        Raises:
            ConfigError: If too few steps are usable: both materials are needed, in at least
                three thicknesses each.
        """
        pe, steel = pe_mm * PE_G_PER_CM3 / 10, steel_mm * STEEL_G_PER_CM3 / 10
        _check_wedge(pe, steel, np.minimum(le, he) / air_level)
        passing = np.exp(-np.outer(pe, PE_CM2_PER_G) - np.outer(steel, STEEL_CM2_PER_G))
        weights = np.stack([_unfolded(passing, counts / air_level) for counts in (le, he)])
        depths, ratios, table = _inverse(weights)
        gauge = cls(high_attenuation=depths, ratio=ratios, g_per_cm2=table, residual=0.0)
        return cls(
            high_attenuation=depths,
            ratio=ratios,
            g_per_cm2=table,
            residual=_wedge_error(gauge, pe, steel, le / air_level, he / air_level),
        )

    def grams(
        self, le: Counts, he: Counts, air_level: float, pixel_pitch_mm: float
    ) -> MassEstimate:
        """Mass of everything in a scan.

        Args:
            le: (H, W) low energy.
            he: (H, W) high energy.
            air_level: Counts of an empty belt.
            pixel_pitch_mm: Nominal pixel pitch.
        """
        low, high = (attenuation_of_counts(counts, air_level) for counts in (le, he))
        high_floor = np.float32(-np.log(OPAQUE_TRANSMISSION))
        opaque = high >= high_floor
        covered, air_seen = level((low, high))
        opaque_share = float(opaque.sum() / max(1, covered.sum()))
        # Most of the belt is empty: what follows is the dear part, and needs the rest alone.
        part = window(covered | opaque, margin_px=SMOOTHING_PX)
        low, high = (image[part] for image in (low, high))
        covered, opaque = (mask[part] for mask in (covered, opaque))
        ratio = _smoothed(low) / np.maximum(_smoothed(high), np.float32(0.01))
        areal = np.minimum(high, high_floor) * self._per_attenuation(high, ratio)
        pixel_cm2 = pixel_pitch_mm**2 / 100
        total, hidden, starved = (
            sum_over(areal, where) * pixel_cm2
            for where in (covered, opaque, covered & (low > STARVED_ATTENUATION))
        )
        grams = max(0.0, total)
        band = np.sqrt(
            COMPOSITION_BAND**2
            + HEIGHT_BAND**2
            + self.residual**2
            + (0.0 if air_seen else NO_AIR_BAND**2)
        )
        return MassEstimate(
            grams=grams,
            # Dense metal that starves the low energy looks lighter in kind, hence more of it.
            low=max(0.0, grams * (1 - float(band)) - STARVED_BAND * starved),
            # Nothing bounds what is opaque; twice is a fair allowance for steel in parcels.
            high=grams * (1 + float(band)) + hidden,
            opaque_share=opaque_share,
        )

    def areal_density(self, le: Counts, he: Counts, air_level: float) -> Image:
        """Areal density of each pixel of a scan, (H, W) g/cm2, 0 where nothing lies.

        Its sum is what `grams` weighs; arguments likewise. Noise may take it below zero: only the
        mean over some pixels means anything. Where next to nothing gets through it is a lower
        limit.
        """
        low, high = (attenuation_of_counts(counts, air_level) for counts in (le, he))
        high_floor = np.float32(-np.log(OPAQUE_TRANSMISSION))
        covered, _ = level((low, high))
        covered |= high >= high_floor
        ratio = _smoothed(low) / np.maximum(_smoothed(high), np.float32(0.01))
        areal = np.minimum(high, high_floor) * self._per_attenuation(high, ratio)
        return np.where(covered, areal, np.float32(0))

    def _per_attenuation(self, high: Image | Array, ratio: Image | Array) -> Image:
        row, column = _position(high, self.high_attenuation), _position(ratio, self.ratio)
        looked_up = cv2.remap(
            self.g_per_cm2, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(looked_up, np.float32)


def _check_wedge(pe: Array, steel: Array, transmission: Array) -> None:
    usable = transmission > FIT_TRANSMISSION
    for name, thickness in (("polyethylene", pe), ("steel", steel)):
        if len(np.unique(thickness[usable])) < 3:
            raise ConfigError(
                f"the step wedge has fewer than 3 thicknesses of {name} that let more than "
                f"{FIT_TRANSMISSION:.0%} through; mass cannot be calibrated with it"
            )


def _unfolded(passing: Array, transmission: Array, iterations: int = 10000) -> Array:
    """Effective spectrum (G,) that best explains the transmission (N,) of the wedge's steps.

    Multiplicative updates keep it positive, and stopping them early keeps it smooth.
    """
    usable = transmission > FIT_TRANSMISSION
    # Relative errors of the attenuation count, so that thin steps fix the low energies.
    scale = 1 / (transmission[usable] * (0.05 - np.log(np.minimum(transmission[usable], 1))))
    matrix, target = passing[usable] * scale[:, None], transmission[usable] * scale
    weights = np.full(matrix.shape[1], 1 / matrix.shape[1])
    total = matrix.sum(0)
    for _ in range(iterations):
        weights *= (matrix.T @ (target / (matrix @ weights))) / total
    return np.asarray(weights / weights.sum(), np.float64)


def _inverse(weights: Array) -> tuple[Array, Array, Image]:
    """Table of areal density per attenuation from the effective spectra (2, G)."""
    shares = np.concatenate([np.linspace(-0.05, 0.3, 71), np.linspace(0.32, 1.1, 40)])
    areal = np.geomspace(1e-3, 300, 400)
    depths, ratios = np.linspace(1e-3, 5.6, 200), np.linspace(0.9, 3.6, 271)
    ratio_of, mass_of = [], []
    for share in shares:
        if share <= 1:
            mixed = np.maximum((1 - share) * PE_CM2_PER_G + share * STEEL_CM2_PER_G, 0.05)
        else:
            mixed = (2 - share) * STEEL_CM2_PER_G + (share - 1) * TIN_CM2_PER_G
        low, high = -np.log(weights @ np.exp(-np.outer(mixed, areal)))
        ratio_of.append(np.interp(depths, high, low / high))
        mass_of.append(np.interp(depths, high, areal / high))
    factor = np.interp(shares, STEEL_SHARE, ELECTRON_FACTOR)
    mass = np.array(mass_of) * factor[:, None]
    table = []
    for ratio, areal_density in zip(np.array(ratio_of).T, mass.T, strict=True):
        # Behind thick metal heavier elements no longer raise the ratio: stop where it peaks.
        rising = np.concatenate([[True], ratio[1:] > np.maximum.accumulate(ratio)[:-1]])
        steel = max(int(np.flatnonzero(rising)[-1]), int(np.searchsorted(shares, 1.0)))
        table.append(
            np.interp(ratios, ratio[rising], areal_density[rising], right=areal_density[steel])
        )
    return depths, ratios, np.array(table, np.float32)


def _wedge_error(gauge: MassGauge, pe: Array, steel: Array, le: Array, he: Array) -> float:
    """Relative error of the gauge on single-material steps, to which the factor applies."""
    steps = (le > FIT_TRANSMISSION) & (he > FIT_TRANSMISSION) & (steel > 0) & (pe == 0)
    low, high = (-np.log(t[steps])[None] for t in (le, he))
    areal = high * gauge._per_attenuation(high, low / high)
    return float(np.sqrt(np.mean((areal[0] / steel[steps] - 1) ** 2)))


def _smoothed(image: Image) -> Image:
    return np.asarray(cv2.bilateralFilter(image, 2 * SMOOTHING_PX + 1, 0.12, 2.0), np.float32)


def _position(values: Image | Array, grid: Array) -> Image:
    """Where `values` lie on an even grid, as a real index."""
    first, last, step = (np.float32(v) for v in (grid[0], grid[-1], grid[1] - grid[0]))
    within: Image = np.clip(np.asarray(values, np.float32), first, last)
    within -= first
    within /= step
    return within
