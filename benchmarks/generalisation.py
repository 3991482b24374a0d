"""What the items detector loses on unseen parcels: by their items, their goods, or the scanner.

    python benchmarks/generalisation.py [--bundle FOLDER] [--parcels 60]

Each row draws the same number of parcels of two items each; only what the row names is unseen. The
parcels are freshly drawn: none of them was learned from, even where every design is familiar. The
first row shows scans that the built-in bundle was taught with: what it could not learn of those, no
other design is to blame for.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import polars as pl

from parcelscope.datasets.xray import parcel
from parcelscope.datasets.xray.acquisition import EVALUATION_SCANNERS, TRAINING_SCANNERS, Scanner
from parcelscope.datasets.xray.items import ITEM_LABELS, make_item
from parcelscope.datasets.xray.scan import simulate
from parcelscope.datasets.xray.scene import Model, Scene
from parcelscope.datasets.xray.solids import Variety
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.models.bundle import builtin_bundle_folder
from parcelscope.training.calibrate import detect
from parcelscope.training.metrics import mean_average_precision
from parcelscope.training.part_data import SEEDS
from parcelscope.training.recipe_files import read_recipe
from parcelscope.training.scan_sets import FEED_PITCH_MM, Sample, at_pitch, draw_sample, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Which of the three is unseen."""

    items: Variety = "familiar"
    goods: Variety = "familiar"
    scanners: Mapping[str, Scanner]


CASES = {
    "nothing unseen": Case(scanners=TRAINING_SCANNERS),
    "scanners unseen": Case(scanners=EVALUATION_SCANNERS),
    "goods unseen": Case(goods="unseen", scanners=TRAINING_SCANNERS),
    "items unseen": Case(items="unseen", scanners=TRAINING_SCANNERS),
    "all unseen": Case(items="unseen", goods="unseen", scanners=EVALUATION_SCANNERS),
}


def main() -> None:
    cv2.setNumThreads(1)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bundle", type=Path, default=builtin_bundle_folder())
    options.add_argument("--parcels", type=int, default=60)
    given = options.parse_args()
    print(f"| raw scans, {given.parcels} parcels each | mAP50 | 95 % interval |")
    print("|---|---|---|")
    graph = given.bundle / "xray-items-dual.onnx"
    for name, samples in sets(given.parcels):
        figure = judge(samples, graph)
        print(
            f"| {name} | {figure.value:.3f} | {figure.low:.3f} to {figure.high:.3f} |", flush=True
        )


def sets(parcels: int) -> Iterator[tuple[str, list[Sample]]]:
    """What is judged, drawn as it is asked for."""
    yield "the scans learned from", taught(parcels)
    for name, case in CASES.items():
        yield name, drawn(case, parcels)


def taught(parcels: int) -> list[Sample]:
    """The first scans of the set that the built-in bundle's items are learned from."""
    recipe, _ = read_recipe("xray_items")
    seed = recipe.seed + SEEDS["train"]
    return [draw_sample("parcel", np.random.default_rng([seed, index])) for index in range(parcels)]


def drawn(case: Case, parcels: int) -> list[Sample]:
    """Freshly drawn parcels of two items each."""
    samples = []
    texture = texture_field(np.random.default_rng(7))
    for index in range(parcels):
        rng = np.random.default_rng([5, index])
        models = sorted(case.scanners)
        scanner = case.scanners[models[int(rng.integers(len(models)))]]
        scanner = at_pitch(scanner, "parcel", FEED_PITCH_MM["parcel"])
        scan = simulate(draw(case, rng), scanner, rng, texture)
        samples.append(place(scan, scanner, "parcel", rng, pitch_known=True))
    return samples


def judge(samples: list[Sample], graph: Path):
    true, found = [], []
    for index, sample in enumerate(samples):
        true += rows(index, sample.dual_box_xyxy, sample.label)
    for index, boxes in enumerate(detect(graph, np.stack([sample.dual for sample in samples]))):
        found += rows(index, boxes.box_xyxy, boxes.label, boxes.score)
    names = [str(index) for index in range(len(samples))]
    return mean_average_precision(pl.DataFrame(true), pl.DataFrame(found), names, ITEM_LABELS)[0]


def draw(case: Case, rng: np.random.Generator) -> Scene:
    """A parcel whose items and goods come of the varieties of `case`."""

    def item(label: str, source: np.random.Generator, _: Variety) -> Model:
        return make_item(label, source, case.items)

    items = [str(label) for label in rng.choice(ITEM_LABELS, 2)]
    # A parcel takes one variety for all that is in it; here they differ.
    with patch.object(parcel, "make_item", item):
        while True:
            try:
                return parcel.make_parcel(rng, items=items, variety=case.goods)
            except ValueError:
                items = items[:1]


def rows(
    index: int, box_xyxy: np.ndarray, label: np.ndarray, score: np.ndarray | None = None
) -> list[dict[str, object]]:
    """Boxes (N, 4) of one picture as rows of a table."""
    table = []
    for k, (box, cls) in enumerate(zip(box_xyxy.tolist(), label.tolist(), strict=True)):
        row = {"image_path": str(index), "label": ITEM_LABELS[cls]}
        row |= dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))
        table.append(row if score is None else row | {"score": float(score[k])})
    return table


if __name__ == "__main__":
    main()
