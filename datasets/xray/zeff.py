"""Effective atomic number of each pixel, as a scanner with a calibrated step wedge shows it.

The ratio of the two attenuations tells light from heavy elements, but it also falls with
thickness (beam hardening: water from 1.27 to 1.21, iron from 2.65 to 1.67), so the number is looked
up from both the attenuation and the ratio. Lead and gold, whose K edges lie inside the spectrum,
look like light elements: no dual-energy scanner can tell.
"""

from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.xray.physics import (
    AIR_LEVEL,
    Array,
    Counts,
    Image,
    attenuation,
    load_tables,
)

HIGH_ATTENUATION: Array = np.linspace(0.005, 6.5, 200)
RATIO: Array = np.linspace(0.9, 3.6, 240)
LEAST_ATTENUATION = 0.02
"""Below this much high-energy attenuation, noise leaves the number undefined."""
ATOMIC_NUMBERS: Array = np.concatenate([np.arange(5, 31, 0.25), np.arange(31, 51, 1.0)])
AREAL_DENSITIES: Array = np.geomspace(1e-3, 600, 400)
"""g/cm2 of the simulated wedge."""
SHOWN_SPECTRUM: Final = "160kv_al3"
"""For scans shown to people. A facility's scan does not say its spectrum; hues are for the eye, and
this one lies in the middle of the tube voltages in use. No score depends on it."""


@lru_cache(maxsize=16)
def calibration(spectrum: str) -> Image:
    """Effective atomic number by high-energy attenuation (rows) and ratio low/high (columns).

    Fitted to a simulated wedge of element-like materials, their mass attenuation interpolated in
    its logarithm between the elements.

    Returns:
        (200, 240), on `HIGH_ATTENUATION` by `RATIO`.

    Raises:
        ConfigError: If the tables hold no such spectrum.
    """
    tables = load_tables()
    if spectrum not in tables.spectra:
        raise ConfigError(f"no spectrum {spectrum!r}; known: {', '.join(tables.spectra)}")
    weights = tables.fluence[tables.spectra.index(spectrum)] * tables.absorbed * tables.energy_kev
    weights /= weights.sum(1, keepdims=True)
    logarithm = np.log(tables.element_cm2_per_g)
    ratios = []
    for number in ATOMIC_NUMBERS:
        below = min(int(number - tables.elements[0]), len(tables.elements) - 2)
        share = number - tables.elements[below]
        mass = np.exp(logarithm[below] * (1 - share) + logarithm[below + 1] * share)  # (E,)
        transmission = weights @ np.exp(-np.outer(mass, AREAL_DENSITIES))  # (2, T)
        low, high = -np.log(np.maximum(transmission, 1e-300))
        ratios.append(np.interp(HIGH_ATTENUATION, high, low / high))
    # The ratio must rise with the number for the inverse to be a function.
    rising = np.maximum.accumulate(np.array(ratios), axis=0)
    rising += np.arange(len(ratios))[:, None] * 1e-9
    table = [np.interp(RATIO, column, ATOMIC_NUMBERS) for column in rising.T]
    return np.array(table, np.float32)


def effective_z(le: Counts, he: Counts, spectrum: str, *, air_level: float = AIR_LEVEL) -> Image:
    """Effective atomic number of each pixel.

    Args:
        le: (H, W) low energy.
        he: (H, W) high energy.
        spectrum: Spectrum that the scanner was calibrated for.
        air_level: Counts of an empty belt.

    Returns:
        (H, W), 5 to 50; 0 where there is too little material to tell.
    """
    table = calibration(spectrum)
    # Averaged over neighbours of similar attenuation: the ratio of two noisy pictures is noisier.
    low, high = (_smoothed(attenuation(c, air_level=air_level)) for c in (le, he))
    ratio = low / np.maximum(high, 0.01)
    row, column = _position(high, HIGH_ATTENUATION), _position(ratio, RATIO)
    number = cv2.remap(table, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.where(high < LEAST_ATTENUATION, np.float32(0), number).astype(np.float32)


def _smoothed(depth: Image) -> Image:
    return np.asarray(cv2.bilateralFilter(depth, 5, 0.25, 2.0), np.float32)


def _position(values: Image | Array, grid: Array) -> Image:
    """Where `values` lie on an even grid, as a real index."""
    first, last, step = float(grid[0]), float(grid[-1]), float(grid[1] - grid[0])
    within: Image = np.clip(values, first, last).astype(np.float32)
    return (within - first) / step
