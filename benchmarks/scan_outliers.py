"""Whether the odd parcel of a lot stands out (U11), and how full scans show parcels to be (U12).

    python benchmarks/scan_outliers.py [--lots 12] [--parcels 30] [--mixed 100] [--seed 1]

Draws lots of like parcels, the same articles packed anew each time, with one of other goods among
them, scanned on two scanners in turn; and lots of parcels that have nothing in common. Judged by
the indicator and the parameters that ship. Then how full parcels are with their goods and without.
A tenth of a second of one core for a parcel.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.embeddings import ScanEmbedding, embeddings_frame
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import findings_frame, not_assessed_frame
from parcelscope.datasets.scans import Scan
from parcelscope.datasets.schema import CARTONS, IMAGES, PARCELS, STEP_WEDGES
from parcelscope.datasets.tables import REJECTED_DTYPES, dtypes, empty_table
from parcelscope.datasets.xray.acquisition import SCANNERS, acquire
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.parcel import make_parcel
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.rescans import articles_of, like_parcel
from parcelscope.datasets.xray.scene import Scene
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.inference.scan_embedding import embed, version_of
from parcelscope.inference.scan_fill import fill_share
from parcelscope.inference.scan_sketch import ScanSketch, sketch
from parcelscope.screening.indicator_pack import load_pack
from parcelscope.screening.indicators.evidence import Evidence
from parcelscope.screening.indicators.outliers import scans_unlike_group

PITCH_MM = 2.0
Image = npt.NDArray[np.float32]
GEOMETRY = Geometry.square(256, 200, PITCH_MM)
"""As a feed's scans of parcels, at half the resolution: four times as fast to draw."""


@dataclass(slots=True)
class Scanned:
    """One lot: its vectors, and which of them is odd."""

    vectors: list[ScanEmbedding]
    odd: str | None


