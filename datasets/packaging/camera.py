"""Photographs a carton on a table: three faces in perspective, light, shadow, glare and wear."""

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.packaging.defects import Defect, Printing, altered_print, genuine_print
from parcelscope.datasets.packaging.design import FACE_WH, Image, PackageDesign
from parcelscope.datasets.packaging.face import draw_face, draw_panel
from parcelscope.datasets.packaging.optics import (
    Radiance,
    as_bytes,
    expose,
    glare_field,
    indoor_exposure,
    light_field,
    smooth_noise,
)

Points = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoTruth:
    """A generated photo of a package, and what is true of it."""

    jpeg: bytes
    corners_xy: Points
    """Corners of the front face in pixels, shape (4, 2): top left, top right, bottom right,
    bottom left as printed."""
    design: PackageDesign
    defects: tuple[Defect, ...]
    """In what the copy differs from the genuine print; empty for a genuine copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pose:
    """A carton of unit width before a pinhole camera; y down, z away from the camera."""

    half_size: Points
    """Half width, height and depth, shape (3,)."""
    rotation: Points
    """Carton to camera, shape (3, 3)."""
    distance: float
    focal_px: float
    centre_xy: Points

    def project(self, corners: npt.ArrayLike) -> Points:
        """Pixels of points in half sizes of the carton, shape (N, 3) to (N, 2)."""
        points = np.asarray(corners, np.float32) * self.half_size @ self.rotation.T
        depth = points[:, 2:] + self.distance
        pixels: Points = (points[:, :2] / depth * self.focal_px + self.centre_xy).astype(np.float32)
        return pixels


def package_photo(
    rng: np.random.Generator,
    design: PackageDesign,
    *,
    defects: Collection[Defect] = (),
    subtle: bool = False,
    size_wh: tuple[int, int] = (640, 480),
) -> PhotoTruth:
    """A phone photo of one carton of the design on a table.

    Genuine copies vary too: press drift, wear, light, pose and camera are drawn alike for all.

    Args:
        rng: Source of all choices; the same state gives the same bytes.
        design: The genuine design.
        defects: In what this copy differs; see `DEFECTS`.
        subtle: Differences just beyond press tolerance: logo shift up to 1.5 % of the width,
            colour dE up to 6.
        size_wh: Width and height of the photo in pixels.

    Raises:
        ValueError: If a defect is not known.
    """
    if defects:
        strength = 0.0 if subtle else 1.0
        printing = altered_print(rng, design, defects, strength=strength)
    else:
        printing = genuine_print(rng, design)
    pose = _draw_pose(rng, size_wh)
    corners = pose.project([(-1, -1, -1), (1, -1, -1), (1, 1, -1), (-1, 1, -1)])
    light = np.array([rng.uniform(-0.6, 0.6), -0.9, -0.75])
    light /= np.linalg.norm(light)
    scene = _table(rng, pose, size_wh)
    _cast_shadow(scene, pose, light)
    for picture, quad, normal in _faces(rng, printing, pose, corners):
        _lay_face(
            scene, picture, quad, float(0.5 + 0.6 * max(0.0, (pose.rotation @ normal) @ light))
        )
    scene *= light_field(rng, size_wh)[..., None]
    scene += _gloss(rng, corners, size_wh)[..., None]
    jpeg = expose(rng, scene, indoor_exposure(rng))
    named = tuple(sorted(set(defects)))
    return PhotoTruth(jpeg=jpeg, corners_xy=corners, design=design, defects=named)


def _draw_pose(rng: np.random.Generator, size_wh: tuple[int, int]) -> _Pose:
    """A carton that fills most of the frame, seen from above and from one side."""
    aspect = FACE_WH[1] / FACE_WH[0]
    half_size = np.array([0.5, 0.5 * aspect, rng.uniform(0.12, 0.3)], np.float32)
    yaw = rng.uniform(0.12, 0.5) * (1 if rng.random() < 0.5 else -1)
    pitch, roll = rng.uniform(0.38, 0.62), rng.uniform(-0.06, 0.06)
    turns = [cv2.Rodrigues(np.array(v))[0] for v in ([pitch, 0, 0], [0, yaw, 0], [0, 0, roll])]
    rotation = (turns[2] @ turns[0] @ turns[1]).astype(np.float32)
    pose = _Pose(
        half_size=half_size, rotation=rotation, distance=float(rng.uniform(2.2, 3.2)),
        focal_px=1.0, centre_xy=np.zeros(2, np.float32),
    )  # fmt: skip
    cube = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    outline = pose.project(cube)
    low, high = outline.min(axis=0), outline.max(axis=0)
    frame = np.array(size_wh, np.float32)
    zoom = float(np.min(frame / (high - low)) * rng.uniform(0.72, 0.9))
    spare = (frame - (high - low) * zoom) / 2
    centre = frame / 2 - (low + high) / 2 * zoom + spare * rng.uniform(-0.6, 0.6, 2)
    return _Pose(
        half_size=half_size, rotation=rotation, distance=pose.distance,
        focal_px=zoom, centre_xy=centre.astype(np.float32),
    )  # fmt: skip


def _faces(
    rng: np.random.Generator, printing: Printing, pose: _Pose, corners: Points
) -> list[tuple[Image, Points, Points]]:
    """The visible faces: picture, corners in the photo, outward normal; the front last."""
    # Just above the size that the photo shows: a linear warp must not shrink by much (aliasing).
    shown_px = float(np.linalg.norm(corners[1] - corners[0]))
    width_px = max(64, round(shown_px * 1.15))
    front = _worn(rng, draw_face(rng, printing, width_px=width_px))
    half_w, half_h, half_d = (float(v) for v in pose.half_size)
    unit = width_px / (2 * half_w)
    top = draw_panel(printing, (width_px, max(8, round(2 * half_d * unit * 0.7))), upright=False)
    side_size = (max(8, round(2 * half_d * unit * 0.7)), max(8, round(2 * half_h * unit)))
    side = draw_panel(printing, side_size, upright=True)
    faces = [
        (top, pose.project([(-1, -1, 1), (1, -1, 1), (1, -1, -1), (-1, -1, -1)]), (0, -1, 0)),
        (side, pose.project([(1, -1, -1), (1, -1, 1), (1, 1, 1), (1, 1, -1)]), (1, 0, 0)),
        (side, pose.project([(-1, -1, 1), (-1, -1, -1), (-1, 1, -1), (-1, 1, 1)]), (-1, 0, 0)),
        (front, corners, (0, 0, -1)),
    ]
    # A face shows if its corners run clockwise in the picture (y down).
    return [
        (picture, quad, np.array(normal, np.float32))
        for picture, quad, normal in faces
        if cv2.contourArea(quad, True) > 4
    ]


def _lay_face(scene: Radiance, picture: Image, quad: Points, shade: float) -> None:
    height, width = picture.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    x0, y0 = np.floor(quad.min(axis=0)).astype(int) - 1
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int) + 2
    x0, y0 = max(x0, 0), max(y0, 0)
    x1, y1 = min(x1, scene.shape[1]), min(y1, scene.shape[0])
    warp = cv2.getPerspectiveTransform(flat, quad - np.array([x0, y0], np.float32))
    size = (int(x1 - x0), int(y1 - y0))
    seen = cv2.warpPerspective(picture, warp, size, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.full((height, width), 255, np.uint8), warp, size)
    alpha = (cover.astype(np.float32) / 255)[..., None]
    patch = scene[y0:y1, x0:x1]
    patch += (seen.astype(np.float32) * shade - patch) * alpha


def _table(rng: np.random.Generator, pose: _Pose, size_wh: tuple[int, int]) -> Radiance:
    """The table top in the carton's perspective, shape (H, W, 3)."""
    n = 384
    kind = int(rng.integers(0, 4))
    base = (rng.uniform(70, 155) * rng.uniform(0.92, 1.05, 3)).astype(np.float32)
    grain = smooth_noise(rng, (n, n), (2, 2)) * 3 + smooth_noise(rng, (n, n), (48, 48)) * 4
    if kind == 0:  # wood: grain along one direction
        base = np.array([150, 112, 76], np.float32) * np.float32(rng.uniform(0.7, 1.2))
        grain = grain * 0.5 + smooth_noise(rng, (n, n), (160, 3)) * 11
    elif kind == 1:  # cutting mat with a measuring grid
        base = np.array([52, 88, 80], np.float32) * np.float32(rng.uniform(0.8, 1.2))
        grain[::32] += 26
        grain[:, ::32] += 26
    elif kind == 2:  # brushed steel
        base = np.full(3, rng.uniform(120, 165), np.float32)
        grain = grain * 0.4 + smooth_noise(rng, (n, n), (90, 1)) * 6
    top = as_bytes(base + grain[..., None])
    reach = 2.2
    quad = pose.project([(-reach, 1, 9), (reach, 1, 9), (reach, 1, -6), (-reach, 1, -6)])
    flat = np.array([[0, 0], [n, 0], [n, n], [0, n]], np.float32)
    warp = cv2.getPerspectiveTransform(flat, quad)
    scene = cv2.warpPerspective(top, warp, size_wh, borderMode=cv2.BORDER_WRAP)
    result: Radiance = scene.astype(np.float32)
    return result


