"""A feed of grey scans of parcels on a scale: blocks of paper, some with metal in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.scan_writing import write_colour_jpeg, write_grey_png

SCANNER, VERSION = "One 1", "2.0"
PITCH_MM = 2.0
SIZE_HW = (100, 140)
AIR = 60000
PAPER_CM2_PER_G, METAL_CM2_PER_G = 0.2, 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """One parcel, or carton, and what is said of it."""

    owner_id: str
    paper_g: float
    metal_g: float
    declared_times: float = 1.0
    """Declared over true weight."""
    scanner: str | None = SCANNER
    pitch_mm: float | None = PITCH_MM
    energy: str = "grey"
    is_carton: bool = False

    @property
    def weight_g(self) -> float:
        """All of it."""
        return self.paper_g + self.metal_g


def drawn(count: int, *, seed: int, prefix: str = "P") -> list[Weighing]:
    """`count` parcels of 100 to 2,000 g, up to a third of it metal."""
    rng = np.random.default_rng(seed)
    weight = np.exp(rng.uniform(np.log(100), np.log(2000), count))
    metal = weight * rng.uniform(0, 0.33, count)
    return [
        Weighing(owner_id=f"{prefix}{n:04d}", paper_g=weight[n] - metal[n], metal_g=metal[n])
        for n in range(count)
    ]


def counts_of(one: Weighing) -> npt.NDArray[np.uint16]:
    """What a scanner of one energy sees of it: paper over much of the belt, metal in a spot."""
    rng = np.random.default_rng([int(one.weight_g * 100), int(one.metal_g * 100)])
    pixel_cm2 = PITCH_MM**2 / 100
    depth = np.zeros(SIZE_HW)
    height, width = int(rng.integers(40, 76)), int(rng.integers(50, 116))
    paper = (slice(12, 12 + height), slice(12, 12 + width))
    depth[paper] = one.paper_g / (height * width * pixel_cm2) * PAPER_CM2_PER_G
    side = int(rng.integers(12, 22))
    spot = (slice(20, 20 + side), slice(20, 20 + side))
    depth[spot] += one.metal_g / (side**2 * pixel_cm2) * METAL_CM2_PER_G
    noisy = AIR * np.exp(-depth) * rng.normal(1, 0.004, SIZE_HW)
    return noisy.clip(0, 65535).astype(np.uint16)


def write_weighed_feed(folder: Path, parcels: Sequence[Weighing]) -> Path:
    """Write `parcels`, each of a sender of its own but for every tenth, as a feed into `folder`."""
    folder.mkdir(parents=True)
    rows, cartons, images = [], [], []
    for number, one in enumerate(parcels):
        name = f"{one.owner_id}.{'jpg' if one.energy == 'colour' else 'png'}"
        counts = counts_of(one)
        if one.energy == "colour":
            grey = (counts / 257).astype(np.uint8)
            write_colour_jpeg(folder / name, np.dstack([grey, grey // 2 + 60, grey // 3 + 90]))
        else:
            write_grey_png(folder / name, counts)
        weights = {
            "declared_weight_g": one.weight_g * one.declared_times,
            "measured_weight_g": one.weight_g,
        }
        if one.is_carton:
            cartons.append({"carton_id": one.owner_id, **weights})
        else:
            sender = f"Sender {number - 1 if number % 10 == 9 else number}"
            rows.append({"parcel_id": one.owner_id, "shipper_name": sender, **weights})
        images.append(
            {
                "owner_id": one.owner_id,
                "kind": "scan",
                "view": "top",
                "path": name,
                "energy": one.energy,
                "scanner_model": one.scanner,
                "scanner_software": None if one.scanner is None else VERSION,
                "pixel_pitch_mm": one.pitch_mm,
                "air_level": None if one.energy == "colour" else float(AIR),
            }
        )
    pl.DataFrame(rows).write_parquet(folder / "parcels.parquet")
    if cartons:
        pl.DataFrame(cartons).write_parquet(folder / "cartons.parquet")
    pl.DataFrame(images, infer_schema_length=None).write_parquet(folder / "images.parquet")
    return folder
