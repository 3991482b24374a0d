"""Image functions of an X-ray workstation: what each key shows of one scan.

The workstation renders in the browser (review/static/xray.js) and reports render here; a test
holds the browser to these arrays, so that the two cannot drift apart.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.colour import (
    ANALYST_PALETTE,
    Picture,
    dyed,
    sharpened,
)
from parcelscope.datasets.xray.physics import AIR_LEVEL, Counts, Image, attenuation
from parcelscope.datasets.xray.zeff import SHOWN_SPECTRUM, effective_z

FUNCTIONS: Final = ("colour", "grey", "inverse", "organic", "metal", "high_penetration")
"""In the order of the keys 1 to 6."""

EDGE_STRENGTH: Final = 4.0
"""Strength of the unsharp mask while edges are enhanced; `ANALYST_PALETTE` has the usual one."""
ORGANIC_BELOW: Final = 10.0
"""Effective atomic number that stripping divides at. Between it and 18 scanners paint green: light
metals, and steel behind organic goods, which must not vanish when organic goods are stripped."""
PENETRATION: Final = (1.0, 6.0)
"""Attenuations that high penetration shows as white and as black: 37 % and 0.25 % get through."""
STRIPPED_SHARE: Final = 0.22
"""How much of its darkness stripped material keeps, so that one sees where it lay."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """One scan, ready for every function."""

    depth: Image
    """(H, W) attenuation, sharpened as usual; 0 or more."""
    edge_depth: Image
    """(H, W) attenuation, sharpened strongly."""
    number: Image | None = None
    """(H, W) effective atomic number, 0 where undefined; None of a single energy."""
    smooth_number: Image | None = None
    """The same after a median over 3x3: a hard limit on single pixels would show as speckle."""


def prepare(low: Counts, high: Counts | None = None, *, air_level: float = AIR_LEVEL) -> Prepared:
    """What the functions share of one scan.

    Args:
        low: (H, W) low energy, or the only energy.
        high: (H, W) high energy.
        air_level: Counts of an empty belt.
    """
    depth = np.maximum(attenuation(low, air_level=air_level), 0)
    if high is None:
        return Prepared(depth=depth, edge_depth=sharpened(depth, EDGE_STRENGTH))
    pair = [attenuation(counts, air_level=air_level) for counts in (low, high)]
    depth = np.maximum((pair[0] + pair[1]) / 2, 0)
    number = effective_z(low, high, SHOWN_SPECTRUM, air_level=air_level)
    return Prepared(
        depth=sharpened(depth, ANALYST_PALETTE.sharpen),
        edge_depth=sharpened(depth, EDGE_STRENGTH),
        number=number,
        smooth_number=np.asarray(cv2.medianBlur(number, 3), np.float32),
    )


def shown(prepared: Prepared, function: str, *, edges: bool = False) -> Picture:
    """What `function` shows of a scan, shape (H, W, 3), RGB.

    Of a single energy, colour is grey, and organic and metal cannot be told apart.

    Raises:
        ValueError: No such function, or it needs both energies.
    """
    depth = prepared.edge_depth if edges else prepared.depth
    if function == "grey" or (function == "colour" and prepared.number is None):
        return _grey(255 * np.exp(-depth))
    if function == "inverse":
        return 255 - _grey(255 * np.exp(-depth))
    if function == "high_penetration":
        white, black = PENETRATION
        return _grey(255 * (1 - np.clip((depth - white) / (black - white), 0, 1)))
    if prepared.number is None or prepared.smooth_number is None:
        raise ValueError(f"{function!r} needs both energies of a scan")
    if function == "colour":
        return dyed(depth, prepared.number, ANALYST_PALETTE)
    if function not in ("organic", "metal"):
        raise ValueError(f"no function {function!r}; known: {', '.join(FUNCTIONS)}")
    smooth = prepared.smooth_number
    organic = (smooth > 0) & (smooth < ORGANIC_BELOW)
    kept = organic if function == "organic" else smooth >= ORGANIC_BELOW
    stripped = _grey(255 - STRIPPED_SHARE * 255 * (1 - np.exp(-depth)))
    coloured = dyed(depth, prepared.number, ANALYST_PALETTE)
    return np.where(kept[..., None], coloured, stripped)


def _grey(levels: npt.NDArray[np.floating[Any]]) -> Picture:
    grey = np.clip(levels, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
