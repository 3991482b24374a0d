"""Items of interest on their own, as thicknesses, ready to be projected into scans of parcels."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.acquisition import Scanner
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.items import make_item
from parcelscope.datasets.xray.physics import AIR_LEVEL, detected, spectrum
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.scene import Model, Scene
from parcelscope.datasets.xray.solids import Variety, about_z, bounds, turned
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.training.basis import Beam, basis_beam

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint16]
Mask = npt.NDArray[np.bool_]

LEAST_TRANSMISSION = 2e-4
"""Below it lies detector noise; a cut-out is at most that opaque."""
SEEN_ATTENUATION = 0.02
"""Low-energy attenuation from which a pixel of a scanned cut-out belongs to the item: above what
the tube drifts by in a scan; 0.8 mm of plastic."""
RIM_SHARE = 0.4
"""Of the attenuation nearby. Averaged, a straight rim has 2/3 of it, a corner 4/9, and the pixel
outside a rim 1/3."""
MARGIN_PX = 3
"""Kept around an item, so that its blurred rim comes along."""
LIFT_MM = 40.0
"""Height of an item above the belt: about where it lies in a parcel."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cutout:
    """One item as the scanner sees it, without anything around it."""

    label: str
    thickness_mm: Floats
    """(2, h, w) of polyethylene and steel that attenuate like it."""
    mask: Mask
    """(h, w) pixels that show it."""
    pixel_pitch_mm: float | None
    """Width of its pixels; None where unknown."""


def draw_cutout(
    label: str,
    rng: np.random.Generator,
    scanner: Scanner,
    *,
    variety: Variety = "familiar",
) -> Cutout:
    """A new specimen of the item `label`, seen by `scanner` without noise.

    Args:
        label: One of the items of the generator.
        rng: Source of chance.
        scanner: Whose beam, pitch and blur it is seen with.
        variety: Which designs it is drawn from.

    Raises:
        ValueError: If there is no such item.
    """
    return render_cutout(make_item(label, rng, variety), rng, scanner)


def render_cutout(article: Model, rng: np.random.Generator, scanner: Scanner) -> Cutout:
    """`article` lying on the belt at a chance angle, seen by `scanner` without noise."""
    solids = list(article.solids)
    yaw = about_z(float(rng.uniform(0, 2 * np.pi)))
    corners = bounds(solids, yaw)
    low_mm, high_mm = corners[0].min(axis=0), corners[1].max(axis=0)
    middle = (low_mm + high_mm) / 2
    shift = np.array([-middle[0], -middle[1], LIFT_MM - low_mm[2]])
    scene = Scene()
    scene.add(scene.begin(article.name, "item"), turned(solids, yaw, shift))
    pitch_mm = scanner.geometry.pixel_pitch_mm
    columns, rows = (int(side / pitch_mm * 1.3) + 16 for side in (high_mm - low_mm)[:2])
    geometry = Geometry.square(columns, rows, pitch_mm)
    projection = render(scene, geometry, texture=texture_field(rng, (128, 192)))
    beam = spectrum(scanner.spectrum)
    signal = detected(projection.thickness_mm, projection.materials, beam)[:2]
    transmission = signal / beam.weights[:2].sum(1)[:, None, None].astype(np.float32)
    if scanner.blur_px > 0:
        for energy in (0, 1):
            transmission[energy] = cv2.GaussianBlur(transmission[energy], (0, 0), scanner.blur_px)
    return _cutout(
        article.name, transmission, projection.masks[0], basis_beam(scanner.spectrum), pitch_mm
    )


