"""Defects drawn onto photos of good pieces, so that a detector learns what damage looks like.

None imitates a particular product: a tear, a spot, a stain, a change of finish, a chipped rim, a
piece of another place. Where a defect went is known to the pixel.
"""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Colour = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Draw = Callable[[Floats, Floats, np.random.Generator], tuple[Floats, Floats]]
"""From a picture (H, W, 3) and another good one of any size, 0 to 255, to the changed picture and
how far each pixel was changed over (H, W), 0 to 1."""

SEEN = 3.0
"""Change of a pixel, of 255, from which a person could see it; fainter ones are no defect."""
TRIES = 4
"""A defect that nobody could see is drawn again so often at most."""


def add_defects(
    picture: Colour,
    other: Colour,
    rng: np.random.Generator,
    *,
    kinds: tuple[str, ...] = (),
    most: int = 3,
) -> tuple[Colour, npt.NDArray[np.bool_]]:
    """`picture` with 1 to `most` defects, and where they are.

    Args:
        picture: (H, W, 3), a good piece.
        other: (h, w, 3), another good piece, that patches are taken from.
        rng: Source of chance.
        kinds: Which of `DEFECTS`; all where empty.
        most: Most defects.

    Returns:
        (H, W, 3) picture, and (H, W) mask of its defects.
    """
    names = kinds or tuple(DEFECTS)
    before = picture.astype(np.float32)
    after, mask = before, np.zeros(picture.shape[:2], np.bool_)
    for _ in range(int(rng.integers(1, most + 1))):
        draw = DEFECTS[names[int(rng.integers(len(names)))]]
        for _ in range(TRIES):
            drawn, share = draw(after, other.astype(np.float32), rng)
            place = share > 0.3
            if place.any() and float(np.abs(drawn - after)[place].mean()) > SEEN:
                after, mask = drawn, mask | place
                break
    return np.clip(np.rint(after), 0, 255).astype(np.uint8), mask


