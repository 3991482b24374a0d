"""What a phone does to light: vignette, glare, white balance, blur, noise and JPEG."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from parcelscope.datasets.packaging.design import Image

Radiance = npt.NDArray[np.float32]
"""Linear-looking picture, shape (H, W, 3), 0 to 255 before exposure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One shot of a phone camera."""

    gain: float = 1.0
    blur_px: float = 0.6
    """Standard deviation of defocus."""
    motion_px: int = 0
    """Length of a straight hand movement during the exposure; 0 = none."""
    motion_deg: float = 0.0
    noise: float = 2.5
    """Standard deviation at mid grey, in grey levels."""
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    jpeg_quality: int = 85


def indoor_exposure(rng: np.random.Generator) -> Exposure:
    """A usual shot under indoor light: acceptable sharpness, exposure and noise."""
    balance = rng.uniform((0.95, 0.98, 0.92), (1.06, 1.02, 1.08))
    return Exposure(
        gain=float(rng.uniform(0.88, 1.1)),
        blur_px=float(rng.uniform(0.35, 0.85)),
        noise=float(rng.uniform(1.2, 4.0)),
        white_balance=(float(balance[0]), float(balance[1]), float(balance[2])),
        jpeg_quality=int(rng.integers(70, 95)),
    )


def light_field(rng: np.random.Generator, size_wh: tuple[int, int]) -> Radiance:
    """Fall-off of the light over the frame, shape (H, W), about 1."""
    width, height = size_wh
    cx, cy = rng.uniform(0.15, 0.85) * width, rng.uniform(0.1, 0.6) * height
    x = np.arange(width, dtype=np.float32)[None] - np.float32(cx)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(cy)
    strength = np.float32(rng.uniform(0.15, 0.4))
    field: Radiance = 1.1 - strength * np.sqrt(x * x + y * y) / np.float32(width)
    return field


def glare_field(
    size_wh: tuple[int, int],
    centre_xy: tuple[float, float],
    radii_xy: tuple[float, float],
    angle_deg: float,
    peak: float,
) -> Radiance:
    """A specular highlight, shape (H, W), in grey levels to add."""
    width, height = size_wh
    c, s = np.float32(np.cos(np.deg2rad(angle_deg))), np.float32(np.sin(np.deg2rad(angle_deg)))
    x = np.arange(width, dtype=np.float32)[None] - np.float32(centre_xy[0])
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(centre_xy[1])
    u = (c * x + s * y) / np.float32(radii_xy[0])
    v = (c * y - s * x) / np.float32(radii_xy[1])
    field: Radiance = np.float32(peak) * np.exp(-0.5 * (u * u + v * v))
    return field


def expose(rng: np.random.Generator, radiance: Radiance, exposure: Exposure) -> bytes:
    """The JPEG that the camera stores of a scene, shape (H, W, 3) RGB."""
    height, width = radiance.shape[:2]
    gain = np.asarray(exposure.white_balance, np.float32) * np.float32(exposure.gain)
    picture = np.asarray(radiance * gain, np.float32)
    if exposure.motion_px > 1:
        kernel = _motion_kernel(exposure.motion_px, exposure.motion_deg)
        picture = np.asarray(cv2.filter2D(picture, -1, kernel), np.float32)
    blurred = cv2.GaussianBlur(picture, (0, 0), max(0.3, exposure.blur_px))
    picture = np.asarray(blurred, np.float32)
    # Noise is shared by the channels (luma) and drawn once: three fields cost 3x for a look
    # that JPEG's chroma subsampling removes.
    noise = rng.standard_normal((height, width, 1), dtype=np.float32)
    picture += noise * np.float32(exposure.noise)
    stored = np.clip(picture, 0, 255).astype(np.uint8)
    jpeg: bytes = simplejpeg.encode_jpeg(
        stored, quality=exposure.jpeg_quality, colorspace="RGB", colorsubsampling="420"
    )
    return jpeg


def _motion_kernel(length_px: int, angle_deg: float) -> Radiance:
    size = length_px | 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    dx = np.cos(np.deg2rad(angle_deg)) * middle
    dy = np.sin(np.deg2rad(angle_deg)) * middle
    start = (round(middle - dx), round(middle - dy))
    end = (round(middle + dx), round(middle + dy))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA)
    return np.asarray(kernel / kernel.sum(), np.float32)


def smooth_noise(
    rng: np.random.Generator, size_wh: tuple[int, int], cell_wh: tuple[int, int]
) -> Radiance:
    """Noise with features of about `cell_wh` pixels, shape (H, W), standard deviation about 1."""
    width, height = size_wh
    grid = rng.standard_normal(
        (max(2, height // cell_wh[1] + 2), max(2, width // cell_wh[0] + 2)), dtype=np.float32
    )
    return np.asarray(cv2.resize(grid, size_wh, interpolation=cv2.INTER_CUBIC), np.float32)


def as_bytes(picture: Radiance) -> Image:
    """Clipped to 0..255."""
    return np.clip(picture, 0, 255).astype(np.uint8)
