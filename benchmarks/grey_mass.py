"""Mass from one energy on a facility's own weighed scans, beside physics on both energies.

    python benchmarks/grey_mass.py --feed FOLDER [--parcels 800] [--cartons 200] [--seed 31]

Draws a feed in the style of `hard.yaml` into FOLDER, unless one is there: loose parcels and
cartons of 2 to 16 pieces, scanned in both energies on the two evaluation scanners, without photos.
Each scan is then weighed by its low energy alone, by its high energy alone and by a rendering, in
colours of a palette of its own, with the models of `parcelscope train mass_grey`. Five folds: three
are learned from, one gives the bands, one is judged. About half a second of one core for a scan,
and ten seconds for each model.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import simplejpeg

from parcelscope.datasets.canvas import estimate_air
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import Scan
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import synth_feed
from parcelscope.datasets.xray.acquisition import EVALUATION_SCANNERS
from parcelscope.datasets.xray.colour import (
    as_jpeg,
    pseudo_colour,
    random_jpeg_quality,
    random_palette,
)
from parcelscope.datasets.xray.zeff import effective_z
from parcelscope.inference.one_energy import Shadow, columns_of, shadow_of
from parcelscope.inference.owners import owner_shards, read_file, scan_groups
from parcelscope.inference.placing import read_group
from parcelscope.inference.weighing import gauges_of
from parcelscope.models.mass_model import MassInput
from parcelscope.training.mass_data import Weighed
from parcelscope.training.mass_fit import fit_mass, fitted_ranges, in_range, scanner_bands
from parcelscope.training.mass_recipe import MassRecipe
from parcelscope.training.metrics import Figure, mean_of, median_of
from parcelscope.training.recipe_files import read_recipe
from parcelscope.training.train_mass import judged

Floats = npt.NDArray[np.float64]
STYLE: Final = {"photos": 0.0, "scan_formats": {"dual_tiff": 1.0}, "pieces": (2, 16)}
INPUTS: Final[tuple[MassInput, ...]] = ("low", "high", "colour")
FOLDS: Final = 5
FEWEST: Final = 20
"""Weights of one scanner that a band rests on; a fifth of the cartons are not many."""


class Scanned:
    """Everything that was measured on the scans of a feed."""

    def __init__(self) -> None:
        self.shadows: dict[MassInput, list[Shadow]] = {kind: [] for kind in INPUTS}
        self.physics_g: list[float] = []
        self.inside: list[bool] = []
        self.weight_g: list[float] = []
        self.owners: list[tuple[OwnerKind, str]] = []
        self.scanners: list[tuple[str | None, str | None]] = []


def main() -> None:
    """Print the median error by kind of owner and by what was weighed by."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--feed", type=Path, required=True)
    parser.add_argument("--parcels", type=int, default=800)
    parser.add_argument("--cartons", type=int, default=200)
    parser.add_argument("--seed", type=int, default=31)
    arguments = parser.parse_args()
    if not arguments.feed.exists():
        config = load_synth_config(Path("hard")).model_copy(
            update={**STYLE, "cartons": arguments.cartons}
        )
        synth_feed(
            arguments.feed, parcels=arguments.parcels, seed=arguments.seed, config=config, workers=2
        )
    scanned = measured(read_feed(arguments.feed))
    kinds = np.array([kind for kind, _ in scanned.owners])
    print(f"{'weighed by':<22}{'of':<10}{'median error':<26}{'in the band':<26}{'assessed':>8}")
    weight, physics = np.array(scanned.weight_g), np.array(scanned.physics_g)
    for kind in ("parcel", "carton"):
        rows = kinds == kind
        error = np.abs(physics[rows] / weight[rows] - 1)
        line("both, by physics", kind, error, np.array(scanned.inside)[rows], 1.0)
    for wanted in INPUTS:
        weighed(scanned, wanted, kinds)


