"""Two attenuations as two thicknesses, polyethylene and steel, and back.

Attenuations of a beam of many energies do not add: what lies in front hardens the beam for what
lies behind. Thicknesses do. So things are put together as thicknesses (`training/projection.py`).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.physics import load_tables, spectrum

Array = npt.NDArray[np.float64]

BASIS = ("pe", "steel")
"""Little else is needed: two materials span photo effect and Compton scattering up to 200 kV."""
LEAST_MM, MOST_MM = (-60.0, -6.0), (600.0, 80.0)
"""Thicknesses that are told apart; below zero, since a mixture of the two may need less than none
of one (fat, heavy metals), and noise in air is both ways."""
ROUNDS = 25
CLOSE = 1e-6
"""Error of the attenuation at which Newton's method stops."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beam:
    """A tube spectrum as both layers of the detector weigh it, for the two basis materials."""

    weights: Array
    """(2, G) share of the low and the high signal in each energy group; rows sum to one."""
    mu_per_mm: Array
    """(G, 2) attenuation of the basis materials."""

    def attenuation(self, thickness_mm: Array) -> Array:
        """(2, N) low and high attenuation behind (2, N) mm of the basis materials."""
        return np.asarray(-np.log(self.weights @ np.exp(-self.mu_per_mm @ thickness_mm)))

    def thickness(self, attenuation: Array) -> Array:
        """(2, N) mm of the basis materials that attenuate like `attenuation` (2, N).

        Where no pair of thicknesses does, as in noise behind thick metal, the nearest limit of
        `LEAST_MM` and `MOST_MM` is taken for one of them.
        """
        low, high = np.array(LEAST_MM)[:, None], np.array(MOST_MM)[:, None]
        mu_high = float(self.weights[1] @ self.mu_per_mm[:, 0])
        guess = np.stack([attenuation[1] / mu_high, np.zeros(attenuation.shape[1])])
        thickness: Array = np.clip(guess, low, high)
        for _ in range(ROUNDS):
            passing = np.exp(-self.mu_per_mm @ thickness)  # (G, N)
            signal = self.weights @ passing  # (2, N)
            off = -np.log(signal) - attenuation
            if not off.size or float(np.abs(off).max()) < CLOSE:
                break
            # d attenuation k / d thickness j = the mean mu_j of what still passes.
            slope = [
                [(self.weights[k] * self.mu_per_mm[:, j]) @ passing / signal[k] for j in (0, 1)]
                for k in (0, 1)
            ]
            (a, b), (c, d) = slope
            determinant = a * d - b * c
            step = np.stack([d * off[0] - b * off[1], a * off[1] - c * off[0]]) / determinant
            # Long steps overshoot where the beam hardens quickly.
            step *= np.minimum(1.0, 1.0 / np.maximum(np.abs(step / high).max(0) * 4, 1e-12))
            thickness = np.clip(thickness - step, low, high)
        return thickness


@lru_cache(maxsize=16)
def basis_beam(name: str) -> Beam:
    """The beam of the spectrum called `name` in the simulator's tables.

    Raises:
        ConfigError: If the tables hold no such spectrum.
    """
    tube = spectrum(name)
    rows = load_tables().rows(BASIS)
    signal = tube.weights[:2]
    return Beam(
        weights=signal / signal.sum(1, keepdims=True), mu_per_mm=tube.mu_per_mm[rows].T.copy()
    )
