"""What the browser needs to show scans in the colours that reports have: tables and constants."""

import base64
from functools import lru_cache
from typing import Any

import numpy as np

from parcelscope.datasets.xray import functions
from parcelscope.datasets.xray.colour import (
    ANALYST_PALETTE,
    HIGHEST_NUMBER,
    STEPS,
    dye_densities,
)
from parcelscope.datasets.xray.physics import Array, Image
from parcelscope.datasets.xray.zeff import (
    HIGH_ATTENUATION,
    LEAST_ATTENUATION,
    RATIO,
    SHOWN_SPECTRUM,
    calibration,
)

FLOOR = 2e-4
CEILING = 1.05
"""Transmissions that `attenuation` believes, its defaults."""


@lru_cache(maxsize=1)
def renderer() -> dict[str, Any]:
    """The renderer as JSON: grids, the material table and the palette, little-endian float32."""
    return {
        "table": _packed(calibration(SHOWN_SPECTRUM)),
        "depths": _grid(HIGH_ATTENUATION),
        "ratios": _grid(RATIO),
        "least_attenuation": LEAST_ATTENUATION,
        "floor": FLOOR,
        "ceiling": CEILING,
        "dyes": _packed(dye_densities(ANALYST_PALETTE)),
        "steps": STEPS,
        "highest_number": HIGHEST_NUMBER,
        "background": list(ANALYST_PALETTE.background),
        "gain": ANALYST_PALETTE.gain,
        "sharpen": ANALYST_PALETTE.sharpen,
        "edge_strength": functions.EDGE_STRENGTH,
        "black_from": ANALYST_PALETTE.black_from,
        "organic_below": functions.ORGANIC_BELOW,
        "penetration": list(functions.PENETRATION),
        "stripped_share": functions.STRIPPED_SHARE,
    }


def _packed(values: Image) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode("ascii")


def _grid(values: Array) -> dict[str, float]:
    return {"first": float(values[0]), "last": float(values[-1]), "count": len(values)}