def cut_out(
    low: Counts,
    high: Counts,
    label: str,
    beam: Beam,
    *,
    air_level: float = AIR_LEVEL,
    pixel_pitch_mm: float | None = None,
) -> Cutout:
    """The item that a scan of it alone shows: nothing else may lie on the belt.

    Args:
        low: (H, W) low energy.
        high: (H, W) high energy.
        label: What it is.
        beam: That of the scanner.
        air_level: Counts of an empty belt.
        pixel_pitch_mm: Width of a pixel, where known.

    Raises:
        ValueError: If the scan is empty.
    """
    transmission = np.stack([low, high]).astype(np.float32) / np.float32(air_level)
    # Averaged over 3 x 3 pixels, an item stands out of noise that single pixels drown in; its rim
    # lies where that falls to well below what is inside.
    depth = -np.log(np.maximum(cv2.blur(transmission[0], (3, 3)), LEAST_TRANSMISSION))
    inside = cv2.dilate(depth, np.ones((5, 5), np.uint8))
    least = max(SEEN_ATTENUATION, 4 * _spread(transmission[0]) / 3)
    mask = (depth > least) & (depth > RIM_SHARE * inside)
    if not mask.any():
        raise ValueError(f"the scan of {label!r} alone must show it, got an empty belt")
    return _cutout(label, transmission, mask, beam, pixel_pitch_mm)


def resized(cutout: Cutout, factor: float) -> Cutout:
    """`cutout` with `factor` times as many pixels along each side."""
    height, width = cutout.mask.shape
    size_wh = max(1, round(width * factor)), max(1, round(height * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    thickness = np.stack([cv2.resize(layer, size_wh, interpolation=how)
                          for layer in cutout.thickness_mm])  # fmt: skip
    share = cv2.resize(cutout.mask.astype(np.float32), size_wh, interpolation=how)
    pitch_mm = None if cutout.pixel_pitch_mm is None else cutout.pixel_pitch_mm / factor
    return replace(
        cutout, thickness_mm=thickness, mask=np.asarray(share) >= 0.5, pixel_pitch_mm=pitch_mm
    )


def turned_cutout(cutout: Cutout, angle_rad: float, *, mirrored: bool = False) -> Cutout:
    """`cutout` turned in the plane, in a picture that holds all of it."""
    layers = np.stack([*cutout.thickness_mm, cutout.mask.astype(np.float32)], axis=2)
    if mirrored:
        layers = layers[:, ::-1]
    height, width = cutout.mask.shape
    cos, sin = abs(np.cos(angle_rad)), abs(np.sin(angle_rad))
    wide, tall = int(np.ceil(width * cos + height * sin)), int(np.ceil(width * sin + height * cos))
    turn = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), float(np.degrees(angle_rad)), 1.0
    )
    turn[:, 2] += (wide - width) / 2, (tall - height) / 2
    moved = cv2.warpAffine(np.ascontiguousarray(layers), turn, (wide, tall), flags=cv2.INTER_LINEAR)
    thickness = np.asarray(moved[..., :2].transpose(2, 0, 1), np.float32, order="C")
    return _trimmed(replace(cutout, thickness_mm=thickness, mask=moved[..., 2] >= 0.5))


def _cutout(
    label: str, transmission: Floats, mask: Mask, beam: Beam, pixel_pitch_mm: float | None
) -> Cutout:
    depth = -np.log(np.clip(transmission, LEAST_TRANSMISSION, 1.1)).astype(np.float64)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * MARGIN_PX + 1,) * 2, np.uint8)) > 0
    thickness = np.zeros(depth.shape, np.float32)
    thickness[:, near] = beam.thickness(depth[:, near])
    return _trimmed(
        Cutout(label=label, thickness_mm=thickness, mask=mask, pixel_pitch_mm=pixel_pitch_mm)
    )


def _trimmed(cutout: Cutout) -> Cutout:
    """`cutout` without the empty rim."""
    used = cutout.mask | (np.abs(cutout.thickness_mm).max(axis=0) > 1e-6)
    rows, columns = np.flatnonzero(used.any(1)), np.flatnonzero(used.any(0))
    if not len(rows):
        return cutout
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return replace(cutout, thickness_mm=cutout.thickness_mm[:, *part], mask=cutout.mask[part])


def _spread(transmission: Floats) -> float:
    """Spread of the noise where nothing lies."""
    return float(np.median(np.abs(np.diff(transmission, axis=1)))) * 1.4826 / 2**0.5
