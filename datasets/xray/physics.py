"""How X-rays pass through materials and what a dual-energy line detector makes of them.

The detector integrates energy in two layers, low over high. Everything it sees is a sum over
energy groups of `weight * exp(-sum of mu * thickness)`; the tables behind the weights and the
attenuation come from `build_tables`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import ConfigError

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint16]

AIR_LEVEL = 60000
"""Counts of an empty belt in the 16-bit scans that we write; leaves 9 % of headroom."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """Tube spectra, detector response and attenuation on one grid of E photon energies."""

    energy_kev: Array
    """(E,) bin centres."""
    spectra: tuple[str, ...]
    fluence: Array
    """(S, E) photons per mm2, per mAs and per bin, 1 m from the focal spot."""
    absorbed: Array
    """(2, E) share of photons absorbed in the low- and in the high-energy layer."""
    materials: tuple[str, ...]
    density: Array
    """(M,) bulk density in g/cm3."""
    mu_per_mm: Array
    """(M, E) linear attenuation of each material at its bulk density."""
    elements: Array
    """(N,) atomic numbers."""
    element_cm2_per_g: Array
    """(N, E) mass attenuation of each element."""

    def row(self, material: str) -> int:
        """Row of `material` in the tables.

        Raises:
            ConfigError: If there is no such material.
        """
        try:
            return self.materials.index(material)
        except ValueError:
            known = ", ".join(self.materials)
            raise ConfigError(f"no material {material!r} in the tables; known: {known}") from None

    def rows(self, materials: Sequence[str]) -> npt.NDArray[np.intp]:
        """Rows of several materials, (K,)."""
        return np.array([self.row(material) for material in materials], np.intp)


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """The tables that come with the package."""
    with np.load(Path(__file__).with_name("tables.npz")) as stored:
        return Tables(
            energy_kev=stored["energy_kev"].astype(np.float64),
            spectra=tuple(str(name) for name in stored["spectra"]),
            fluence=stored["fluence"].astype(np.float64),
            absorbed=np.stack([stored["absorbed_low"], stored["absorbed_high"]]).astype(np.float64),
            materials=tuple(str(name) for name in stored["materials"]),
            density=stored["density"].astype(np.float64),
            mu_per_mm=stored["mu_per_mm"].astype(np.float64),
            elements=stored["elements"].astype(np.float64),
            element_cm2_per_g=stored["element_cm2_per_g"].astype(np.float64),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectrum:
    """A tube spectrum as the detector weighs it, in G energy groups.

    The rows of `weights` are the mean signal in the low and the high layer (keV) and the variance
    of each (keV2), per mm2 and mAs at 1 m. The variance is that of a compound Poisson sum: an
    energy-integrating detector adds the energies of the photons, not their number.
    """

    name: str
    weights: Array
    """(4, G)"""
    mu_per_mm: Array
    """(M, G) attenuation of every material of the tables."""


@lru_cache(maxsize=32)
def spectrum(name: str, groups: int = 20) -> Spectrum:
    """The spectrum called `name`, in at most `groups` groups of equal detected signal.

    Twenty groups stay within 1 % of the full grid in transmission, K edges included, at a quarter
    of its cost; `groups=0` keeps the full grid.

    Raises:
        ConfigError: If the tables hold no such spectrum.
    """
    tables = load_tables()
    if name not in tables.spectra:
        raise ConfigError(f"no spectrum {name!r}; known: {', '.join(tables.spectra)}")
    detected = tables.fluence[tables.spectra.index(name)] * tables.absorbed  # (2, E)
    energy = tables.energy_kev
    weights = np.concatenate([detected * energy, detected * energy**2])  # (4, E)
    present = weights.sum(0) > 0
    weights, mu = weights[:, present], tables.mu_per_mm[:, present]
    if not groups:
        return Spectrum(name=name, weights=weights, mu_per_mm=mu)
    signal = (weights[:2] / weights[:2].sum(1, keepdims=True)).sum(0)
    quantile = np.cumsum(signal) / signal.sum()
    group = np.minimum((quantile * groups - 1e-9).astype(int), groups - 1)
    member = np.stack([group == g for g in np.unique(group)])  # (G, E)
    return Spectrum(
        name=name,
        weights=np.stack([weights[:, m].sum(1) for m in member], 1),
        mu_per_mm=np.stack([np.average(mu[:, m], axis=1, weights=signal[m]) for m in member], 1),
    )


def detected(
    thickness_mm: Image, materials: Sequence[str], beam: Spectrum, exposure: float = 1.0
) -> Image:
    """Mean and variance of what both layers detect behind the given thicknesses.

    Args:
        thickness_mm: (K, H, W) path length in each material.
        materials: The K materials.
        beam: Spectrum as the detector weighs it.
        exposure: mm2 of detector pixel times mAs, over the squared distance in m.

    Returns:
        (4, H, W): mean low, mean high (keV), variance low, variance high (keV2).
    """
    count, height, width = thickness_mm.shape
    weights = (beam.weights * exposure).astype(np.float32)  # (4, G)
    if not count:
        empty = np.broadcast_to(weights.sum(1)[:, None, None], (4, height, width))
        return np.ascontiguousarray(empty)
    mu = beam.mu_per_mm[load_tables().rows(materials)].T.astype(np.float32)  # (G, K)
    depth = mu @ thickness_mm.reshape(count, -1)  # (G, H * W)
    # Carving a textured solid can leave a path a hair below zero.
    np.maximum(depth, 0.0, out=depth)
    np.negative(depth, out=depth)
    np.exp(depth, out=depth)
    signal: Image = weights @ depth
    return signal.reshape(4, height, width)


def attenuation(counts: Counts, *, air_level: float = AIR_LEVEL, floor: float = 2e-4) -> Image:
    """Attenuation -ln(I/I0) of each pixel.

    Args:
        counts: (H, W).
        air_level: Counts of an empty belt, I0.
        floor: Smallest transmission believed; below it lies detector noise.

    Returns:
        (H, W), without unit; slightly negative where noise exceeds air.
    """
    transmission = counts.astype(np.float32) / np.float32(air_level)
    depth: Image = -np.log(np.clip(transmission, floor, 1.05))
    return depth