def main() -> None:
    """Print what the indicator finds, and what it costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=12)
    parser.add_argument("--parcels", type=int, default=30)
    parser.add_argument("--mixed", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    texture = texture_field(np.random.default_rng(7))
    lots = [lot(chosen.seed, k, chosen.parcels, texture) for k in range(chosen.lots)]
    report("lots of like parcels with one odd", lots)
    mixed, full, empty, spent = unlike(chosen.seed, chosen.mixed, texture)
    sizes = range(0, len(mixed) - chosen.parcels + 1, chosen.parcels)
    report(
        "lots with nothing in common",
        [Scanned(mixed[k : k + chosen.parcels], None) for k in sizes],
    )
    print(f"fill and embedding of one scan: {1000 * spent:.2f} ms of one core")
    for name, shares in (("with their goods", full), ("without", empty)):
        at = ", ".join(f"{np.quantile(shares, q):.2f}" for q in (0.02, 0.1, 0.5, 0.9, 0.98))
        print(f"fill of {len(shares)} parcels {name} at 2, 10, 50, 90, 98 %: {at}")
    for limit in (0.03, 0.2, 0.35):
        above = [float(np.mean(np.array(shares) >= limit)) for shares in (full, empty)]
        print(f"fill of {limit} or more: {above[0]:.2f} with goods, {above[1]:.2f} without")


def lot(seed: int, number: int, parcels: int, texture: Image) -> Scanned:
    """A lot of like parcels, the last of which holds other goods."""
    rng = np.random.default_rng([seed, 1, number])
    pattern = make_parcel(rng, clutter=float(rng.uniform(0, 1)))
    two = [SCANNERS[name] for name in sorted(SCANNERS)][number % 3 :: 3][:2]
    vectors = []
    for k in range(parcels):
        odd = k == parcels - 1
        scene = (
            make_parcel(rng, clutter=float(rng.uniform(0, 1))) if odd else like_parcel(pattern, rng)
        )
        vectors += described(f"{number:02}-{k:03}", shown(scene, two[k % 2].model, rng, texture))
    return Scanned(vectors, f"{number:02}-{parcels - 1:03}")


def unlike(
    seed: int, count: int, texture: Image
) -> tuple[list[ScanEmbedding], list[float], list[float], float]:
    """Parcels with nothing in common: vectors, fill, fill of their packaging alone, and seconds."""
    vectors, full, empty, spent = [], [], [], 0.0
    names = sorted(SCANNERS)
    for k in range(count):
        rng = np.random.default_rng([seed, 2, k])
        scene = make_parcel(rng)
        scan = scanned(scene, names[k % len(names)], rng, texture)
        begin = time.process_time()
        coarse = sketch(scan)
        vectors += described(f"x-{k:03}", coarse)
        share = fill_share(coarse)
        spent += time.process_time() - begin
        full.append(share or 0.0)
        bare = sketch(scanned(packaging(scene), names[k % len(names)], rng, texture))
        empty.append(fill_share(bare) or 0.0)
    return vectors, full, empty, spent / count


def packaging(scene: Scene) -> Scene:
    """`scene` without what it holds."""
    bare = Scene()
    for article in articles_of(scene):
        if article.kind == "packaging" and article.name != "filler":
            bare.add(bare.begin(article.name, article.kind), article.solids)
    return bare


def scanned(scene: Scene, name: str, rng: np.random.Generator, texture: Image) -> Scan:
    """`scene` on the scanner `name`."""
    scanner = replace(SCANNERS[name], geometry=GEOMETRY)
    low, high = acquire(render(scene, GEOMETRY, texture=texture), scanner, rng)
    return Scan(
        kind="dual", low=low, high=high, air_level=float(AIR_LEVEL), pixel_pitch_mm=PITCH_MM
    )


def shown(scene: Scene, name: str, rng: np.random.Generator, texture: Image) -> ScanSketch:
    """What that scan shows on the coarse grid."""
    return sketch(scanned(scene, name, rng, texture))


def described(owner_id: str, coarse: ScanSketch) -> list[ScanEmbedding]:
    """The embedding of one scan, none where it shows nothing."""
    vector = embed(coarse)
    if vector is None:
        return []
    return [
        ScanEmbedding(
            owner_id=owner_id,
            owner_kind="parcel",
            image_path=f"{owner_id}.tiff",
            version=version_of(coarse),
            vector=vector,
        )
    ]


def report(what: str, lots: list[Scanned]) -> None:
    """Judge each lot as one master bill."""
    rules = load_pack("base").rules
    parameters = next(rule.parameters for rule in rules if rule.indicator == "outliers")
    found = alarms = others = odd = 0
    for number, one in enumerate(lots):
        outcome = scans_unlike_group(window(one.vectors, f"bill {number}"), parameters)
        fired = set(outcome.findings["owner_id"])
        odd += one.odd is not None
        found += one.odd in fired
        others += len(one.vectors) - (one.odd is not None)
        alarms += len(fired - {one.odd})
    recall = f"odd ones found {found} of {odd}; " if odd else ""
    print(f"{what}: {recall}others reported {alarms} of {others} ({alarms / others:.3f})")


def window(vectors: list[ScanEmbedding], bill: str) -> Evidence:
    """A window of these parcels under one bill."""
    ids = [one.owner_id for one in vectors]
    images = empty_table(IMAGES).with_columns(owner_kind=pl.lit("parcel"))
    rows = pl.DataFrame(
        {
            "owner_id": ids,
            "kind": "scan",
            "path": [f"{k}.tiff" for k in ids],
            "owner_kind": "parcel",
        },
        schema_overrides=dtypes(IMAGES),
    )
    parcels = pl.DataFrame(
        {"parcel_id": ids, "master_bill": bill}, schema=["parcel_id", "master_bill"]
    )
    feed = Feed(
        root=Path(),
        parcels=pl.concat([empty_table(PARCELS), parcels], how="diagonal_relaxed"),
        cartons=empty_table(CARTONS),
        images=pl.concat([images, rows], how="diagonal_relaxed"),
        step_wedges=empty_table(STEP_WEDGES),
        rejected=pl.DataFrame(schema=REJECTED_DTYPES),
        notes=pl.DataFrame(schema=REJECTED_DTYPES),
        rows={"parcels": len(ids)},
    )
    return Evidence(
        feed=feed,
        findings=findings_frame(()),
        not_assessed=not_assessed_frame(()),
        embeddings=embeddings_frame(vectors),
    )


if __name__ == "__main__":
    main()