def _cast_shadow(scene: Radiance, pose: _Pose, light: npt.NDArray[np.float64]) -> None:
    """Darkens the table where the carton stands between it and the light."""
    height, width = scene.shape[:2]
    # Half sizes moved by the light's slope as the ray falls from the top edge to the table.
    to_light = pose.rotation.T @ light
    drop = 2 * float(pose.half_size[1]) / max(0.5, float(-to_light[1]))
    dx = -float(to_light[0]) * drop / float(pose.half_size[0]) * 0.7
    dz = -float(to_light[2]) * drop / float(pose.half_size[2]) * 0.5
    foot = [(x, 1, z) for x in (-1, 1) for z in (-1, 1)]
    shade = [(x + dx, 1, z + dz) for x, _, z in foot]
    mask = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(pose.project(foot + shade)).astype(np.int32), 0.45)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), width / 80), np.float32)
    contact = np.zeros((height, width), np.float32)
    edge = pose.project([(x * 1.02, 1, z * 1.04) for x, _, z in foot])
    cv2.fillConvexPoly(contact, cv2.convexHull(edge).astype(np.int32), 0.5)
    contact = np.asarray(cv2.GaussianBlur(contact, (0, 0), width / 200), np.float32)
    scene *= (1 - np.maximum(mask, contact))[..., None]


