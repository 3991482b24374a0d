"""What a facility measures to calibrate the mass gauge: a step wedge of polyethylene and steel."""

from dataclasses import dataclass

import numpy as np

from parcelscope.datasets.xray.acquisition import Scanner
from parcelscope.datasets.xray.physics import AIR_LEVEL, Array, detected, spectrum

POLYETHYLENE_STEPS_MM = (0.0, 2.0, 5.0, 10.0, 20.0, 35.0, 50.0, 75.0, 100.0, 150.0, 200.0)
STEEL_STEPS_MM = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 16.0, 20.0)
STEP_PX = 400
"""Pixels averaged on each step."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepWedge:
    """Readings of N steps: every polyethylene step under every steel step."""

    pe_mm: Array
    """(N,) polyethylene of density 0.94 g/cm3."""
    steel_mm: Array
    """(N,) steel of density 7.87 g/cm3."""
    le: Array
    """(N,) mean low-energy counts."""
    he: Array
    """(N,) mean high-energy counts."""


def step_wedge(scanner: Scanner, rng: np.random.Generator | None = None) -> StepWedge:
    """Readings of a step wedge on `scanner`; without `rng`, free of noise and scatter."""
    pe, steel = (
        grid.ravel() for grid in np.meshgrid(POLYETHYLENE_STEPS_MM, STEEL_STEPS_MM, indexing="ij")
    )
    beam = spectrum(scanner.spectrum, groups=0)
    thickness = np.stack([pe, steel])[:, None].astype(np.float32)  # (2, 1, N)
    signal = detected(thickness, ("pe", "steel"), beam, scanner.exposure)[:, 0]  # (4, N)
    air = (beam.weights * scanner.exposure).sum(1)
    low, high = (np.asarray(signal[k] / air[k], np.float64) for k in (0, 1))
    if rng is not None:
        # A wedge is small, so half of a parcel's scatter reaches a step.
        scatter = 0.5 * float(np.mean(scanner.scatter_range))
        readings = []
        for k, clean in ((0, low), (1, high)):
            haze = scatter * (1 - clean) * np.sqrt(clean)
            spread = np.sqrt((signal[k + 2] + scanner.electronic_kev**2) / STEP_PX) / air[k]
            readings.append(clean + haze + spread * rng.standard_normal(len(pe)))
        low, high = readings
    return StepWedge(pe_mm=pe, steel_mm=steel, le=low * AIR_LEVEL, he=high * AIR_LEVEL)
