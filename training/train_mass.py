"""Training mass from one energy: fit on weighed scans, export, take bands, write the part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import DatasetError
from parcelscope.inference.mass_models import log_g_per_cm2
from parcelscope.inference.one_energy import columns_of
from parcelscope.inference.sessions import open_session
from parcelscope.models.mass_model import MassBand, MassModel
from parcelscope.training.curve import Row, write_curve
from parcelscope.training.export import sha256_of
from parcelscope.training.mass_data import MassSets, Weighed, load_weighed
from parcelscope.training.mass_export import export_mass
from parcelscope.training.mass_fit import (
    Model,
    fit_mass,
    fitted_ranges,
    in_range,
    scanner_bands,
)
from parcelscope.training.mass_recipe import MassRecipe
from parcelscope.training.metrics import Figure, Rows, bootstrap, mean_of
from parcelscope.training.part import Job, TrainedPart

Floats = npt.NDArray[np.float64]

FEWEST_TO_FIT = 30
"""Scans below which a model would say nothing but their mean."""
SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the scans to learn from, at which the learning curve has its points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a model with its bands says of weighed scans that it did not learn from."""

    assessed: npt.NDArray[np.bool_]
    """(N,) those inside the fitted range, on a scanner with a band."""
    error: Floats
    """(M,) relative error of those."""
    inside: npt.NDArray[np.bool_]
    """(M,) which weights lie in the band."""
    width: Floats
    """(M,) of the band, over its middle."""


def train_mass(recipe: MassRecipe, job: Job) -> TrainedPart:
    """The model of mass of `recipe`, fitted, exported, with its bands and figures.

    Raises:
        ConfigError: If no feed is given, or skl2onnx is not installed.
        FeedError: If the feed cannot be read.
        DatasetError: If there are too few weighed scans to learn from, or none has a band.
    """
    sets = load_weighed(recipe, job.report)
    job.tracker.parameters({"data.digest": sets.digest, "data.told": sets.told})
    if len(sets.train) < FEWEST_TO_FIT:
        raise DatasetError(
            f"{recipe.data.feed}: expected at least {FEWEST_TO_FIT} weighed {recipe.input} scans to"
            f" learn from, got {len(sets.train)}; {'; '.join(sets.left_out) or 'none left out'}"
        )
    names = columns_of(recipe.input)
    job.report("fit xray.mass", 0, 2)
    model = fit_mass(sets.train, recipe)
    file = f"xray-mass-{recipe.input}.onnx"
    gaps = export_mass(model, job.part / file, sets.val.columns)
    job.report("fit xray.mass", 1, 2)
    session = open_session(job.part / file, threads=1)
    ranges = fitted_ranges(sets.train, names)
    held_out = sets.calibration.at(
        np.flatnonzero(in_range(sets.calibration.columns, names, ranges))
    )
    bands = scanner_bands(
        held_out,
        held_out.log_ratio - log_g_per_cm2(session, held_out.columns),
        coverage=recipe.coverage,
        fewest=recipe.fewest,
    )
    if not bands:
        raise DatasetError(
            f"{recipe.data.feed}: expected {recipe.fewest} held-out weights of one named scanner to"
            f" take a band from, got {len(held_out)} scans of all; give more, or a smaller"
            " `fewest`"
        )
    inside = in_range(sets.val.columns, names, ranges)
    found = judged(sets.val, log_g_per_cm2(session, sets.val.columns), inside, bands)
    metrics = _metrics(sets, found, bands) | gaps
    card = MassModel(
        input=recipe.input,
        file=file,
        sha256=sha256_of(job.part / file),
        columns=names,
        ranges=ranges,
        bands=bands,
        metrics=metrics,
        training_data=f"{sets.told}; recipe {job.recipe_name} {job.fingerprint},"
        f" data {sets.digest}",
    )
    job.report("fit xray.mass", 2, 2)
    remarks = [*_remarks(sets, bands, recipe), *sets.left_out]
    remarks += write_curve(
        _curve(recipe, job, sets, model), job.part, title=f"{job.recipe_name}: scans learned from"
    )
    return TrainedPart(
        folder=job.part,
        files=(file,),
        card=card,
        metrics=metrics,
        data_digest=sets.digest,
        remarks=tuple(remarks),
    )