def _worn(rng: np.random.Generator, face: Image) -> Image:
    """Handling marks: rubbed edges and corners, a few scratches, one dent or crease."""
    height, width = face.shape[:2]
    wear = float(rng.uniform(0.0, 1.0))
    rub = np.zeros((height, width), np.float32)
    cv2.rectangle(rub, (0, 0), (width - 1, height - 1), 0.9 * wear, max(1, width // 250))
    for corner in ((0, 0), (width, 0), (0, height), (width, height)):
        if rng.random() < wear:
            cv2.circle(rub, corner, int(rng.integers(2, 3 + width // 60)), 0.9)
    cell = max(8, width // 12)
    rub *= np.clip(0.35 + 0.3 * smooth_noise(rng, (width, height), (cell, cell)), 0, 1)
    rub = np.asarray(cv2.GaussianBlur(rub, (0, 0), 0.8), np.float32)
    for _ in range(int(rng.integers(0, 1 + round(4 * wear)))):
        start = rng.uniform((0, 0), (width, height))
        end = start + rng.normal(0, width / 12, 2)
        a, b = (int(start[0]), int(start[1])), (int(end[0]), int(end[1]))
        cv2.line(rub, a, b, float(rng.uniform(0.1, 0.35)), 1, cv2.LINE_AA)
    worn = face.astype(np.float32)
    worn += (np.float32(238) - worn) * rub[..., None]
    # A shallow dent shades one side of a line across the face and lights the other.
    angle, place = rng.uniform(0, np.pi), rng.uniform(0.15, 0.85)
    x = np.linspace(0, 1, width, dtype=np.float32)[None]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    distance = (np.cos(angle) * (x - place) + np.sin(angle) * (y - place)).astype(np.float32) * 30
    dent = np.float32(0.10 * wear) * distance * np.exp(-distance * distance)
    worn *= (1 + dent + 0.012 * smooth_noise(rng, (width, height), (90, 90)))[..., None]
    return as_bytes(worn)


def _gloss(rng: np.random.Generator, corners: Points, size_wh: tuple[int, int]) -> Radiance:
    """Sheen of the lacquer somewhere on the front face; seldom strong."""
    weights = rng.dirichlet(np.ones(4))
    centre = weights @ corners
    size = float(np.linalg.norm(corners[1] - corners[0]))
    peak = float(rng.uniform(0, 45) if rng.random() < 0.85 else rng.uniform(60, 130))
    radii = (size * float(rng.uniform(0.1, 0.3)), size * float(rng.uniform(0.04, 0.12)))
    place = (float(centre[0]), float(centre[1]))
    return glare_field(size_wh, place, radii, float(rng.uniform(-70, 70)), peak)
