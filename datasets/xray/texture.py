"""What keeps simulated parcels from looking too clean: uneven thickness of cloth, paper, board."""

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.scene import Solid

Image = npt.NDArray[np.float32]

FLUTING = -1
"""Texture number of corrugated board: waves along the solid's local x instead of a patch."""
FLUTE_MM = 6.4
"""Spacing of the waves in B-flute board, the usual one of parcel cartons."""


def texture_field(rng: np.random.Generator, shape: tuple[int, int] = (512, 768)) -> Image:
    """A field of relative thickness variation, half fractal, half wrinkled; it tiles seamlessly.

    Returns:
        (h, w) with zero mean and a spread of about one, between -2 and 3.
    """
    field = 0.45 * _fractal(shape, rng, 1.6) + 0.75 * _wrinkled(shape, rng)
    field = np.clip(field, -2.0, 3.0)
    level: Image = (field - field.mean()).astype(np.float32)
    return level


def _fractal(shape: tuple[int, int], rng: np.random.Generator, exponent: float) -> Image:
    """Noise whose amplitude falls with frequency to the power `exponent`; mean 0, spread 1."""
    transform = np.fft.rfft2(rng.standard_normal(shape))
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    frequency[0, 0] = 1.0
    noise = np.fft.irfft2(transform / frequency**exponent, shape)
    scaled: Image = ((noise - noise.mean()) / noise.std()).astype(np.float32)
    return scaled


def _wrinkled(shape: tuple[int, int], rng: np.random.Generator) -> Image:
    """Ridges as of creased cloth: the zero crossings of fractal noise, at three roughnesses."""
    ridges = np.zeros(shape, np.float32)
    for exponent, share in ((1.5, 0.6), (1.25, 0.5), (1.1, 0.25)):
        ridges += np.float32(share) * (1 - 2.2 * np.abs(_fractal(shape, rng, exponent)))
    scaled: Image = np.clip((ridges - ridges.mean()) / ridges.std(), -1.4, 3.0)
    return scaled


def modulation(
    solid: Solid, field: Image, window: tuple[int, int, int, int], geometry: Geometry
) -> Image:
    """Factor on the chords of `solid` in a window (first and end column, first and end row)."""
    x0, x1, y0, y1 = window
    if solid.texture == FLUTING:
        x = geometry.x_of(np.arange(x0, x1)) - solid.centre_mm[0]
        height = solid.centre_mm[2] - geometry.source_z_mm
        y = geometry.slope_of(np.arange(y0, y1)) * height - solid.centre_mm[1]
        across = solid.rotation[0, 0] * x + solid.rotation[1, 0] * y[:, None]
        patch = np.sin(across.astype(np.float32) * np.float32(2 * np.pi / FLUTE_MM))
    else:
        rows = (np.arange(y0, y1) + 37 * solid.texture) % field.shape[0]
        columns = (np.arange(x0, x1) + 101 * solid.texture) % field.shape[1]
        patch = field[rows][:, columns]
    factor: Image = 1 + np.float32(solid.texture_amplitude) * patch
    return np.maximum(factor, np.float32(0))
