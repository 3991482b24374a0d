"""From what rays cross to the 16-bit picture that a line scanner stores.

Order of effects: energy-integrating detection, optical blur, belt motion, scatter, noise, pixel
and module gains, tube flicker and drift, division by the air calibration, defective pixels. In a
line scanner a detector pixel's fault is a row (along the belt) and a tube's fault is a column.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.physics import AIR_LEVEL, Array, Counts, Image, detected, spectrum
from parcelscope.datasets.xray.render import Projection

NOISE_KEV = 60.0
"""Energy of one photon in which electronic noise is stated."""
MODULE_ROWS = 32
"""Detector pixels per module."""
SCATTER_SIGMA_MM = 16.0
"""Width of the scatter haze."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """A scanner model: its beam, geometry and faults. Defaults suit a parcel-size machine."""

    model: str
    software: str
    spectrum: str
    """Name of a spectrum of the tables."""
    geometry: Geometry = field(default_factory=lambda: Geometry.square(320, 256, 1.6))
    mas_per_line: float = 3.0e-3
    detector_pixel_mm2: float = 2.25
    electronic_noise_photons: float = 25.0
    """Standard deviation, in photons of 60 keV."""
    scatter_range: tuple[float, float] = (0.01, 0.04)
    """Peak of the scatter haze over air, drawn per scan; 0.4 of it at worst reaches a pixel."""
    blur_px: float = 0.55
    """Standard deviation of the point spread."""
    motion_share: float = 0.7
    """How much of the belt's travel during a line smears the picture, 0 to 1."""
    pixel_gain_spread: float = 0.02
    module_gain_spread: float = 0.03
    air_lines: int = 200
    """Lines averaged into the air calibration."""
    flicker: float = 0.003
    """Relative spread of the tube's output from line to line, common to both energies."""
    drift: float = 0.004
    """Relative change of the gain over one scan."""
    dead_rows: int = 2
    streak_probability: float = 0.12
    """Chance that dead rows are left uncorrected, as streaks."""
    dropped_lines: int = 1
    """Most lines lost in a scan; a lost line repeats the one before."""
    sharpen: float = 0.0
    """Strength of the unsharp mask that some machines apply to the stored pixels."""

    @property
    def exposure(self) -> float:
        """Detector area in mm2 times mAs, over the squared distance in m, of one pixel."""
        distance_m = self.geometry.source_to_detector_mm / 1000
        return self.mas_per_line * self.detector_pixel_mm2 / distance_m**2

    @property
    def electronic_kev(self) -> float:
        """Standard deviation of the electronic noise in keV."""
        return self.electronic_noise_photons * NOISE_KEV


TRAINING_SCANNERS: dict[str, Scanner] = {
    scanner.model: scanner
    for scanner in (
        Scanner(model="PS-160", software="4.2", spectrum="160kv_al3"),
        Scanner(
            model="PS-140",
            software="2.8",
            spectrum="140kv_al2",
            electronic_noise_photons=35.0,
            scatter_range=(0.015, 0.05),
            blur_px=0.7,
        ),
        Scanner(
            model="PS-160F",
            software="5.0",
            spectrum="160kv_al2cu05",
            mas_per_line=7.0e-3,
            electronic_noise_photons=12.0,
            blur_px=0.45,
            sharpen=0.5,
        ),
        Scanner(
            model="PS-120",
            software="1.9",
            spectrum="120kv_al3",
            mas_per_line=2.5e-3,
            blur_px=0.8,
            flicker=0.005,
            dead_rows=4,
        ),
    )
}
"""Scanners that training data are made on."""
EVALUATION_SCANNERS: dict[str, Scanner] = {
    scanner.model: scanner
    for scanner in (
        Scanner(
            model="EV-140C",
            software="3.1",
            spectrum="140kv_al4cu02",
            mas_per_line=4.0e-3,
            electronic_noise_photons=45.0,
            scatter_range=(0.02, 0.06),
            blur_px=0.9,
            flicker=0.006,
            drift=0.008,
            dead_rows=5,
            dropped_lines=3,
        ),
        Scanner(
            model="EV-180",
            software="7.4",
            spectrum="180kv_al3cu02",
            mas_per_line=5.0e-3,
            electronic_noise_photons=15.0,
            scatter_range=(0.005, 0.03),
            blur_px=0.4,
            sharpen=0.9,
        ),
    )
}
"""Scanners kept for evaluation: spectra, noise and sharpening that training never sees."""
SCANNERS: dict[str, Scanner] = TRAINING_SCANNERS | EVALUATION_SCANNERS