def judged(
    scans: Weighed,
    log_ratio: Floats,
    inside: npt.NDArray[np.bool_],
    bands: Sequence[MassBand],
) -> Judged:
    """What is said of `scans`, as screening says it.

    Args:
        scans: Not learned from, and in no band.
        log_ratio: (N,) what the model gives.
        inside: (N,) which lie in the fitted range.
        bands: By kind and scanner.
    """
    by_key = {(b.owner_kind, b.scanner_model, b.scanner_software): b for b in bands}
    assessed = np.zeros(len(scans), np.bool_)
    error, hit, width = [], [], []
    for row in np.flatnonzero(inside):
        model, software = scans.scanners[row]
        band = None if model is None else by_key.get((scans.owners[row][0], model, software))
        if band is None:
            continue
        assessed[row] = True
        alone_g = float(scans.absorption_cm2[row] * np.exp(log_ratio[row]))
        middle, low, high = band.grams(alone_g)
        true = float(scans.weight_g[row])
        error.append(abs(middle / true - 1))
        hit.append(low <= true <= high)
        width.append((high - low) / middle)
    return Judged(
        assessed=assessed,
        error=np.array(error, np.float64),
        inside=np.array(hit, np.bool_),
        width=np.array(width, np.float64),
    )


def _metrics(sets: MassSets, found: Judged, bands: Sequence[MassBand]) -> dict[str, float]:
    """Figures on the validation scans, and what attenuation alone would tell."""
    val, groups = sets.val, sets.val.groups
    same = np.exp(np.median(sets.train.log_ratio)) * val.absorption_cm2
    plain = np.abs(same / val.weight_g - 1)
    known = groups[found.assessed]
    hit = found.inside.astype(np.float64)
    figures = {
        "val_median_error": _median(found.error, known),
        "val_share_inside_band": mean_of(hit, known),
        "val_median_error_attenuation_alone": _median(plain, groups),
    }
    told: dict[str, float] = {}
    for name, figure in figures.items():
        for end, value in (("", figure.value), ("_low", figure.low), ("_high", figure.high)):
            told[f"{name}{end}"] = round(value, 4)
    return told | {
        "val_share_assessed": round(float(found.assessed.mean()), 4),
        "val_median_band_width": round(float(np.median(found.width)), 4) if len(hit) else np.nan,
        "train_scans": float(len(sets.train)),
        "val_scans": float(len(val)),
        "calibration_scans": float(sum(band.scans for band in bands)),
    }


def _median(values: Floats, groups: npt.NDArray[np.int64]) -> Figure:
    def median(rows: Rows) -> float:
        return float(np.median(values[rows]))

    return bootstrap(len(values), median, groups=groups)


def _remarks(sets: MassSets, bands: Sequence[MassBand], recipe: MassRecipe) -> list[str]:
    """Which scanners can be assessed, and which cannot."""
    remarks = [
        f"{band.owner_kind}s on {band.scanner_model} {band.scanner_software or 'no version'}:"
        f" {np.exp(band.low - band.middle) - 1:+.1%} to {np.exp(band.high - band.middle) - 1:+.1%}"
        f" for {band.coverage:.0%}, from {band.scans} weights"
        for band in bands
    ]
    have = {(b.owner_kind, b.scanner_model, b.scanner_software) for b in bands}
    seen = {
        (kind, *scanner)
        for part in (sets.train, sets.val, sets.calibration)
        for (kind, _), scanner in zip(part.owners, part.scanners, strict=True)
    }
    for kind, model, software in sorted(seen - have, key=str):
        where = "scans that name no scanner" if model is None else f"{model} {software or ''}"
        remarks.append(
            f"{kind}s on {where.strip()}: fewer than {recipe.fewest} held-out weights, so not"
            " assessed"
        )
    return remarks


def _curve(recipe: MassRecipe, job: Job, sets: MassSets, whole: Model) -> list[Row]:
    """Median error on the validation scans, by how many scans were learned from: `whole` by all."""
    rows: list[Row] = []
    order = np.random.default_rng(recipe.seed).permutation(len(sets.train))
    for share in SHARES:
        count = round(share * len(order))
        if count < FEWEST_TO_FIT:
            continue
        is_all = count == len(order)
        model = whole if is_all else fit_mass(sets.train.at(order[:count]), recipe)
        estimate = sets.val.absorption_cm2 * np.exp(model.predict(sets.val.columns))
        error = float(np.median(np.abs(estimate / sets.val.weight_g - 1)))
        rows.append({"pictures": float(count), "median_error": round(error, 4)})
        job.tracker.metrics({"median_error": error}, step=count)
    return rows
