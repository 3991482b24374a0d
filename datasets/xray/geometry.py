"""Where the source, the belt and the detector line stand. Lengths in mm.

A line scanner sees a parcel as parallel along the belt (x: one line after another) and as a fan
across it (y). The belt surface is z = 0; the source is below, the detector line above.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """A scanner's geometry and the size of its pictures."""

    columns: int
    """Lines along the belt: the width of a picture."""
    rows: int
    """Detector pixels across the belt: the height of a picture."""
    belt_pitch_mm: float
    """Belt travel per line."""
    fan_pitch_mm: float
    """Spacing of the detector pixels, at the detector."""
    source_z_mm: float = -700.0
    detector_z_mm: float = 500.0

    NOMINAL_HEIGHT_MM = 50.0
    """Height above the belt at which pixels are square: the middle of what parcels hold."""

    @classmethod
    def square(cls, columns: int, rows: int, pixel_pitch_mm: float) -> Self:
        """Geometry whose pixels are square, `pixel_pitch_mm` wide, at the nominal height."""
        source, detector = -700.0, 500.0
        magnification = (detector - source) / (cls.NOMINAL_HEIGHT_MM - source)
        return cls(
            columns=columns,
            rows=rows,
            belt_pitch_mm=pixel_pitch_mm,
            fan_pitch_mm=pixel_pitch_mm * magnification,
            source_z_mm=source,
            detector_z_mm=detector,
        )

    @property
    def pixel_pitch_mm(self) -> float:
        """Nominal pitch, as a feed would state it: that along the belt."""
        return self.belt_pitch_mm

    @property
    def source_to_detector_mm(self) -> float:
        """Length of the central ray."""
        return self.detector_z_mm - self.source_z_mm

    def column_of(self, x_mm: Array) -> Array:
        """Column, as a real number whose integers are pixel centres, at which x lies."""
        return x_mm / self.belt_pitch_mm + (self.columns - 1) / 2

    def row_of(self, y_mm: Array, z_mm: Array) -> Array:
        """Row, as a real number whose integers are pixel centres, onto which (y, z) projects."""
        magnification = self.source_to_detector_mm / (z_mm - self.source_z_mm)
        return y_mm * magnification / self.fan_pitch_mm + (self.rows - 1) / 2

    def x_of(self, column: Indices) -> Array:
        """X of the rays of each column."""
        return np.asarray((column - (self.columns - 1) / 2) * self.belt_pitch_mm, np.float64)

    def slope_of(self, row: Indices) -> Array:
        """dy/dz of the ray of each row; the ray passes (0, source_z_mm)."""
        y = (row - (self.rows - 1) / 2) * self.fan_pitch_mm
        return np.asarray(y / self.source_to_detector_mm, np.float64)