def acquire(
    projection: Projection, scanner: Scanner, rng: np.random.Generator
) -> tuple[Counts, Counts]:
    """The low- and high-energy picture, (H, W) each, air at `AIR_LEVEL`."""
    beam = spectrum(scanner.spectrum)
    signal = detected(projection.thickness_mm, projection.materials, beam, scanner.exposure)
    air = (beam.weights * scanner.exposure).sum(1)  # (4,)
    height, width = signal.shape[1:]
    flicker = np.asarray(1 + scanner.flicker * rng.standard_normal(width), np.float64)
    dead = rng.choice(height, min(scanner.dead_rows, height), replace=False)
    scatter = rng.uniform(*scanner.scatter_range)
    streaks = rng.random() < scanner.streak_probability
    pictures = []
    for energy in (0, 1):
        mean = _blurred(signal[energy], scanner)
        mean += _scattered(1 - mean / np.float32(air[energy]), scanner) * np.float32(
            scatter * air[energy]
        )
        picture = _calibrated(
            mean, signal[energy + 2], (air[energy], air[energy + 2]), scanner, flicker, rng
        )
        if streaks:
            picture[dead] = 1 + 0.15 * rng.standard_normal((len(dead), 1))
        else:
            picture[dead] = picture[np.maximum(dead, 1) - 1]
        pictures.append(picture)
    for _ in range(rng.integers(0, scanner.dropped_lines + 1)):
        column = int(rng.integers(1, width))
        for picture in pictures:
            picture[:, column] = picture[:, column - 1]
    low, high = (_stored(picture, scanner.sharpen) for picture in pictures)
    return low, high


def _blurred(signal: Image, scanner: Scanner) -> Image:
    blurred = signal
    if scanner.blur_px > 0:
        blurred = np.asarray(cv2.GaussianBlur(signal, (0, 0), scanner.blur_px), np.float32)
    share = np.float32(scanner.motion_share / 2)
    mixed: Image = cv2.blur(blurred, (2, 1)) * share + blurred * (1 - share)
    return mixed


def _scattered(lost: Image, scanner: Scanner) -> Image:
    """Scatter per unit of air: most where much, but not everything, is taken out of the beam."""
    height, width = lost.shape
    np.clip(lost, 0, 1, out=lost)
    source = lost * np.sqrt(1 - lost)
    # The haze is wide, so a quarter of the resolution is enough.
    small = cv2.resize(source, (-(-width // 4), -(-height // 4)), interpolation=cv2.INTER_AREA)
    sigma = SCATTER_SIGMA_MM / scanner.geometry.belt_pitch_mm / 4
    wide = cv2.GaussianBlur(small, (0, 0), sigma)
    haze = cv2.resize(wide, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(haze, np.float32)


def _calibrated(
    mean: Image,
    variance: Image,
    air: tuple[float, float],
    scanner: Scanner,
    flicker: Array,
    rng: np.random.Generator,
) -> Image:
    """Noisy signal over its air calibration, 1 where the belt is empty."""
    height, width = mean.shape
    air_mean, air_variance = air
    steps = 1 + scanner.module_gain_spread * rng.standard_normal(height // MODULE_ROWS + 1)
    gain = np.repeat(steps, MODULE_ROWS)[:height]
    gain *= 1 + scanner.pixel_gain_spread * rng.standard_normal(height)
    walk = np.cumsum(rng.standard_normal(width)) / np.sqrt(width)
    line = (flicker * (1 + scanner.drift * walk)).astype(np.float32)
    spread = np.sqrt(variance + np.float32(scanner.electronic_kev**2))
    raw: Image = rng.standard_normal(mean.shape, dtype=np.float32) * spread
    raw += mean
    # The gain itself cancels; what stays is the noise of the air calibration, one value per row.
    noise = np.sqrt((air_variance + scanner.electronic_kev**2) / scanner.air_lines)
    reference = (air_mean + noise * rng.standard_normal(height)) * gain
    raw *= (gain / reference).astype(np.float32)[:, None]
    raw *= line
    return raw


def _stored(picture: Image, sharpen: float) -> Counts:
    if sharpen:
        picture = picture + np.float32(sharpen) * (picture - cv2.GaussianBlur(picture, (0, 0), 1.2))
    counts: Counts = np.clip(np.rint(picture * AIR_LEVEL), 0, 65535).astype(np.uint16)
    return counts
