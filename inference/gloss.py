"""The light of a registered photo, parted into what multiplies an ink and what lies over it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.inference.registration import Image

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]

CELL_PX: Final = 8
"""The light is fitted on means of this many pixels squared."""
MIN_PAPER_CELLS: Final = 12
CLIPPED: Final = 250
"""Of 255: a channel that bright has lost its colour."""
GLOSS_NODES_WH: Final = (6, 4)
"""Grid on which gloss is laid, bilinear between its nodes."""
GLOSS_DOUBT: Final = 4 / 15
"""Grey levels by which a cell is usually off, over those that gloss usually adds."""
ROUNDS: Final = 5
DULL_SHARE: Final = 0.6
"""Of a region's pixels, those with the least gloss tell its colour."""
MIN_PIXELS: Final = 60
LUMA: Final = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """What stands between a photo and the print that it shows: print * strength + gloss."""

    balance: Floats
    """(3,) colour of the light, of luma 1."""
    strength: Floats
    """(H, W) what it multiplies."""
    gloss: Floats
    """(H, W) grey levels that it adds."""


def light_of(picture: Image, reference: Image, inside: Mask, paper: Mask) -> Light:
    """The light on `picture`, beside that on the genuine `reference`.

    Gloss adds the same everywhere and the light multiplies, so the contrast of the print tells one
    from the other: gloss on an ink would otherwise pass for a paler one.

    Args:
        picture: (H, W, 3) RGB on the reference's grid.
        reference: (H, W, 3) RGB.
        inside: (H, W) where both show the print.
        paper: (H, W) neutral board, on which the balance is read; may be empty.
    """
    height, width = inside.shape
    small = (max(1, width // CELL_PX), max(1, height // CELL_PX))
    ours, theirs = _cells(picture, small), _cells(reference, small)
    whole = _cells(inside, small) > 0.95
    sound = whole & (_cells(picture.max(axis=2) >= CLIPPED, small) < 0.02)
    sound = sound if sound.sum() >= 100 else whole
    if sound.sum() < 40:
        even, none = np.ones(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
        return Light(balance=np.ones(3, np.float32), strength=even, gloss=none)
    neutral = sound & (_cells(paper, small) > 0.6)
    balance = _balance(ours, theirs, neutral if neutral.sum() >= MIN_PAPER_CELLS else sound)
    rows, columns = np.nonzero(sound)
    x, y = (columns + 0.5) / small[0], (rows + 0.5) / small[1]
    luma = np.array(LUMA, np.float32)
    there = (theirs @ luma)[sound]
    terms = np.concatenate([_quadratic(x, y) * there[:, None], _bumps(x, y)], axis=1)
    fit = _robust(terms, ((ours / balance) @ luma)[sound].astype(np.float64))
    grid_y, grid_x = (np.mgrid[: small[1], : small[0]] + 0.5) / np.array(small[::-1])[:, None, None]
    along, down = grid_x.ravel(), grid_y.ravel()
    maps = (_quadratic(along, down) @ fit[:6], _bumps(along, down) @ fit[6:])
    strength, gloss = (_at_size(one.reshape(small[::-1]), (width, height)) for one in maps)
    return Light(balance=balance, strength=np.maximum(strength, np.float32(0.1)), gloss=gloss)


def inks_of(picture: Image, light: Light, regions: Image, inside: Mask) -> Floats:
    """Colour of each region of even colour in the reference's light, (R, 3) RGB, 0 to 255.

    NaN where too little of a region is seen, or all of it is too bright to have a colour.

    Args:
        picture: (H, W, 3) RGB on the reference's grid.
        light: That on the picture.
        regions: (H, W) 0 for none, else the number of a region.
        inside: (H, W) where the picture shows the print.
    """
    inks = np.full((int(regions.max()), 3), np.nan, np.float32)
    usable = inside & (picture.max(axis=2) < CLIPPED)
    for number in range(1, len(inks) + 1):
        place = usable & (regions == number)
        if place.sum() < MIN_PIXELS:
            continue
        gloss = light.gloss[place]
        dull = gloss <= np.quantile(gloss, DULL_SHARE)
        values = picture[place][dull].astype(np.float32) / light.balance - gloss[dull, None]
        values /= light.strength[place][dull, None]
        # Medians of differences between channels: in them what is left of the gloss falls out.
        a = float(np.median(values[:, 0] - values[:, 1]))
        b = float(np.median(values[:, 1] - values[:, 2]))
        green = float(np.median(values @ np.array(LUMA, np.float32))) - LUMA[0] * a + LUMA[2] * b
        inks[number - 1] = (green + a, green, green - b)
    return inks


def _at_size(values: Matrix, size_wh: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(values.astype(np.float32), size_wh), np.float32)


def _cells(values: npt.NDArray[np.generic], small_wh: tuple[int, int]) -> Floats:
    wide = np.ascontiguousarray(values, np.float32)
    return np.asarray(cv2.resize(wide, small_wh, interpolation=cv2.INTER_AREA), np.float32)


def _balance(ours: Floats, theirs: Floats, on: Mask) -> Floats:
    ratio = np.log((ours[on] + 1) / (theirs[on] + 1))
    balance = np.exp(np.median(ratio - ratio.mean(axis=1, keepdims=True), axis=0))
    return np.asarray(balance / (balance @ np.array(LUMA)), np.float32)


def _robust(terms: Matrix, wanted: Matrix) -> Matrix:
    """Least squares with small gloss preferred; altered print does not pull."""
    doubt = np.zeros(terms.shape[1])
    doubt[6:] = GLOSS_DOUBT**2
    trust: Matrix = np.ones(len(wanted))
    fit: Matrix = np.zeros(terms.shape[1])
    for _ in range(ROUNDS):
        weighed = terms * trust[:, None]
        normal = weighed.T @ terms + np.diag(doubt + 1e-6)
        fit = np.asarray(np.linalg.solve(normal, weighed.T @ wanted), np.float64)
        off = np.abs(wanted - terms @ fit)
        scale = max(1.5 * float(np.median(off)), 1.0)
        trust = 1 / (1 + (off / scale) ** 2)
    return fit


def _quadratic(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> Matrix:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1).astype(np.float64)


def _bumps(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> Matrix:
    """(N, nodes) bilinear weights of the nodes of the gloss."""
    across, down = GLOSS_NODES_WH
    tents = []
    for place, count in ((x, across), (y, down)):
        away = np.abs(place[:, None] * (count - 1) - np.arange(count))
        tents.append(np.maximum(1 - away, 0))
    return np.asarray((tents[1][:, :, None] * tents[0][:, None, :]).reshape(len(x), -1), np.float64)
