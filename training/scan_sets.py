"""Sets of simulated scans to learn from: drawn, scanned, and placed on the model's canvas."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import simplejpeg

from parcelscope.datasets.canvas import AIR, CanvasSpec, place_colour, place_dual
from parcelscope.datasets.xray.acquisition import TRAINING_SCANNERS, Scanner
from parcelscope.datasets.xray.carton import make_carton
from parcelscope.datasets.xray.colour import (
    as_jpeg,
    pseudo_colour,
    random_jpeg_quality,
    random_palette,
)
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.datasets.xray.parcel import make_parcel
from parcelscope.datasets.xray.scan import SyntheticScan, simulate
from parcelscope.datasets.xray.scene import Scene
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.datasets.xray.zeff import effective_z
from parcelscope.models.bundle import InputKind, KnownScanner
from parcelscope.models.heatmap_network import Stride

Floats = npt.NDArray[np.float32]
Kind = Literal["parcel", "carton"]

PARCEL_CANVAS = CanvasSpec(width_px=256, height_px=192, mm_per_px=2.0)
"""512 x 384 mm: every parcel that a parcel scanner's tunnel takes."""
CARTON_CANVAS = CanvasSpec(width_px=512, height_px=384, mm_per_px=None)
"""A master carton fills the canvas: pieces are counted by their walls, 1 to 3 mm thick."""
STRIDES_PX: dict[Kind, Stride] = {"parcel": 4, "carton": 8}
"""Canvas pixels per cell of the networks' grids, 64 x 48 cells for both."""
DRAWN_SCANNERS = tuple(
    KnownScanner(scanner_model=one.model, scanner_software=one.software)
    for one in TRAINING_SCANNERS.values()
)
"""Whose scans the sets hold."""
FEED_PITCH_MM: dict[Kind, float] = {"parcel": 1.0, "carton": 1.3}
"""Pixel pitch of scans in synthetic feeds (`configs/synth`)."""
MOST_PIECES = 30
BENIGN_SHARE = 0.35
TEXTURES = 24
"""Different texture fields in one set; one is drawn per scan and shifted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One scan on its canvas, with what is true of it."""

    dual: npt.NDArray[np.uint16]
    """(2, H, W)"""
    colour: npt.NDArray[np.uint8]
    """(3, H, W)"""
    dual_box_xyxy: Floats
    """(N, 4) on the dual canvas."""
    colour_box_xyxy: Floats
    """(N, 4) on the colour canvas, which may have another scale."""
    label: npt.NDArray[np.int64]
    """(N,)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSet:
    """Many samples, stacked."""

    dual: npt.NDArray[np.uint16]
    """(S, 2, H, W)"""
    colour: npt.NDArray[np.uint8]
    """(S, 3, H, W)"""
    dual_box_xyxy: list[Floats]
    colour_box_xyxy: list[Floats]
    label: list[npt.NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.label)

    def boxes_for(self, kind: InputKind) -> list[Floats]:
        """The boxes on the canvas of `kind`."""
        return self.dual_box_xyxy if kind == "dual" else self.colour_box_xyxy

    def pictures(self, kind: InputKind) -> npt.NDArray[np.generic]:
        """The pictures of `kind`."""
        return self.dual if kind == "dual" else self.colour

    def part(self, start: int, stop: int) -> "ScanSet":
        """Samples `start` to `stop`."""
        return ScanSet(
            dual=self.dual[start:stop],
            colour=self.colour[start:stop],
            dual_box_xyxy=self.dual_box_xyxy[start:stop],
            colour_box_xyxy=self.colour_box_xyxy[start:stop],
            label=self.label[start:stop],
        )


def draw_set(
    kind: Kind,
    count: int,
    *,
    seed: int,
    benign: bool = False,
    as_in_feeds: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ScanSet:
    """`count` scans of parcels or cartons; the same seed gives the same set.

    Args:
        kind: Parcels with items of interest among them, or master cartons with their pieces.
        count: How many.
        seed: Fixes every pixel.
        benign: Parcels without items of interest only.
        as_in_feeds: Scanned at the pitch of feeds, and the pitch always known: what p-values and
            count intervals are calibrated on must look like what they are used on. Otherwise at
            pitches all around it, some unknown, which is what a network should learn from.
        progress: Called with the number done.
    """
    spec = canvas_of(kind)
    # Filled in place: a list of samples would need the memory twice.
    dual = np.empty((count, 2, spec.height_px, spec.width_px), np.uint16)
    colour = np.empty((count, 3, spec.height_px, spec.width_px), np.uint8)
    dual_boxes, colour_boxes, labels = [], [], []
    for index in range(count):
        # A generator per scan: the set does not change with how far an earlier draw got.
        rng = np.random.default_rng([seed, index])
        sample = draw_sample(kind, rng, benign=benign, as_in_feeds=as_in_feeds)
        dual[index], colour[index] = sample.dual, sample.colour
        dual_boxes.append(sample.dual_box_xyxy)
        colour_boxes.append(sample.colour_box_xyxy)
        labels.append(sample.label)
        if progress is not None:
            progress(index + 1)
    return ScanSet(
        dual=dual,
        colour=colour,
        dual_box_xyxy=dual_boxes,
        colour_box_xyxy=colour_boxes,
        label=labels,
    )


def draw_sample(
    kind: Kind, rng: np.random.Generator, *, benign: bool = False, as_in_feeds: bool = False
) -> Sample:
    """One parcel or carton on one of the training scanners."""
    scene = parcel_scene(rng, benign=benign) if kind == "parcel" else carton_scene(rng)
    scanner = TRAINING_SCANNERS[str(rng.choice(sorted(TRAINING_SCANNERS)))]
    scanner = at_pitch(scanner, kind, FEED_PITCH_MM[kind] if as_in_feeds else any_pitch(kind, rng))
    scan = simulate(scene, scanner, rng, _texture(int(rng.integers(TEXTURES))))
    return place(scan, scanner, kind, rng, pitch_known=as_in_feeds)


def canvas_of(kind: Kind) -> CanvasSpec:
    """The canvas that scans of `kind` are placed on."""
    return PARCEL_CANVAS if kind == "parcel" else CARTON_CANVAS


def parcel_scene(rng: np.random.Generator, *, benign: bool) -> Scene:
    """A parcel with 0 to 3 items of interest."""
    items: list[str] = []
    if not benign and rng.random() > BENIGN_SHARE:
        count = int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))
        items = [str(label) for label in rng.choice(ITEM_LABELS, count)]
    while True:
        try:
            return make_parcel(rng, items=items, clutter=float(rng.uniform(0.6, 1.3)))
        except ValueError:
            # Now and then several large items do not fit into one parcel; a single one does.
            if len(items) <= 1:
                raise
            items.pop()


def carton_scene(rng: np.random.Generator) -> Scene:
    """A master carton of 1 to 30 pieces, small counts as often as large ones."""
    pieces = int(rng.integers(1, 13) if rng.random() < 0.6 else rng.integers(13, MOST_PIECES + 3))
    return make_carton(rng, pieces=pieces, overlap=float(rng.uniform(0, 1)))


def any_pitch(kind: Kind, rng: np.random.Generator) -> float:
    """A pitch in mm: half the time that of feeds, else up to nearly twice as coarse."""
    usual = FEED_PITCH_MM[kind]
    return usual if rng.random() < 0.5 else float(rng.uniform(usual, 1.8))


def at_pitch(scanner: Scanner, kind: Kind, pitch_mm: float) -> Scanner:
    """`scanner` with a field that holds what it scans, at `pitch_mm`."""
    width_mm, height_mm = (520, 400) if kind == "parcel" else (680, 530)
    columns, rows = int(width_mm / pitch_mm), int(height_mm / pitch_mm)
    return replace(scanner, geometry=Geometry.square(columns, rows, pitch_mm))


def place(
    scan: SyntheticScan,
    scanner: Scanner,
    kind: Kind,
    rng: np.random.Generator,
    *,
    pitch_known: bool = False,
) -> Sample:
    """`scan` on its canvases, as raw energies and as one vendor's colours.

    Args:
        scan: What the scanner saw.
        scanner: Whose pitch and spectrum it has.
        kind: Which objects are learned.
        rng: Source of chance.
        pitch_known: Whether the pitch is always told; else it is hidden now and then.
    """
    spec = canvas_of(kind)
    wanted = "item" if kind == "parcel" else "inner_parcel"
    objects = [o for o in scan.objects if o.kind == wanted and o.area_px >= 12]
    boxes = np.array([o.box_xyxy for o in objects], np.float32).reshape(-1, 4)
    label = np.array(
        [ITEM_LABELS.index(o.name) if kind == "parcel" else 0 for o in objects], np.int64
    )
    pitch_mm = scanner.geometry.pixel_pitch_mm
    dual = place_dual(
        scan.le,
        scan.he,
        air_level=AIR,
        pixel_pitch_mm=pitch_mm if pitch_known or rng.random() < 0.85 else None,
        spec=spec,
    )
    z_map = effective_z(scan.le, scan.he, scanner.spectrum)
    rgb = pseudo_colour(scan.le, scan.he, z_map, random_palette(rng))
    rgb = simplejpeg.decode_jpeg(as_jpeg(rgb, random_jpeg_quality(rng)), colorspace="RGB")
    told = pitch_mm if pitch_known or rng.random() < 0.5 else None
    colour = place_colour(rgb, pixel_pitch_mm=told, spec=spec)
    return Sample(
        dual=dual.pixels.astype(np.uint16, copy=False),
        colour=colour.pixels.astype(np.uint8, copy=False),
        dual_box_xyxy=dual.to_canvas(boxes).astype(np.float32),
        colour_box_xyxy=colour.to_canvas(boxes).astype(np.float32),
        label=label,
    )


@lru_cache(maxsize=TEXTURES)
def _texture(index: int) -> npt.NDArray[np.float32]:
    return texture_field(np.random.default_rng([7, index]))