def weighed(scanned: Scanned, wanted: MassInput, kinds: npt.NDArray[np.str_]) -> None:
    """Print the lines of one input."""
    scans = Weighed(
        columns=np.array([one.columns for one in scanned.shadows[wanted]]),
        absorption_cm2=np.array([one.absorption_cm2 for one in scanned.shadows[wanted]]),
        weight_g=np.array(scanned.weight_g),
        owners=tuple(scanned.owners),
        scanners=tuple(scanned.scanners),
        # Every parcel of a synthetic feed has a sender of its own.
        groups=np.arange(len(scanned.owners)),
    )
    recipe, _ = read_recipe("mass_grey", [f"input={wanted}"])
    if not isinstance(recipe, MassRecipe):
        raise TypeError(f"mass_grey must be a recipe of mass, got {type(recipe).__name__}")
    fold = np.random.default_rng(recipe.seed).permutation(len(scans)) % FOLDS
    error, inside = np.full(len(scans), np.nan), np.zeros(len(scans), np.bool_)
    alone = np.zeros(len(scans))
    for number in range(FOLDS):
        val, held = np.flatnonzero(fold == number), np.flatnonzero(fold == (number + 1) % FOLDS)
        train = scans.at(np.setdiff1d(np.arange(len(scans)), np.concatenate([val, held])))
        model = fit_mass(train, recipe)
        names = columns_of(wanted)
        ranges = fitted_ranges(train, names)
        held = held[in_range(scans.columns[held], names, ranges)]
        calibration, tested = scans.at(held), scans.at(val)
        bands = scanner_bands(
            calibration,
            calibration.log_ratio - model.predict(calibration.columns),
            coverage=recipe.coverage,
            fewest=FEWEST,
        )
        known = in_range(tested.columns, names, ranges)
        found = judged(tested, model.predict(tested.columns), known, bands)
        error[val[found.assessed]] = found.error
        inside[val[found.assessed]] = found.inside
        same = np.exp(np.median(train.log_ratio)) * tested.absorption_cm2
        alone[val] = np.abs(same / tested.weight_g - 1)
    for kind in ("parcel", "carton"):
        rows = kinds == kind
        told = rows & np.isfinite(error)
        line(wanted, kind, error[told], inside[told], float(told.sum() / rows.sum()))
        line("  attenuation alone", kind, alone[rows], None, 1.0)


def measured(feed: Feed) -> Scanned:
    """Every scan of `feed`, weighed by physics and ready for the models."""
    gauges, scanned = gauges_of(feed.step_wedges), Scanned()
    weights = {
        (kind, owner_id): weight
        for kind, table in (("parcel", feed.parcels), ("carton", feed.cartons))
        for owner_id, weight in table.filter(pl.col("measured_weight_g") > 0)
        .select(f"{kind}_id", "measured_weight_g")
        .iter_rows()
    }
    rng = np.random.default_rng(0)
    for key, scanner, scan in scans_of(feed):
        gauge = gauges.find(*scanner)
        if isinstance(gauge, str) or scan.low is None or scan.high is None:
            continue
        shadows = [
            shadow_of(scan, "low"),
            shadow_of(scan, "high"),
            shadow_of(rendering(scan, str(scanner[0]), rng), "colour"),
        ]
        told = [one for one in shadows if isinstance(one, Shadow)]
        if len(told) < len(INPUTS) or key not in weights or scan.pixel_pitch_mm is None:
            continue
        air = scan.air_level or estimate_air(scan.low)
        mass = gauge.grams(scan.low, scan.high, air, scan.pixel_pitch_mm)
        for kind, shadow in zip(INPUTS, told, strict=True):
            scanned.shadows[kind].append(shadow)
        scanned.physics_g.append(mass.grams)
        scanned.inside.append(mass.low <= weights[key] <= mass.high)
        scanned.weight_g.append(weights[key])
        scanned.owners.append(key)
        scanned.scanners.append(scanner)
    return scanned


def scans_of(
    feed: Feed,
) -> Iterator[tuple[tuple[OwnerKind, str], tuple[str | None, str | None], Scan]]:
    """Owner, scanner and pixels of each scan of `feed`."""
    for owners in owner_shards(feed, shard_size=256):
        for owner in owners:
            for group in scan_groups(owner):
                content = [read_file(image, feed.root) for image in group.images]
                image = group.images[0]
                yield (
                    (owner.owner_kind, owner.owner_id),
                    (image.scanner_model, image.scanner_software),
                    read_group(group, content, feed.root),
                )


def rendering(scan: Scan, scanner: str, rng: np.random.Generator) -> Scan:
    """What a vendor's display makes of a `scan` of both energies."""
    if scan.low is None or scan.high is None:
        raise ValueError(f"scan must have both energies, got {scan.kind}")
    z_map = effective_z(scan.low, scan.high, EVALUATION_SCANNERS[scanner].spectrum)
    picture = pseudo_colour(scan.low, scan.high, z_map, random_palette(rng, unseen=True))
    jpeg = as_jpeg(picture, random_jpeg_quality(rng))
    rgb = simplejpeg.decode_jpeg(jpeg, colorspace="RGB")
    return replace(scan, kind="colour", low=None, high=None, rgb=rgb)


def line(
    name: str, kind: str, error: Floats, inside: npt.NDArray[np.bool_] | None, assessed: float
) -> None:
    """Print one line."""
    band = "" if inside is None else told(mean_of(inside.astype(np.float64)))
    middle = told(median_of(error))
    print(f"{name:<22}{kind + 's':<10}{middle:<26}{band:<26}{assessed:>8.1%}", flush=True)


def told(figure: Figure) -> str:
    """A share with its 95 % interval."""
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"


if __name__ == "__main__":
    main()