def crack(picture: Floats, other: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A wandering line, darker or lighter than its surroundings."""
    height, width = picture.shape[:2]
    side = min(height, width)
    count = int(rng.integers(4, 24))
    turn = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, rng.uniform(0.05, 0.5), count))
    step = side * rng.uniform(0.08, 0.9) / count
    start = rng.uniform(0, 1, 2) * (width, height)
    points = start + np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1) * step, axis=0)
    share = np.zeros((height, width), np.float32)
    thick = max(1, round(float(side * rng.uniform(0.003, 0.018))))
    cv2.polylines(share, [(points * 8).astype(np.int32)], False, 1.0, thick, cv2.LINE_AA, shift=3)
    return _shaded(picture, _soft(share, rng.uniform(0.4, 1.2)), rng)


def spot(picture: Floats, other: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A hole or a speck: small, with a firm edge."""
    height, width = picture.shape[:2]
    side = min(height, width)
    share = np.zeros((height, width), np.float32)
    radius = side * np.exp(rng.uniform(np.log(0.008), np.log(0.05), 2))
    centre = rng.uniform(0, 1, 2) * (width, height)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rough = 1 + rng.uniform(0, 0.35) * rng.standard_normal(24)
    ring = np.stack([np.cos(angle) * radius[0], np.sin(angle) * radius[1]], 1) * rough[:, None]
    lean = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    outline = ((ring @ turn + centre) * 8).astype(np.int32)
    cv2.fillPoly(share, [outline], 1.0, cv2.LINE_AA, shift=3)
    return _shaded(picture, _soft(share, rng.uniform(0.4, 1.5)), rng)


def stain(picture: Floats, other: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A patch of another shade with a wandering outline."""
    share = _blot(picture.shape[:2], rng)
    return _shaded(picture, share, rng, weakest=0.12)


def finish(picture: Floats, other: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A zone beyond a line that was lit, ground or printed differently."""
    height, width = picture.shape[:2]
    # Edges of tools and masks mostly run along the picture's own axes.
    lean = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.12)
    if rng.random() < 0.25:
        lean = rng.uniform(0, np.pi)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    along = columns / width * np.float32(np.cos(lean)) + rows / height * np.float32(np.sin(lean))
    low, high = float(along.min()), float(along.max())
    cut = rng.uniform(low + 0.05 * (high - low), low + 0.45 * (high - low))
    wander = _noise((height, width), float(min(height, width) * rng.uniform(0.1, 0.5)), rng)
    beyond = cut - along + np.float32(rng.uniform(0, 0.02)) * wander
    edge = max(rng.uniform(0.002, 0.02), 1e-3) * (high - low)
    share = np.clip(beyond / np.float32(edge), 0, 1)
    if rng.random() < 0.35:  # a band, not a whole side
        share = np.minimum(share, np.clip((along - low - rng.uniform(0, 0.6) * (cut - low)) /
                                          np.float32(edge), 0, 1))  # fmt: skip
    if rng.random() < 0.5:
        share = share[::-1, ::-1].copy()
    if rng.random() < 0.5:  # the texture is stronger or weaker there
        flat = _soft(picture, rng.uniform(1.0, 4.0))
        strength = rng.uniform(0, 0.5) if rng.random() < 0.5 else rng.uniform(1.6, 3)
        rough = flat + (picture - flat) * np.float32(strength)
        picture = picture + (rough - picture) * share[..., None]
    return _shaded(picture, share.astype(np.float32), rng, weakest=0.07)


def chipped(picture: Floats, other: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A bit of the rim gone: a rough corner or edge, dark, light or of another surface."""
    height, width = picture.shape[:2]
    side = min(height, width)
    share = np.zeros((height, width), np.float32)
    radius = side * np.exp(rng.uniform(np.log(0.02), np.log(0.16), 2))
    centre = rng.uniform(0, 1, 2) * (width, height)
    rim = int(rng.integers(4))
    centre[rim % 2] = (0, 0, width, height)[rim]
    if rng.random() < 0.5:  # a corner
        centre = rng.integers(0, 2, 2) * np.array([width, height], float)
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    rough = np.clip(1 + 0.35 * rng.standard_normal(16), 0.3, 1.8)
    ring = np.stack([np.cos(angle) * radius[0], np.sin(angle) * radius[1]], 1) * rough[:, None]
    cv2.fillPoly(share, [((ring + centre) * 8).astype(np.int32)], 1.0, cv2.LINE_AA, shift=3)
    return _shaded(picture, _soft(share, rng.uniform(0.4, 1.5)), rng)


def pasted(picture: Floats, other: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A piece of another place, turned: what belongs elsewhere, or is printed wrongly."""
    height, width = picture.shape[:2]
    side = min(height, width)
    share = np.zeros((height, width), np.float32)
    size = side * np.exp(rng.uniform(np.log(0.03), np.log(0.3), 2))
    centre = rng.uniform(0, 1, 2) * (width, height)
    box = cv2.boxPoints((tuple(centre), tuple(size), float(rng.uniform(0, 180))))
    cv2.fillPoly(share, [np.asarray(box * 8, np.int32)], 1.0, cv2.LINE_AA, shift=3)
    if rng.random() < 0.5:
        share = np.minimum(share, _blot((height, width), rng, most=0.6))
    from_xy = rng.uniform(0, 1, 2) * other.shape[1::-1]
    angle_deg, scale = float(rng.uniform(0, 360)), float(rng.uniform(0.7, 1.5))
    turn = np.asarray(cv2.getRotationMatrix2D(tuple(from_xy), angle_deg, scale), np.float64)
    turn[:, 2] += centre - from_xy
    patch = cv2.warpAffine(other, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    patch = patch * np.float32(rng.uniform(0.7, 1.3))
    share = _soft(share, rng.uniform(0.3, 2.0))
    return picture + (patch - picture) * share[..., None], share


DEFECTS: dict[str, Draw] = {
    draw.__name__: draw for draw in (crack, spot, stain, finish, chipped, pasted)
}


def _shaded(
    picture: Floats, share: Floats, rng: np.random.Generator, *, weakest: float = 0.2
) -> tuple[Floats, Floats]:
    """`picture` darker or lighter where `share` says, by a factor or towards one shade."""
    dark = rng.random() < 0.65
    strength = rng.uniform(weakest, 0.75)
    if rng.random() < 0.5:
        gain = 1 - strength if dark else 1 + strength
        aim = picture * np.float32(gain)
    else:
        level = rng.uniform(0, 60) if dark else rng.uniform(170, 255)
        # A grey photo stays grey: colour in it would give every made defect away.
        grey = bool((picture[..., :1] == picture).all())
        tint = 0.0 if grey else rng.uniform(-15, 15, 3)
        grain = rng.normal(0, 6, (*picture.shape[:2], 1 if grey else 3))
        shade = (level + tint + grain).astype(np.float32)
        aim = picture + (shade - picture) * np.float32(strength)
    return picture + (aim - picture) * share[..., None], share


def _blot(shape: tuple[int, int], rng: np.random.Generator, most: float = 0.35) -> Floats:
    """(H, W) 0 to 1: one or more blots with wandering outlines."""
    height, width = shape
    side = min(height, width)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = rng.uniform(0, 1, 2) * (width, height)
    reach = side * np.exp(rng.uniform(np.log(0.05), np.log(most), 2))
    hill = np.exp(-(((columns - x) / reach[0]) ** 2 + ((rows - y) / reach[1]) ** 2))
    rough = _noise(shape, float(reach.mean() * rng.uniform(0.2, 0.8)), rng)
    level = hill + np.float32(rng.uniform(0, 0.3)) * rough * (hill > 0.05)
    share: Floats = np.clip((level - 0.4) / np.float32(rng.uniform(0.02, 0.3)), 0, 1)
    return share.astype(np.float32)


def _noise(shape: tuple[int, int], grain_px: float, rng: np.random.Generator) -> Floats:
    """(H, W) smooth noise of unit spread."""
    grain_px = max(grain_px, 2.0)
    small = rng.standard_normal([max(2, round(side / grain_px) + 1) for side in shape])
    wide = cv2.resize(small.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(wide / (wide.std() + 1e-6), np.float32)


def _soft(picture: Floats, sigma_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)
