"""Training the contents detector: fit on declared goods, export, calibrate, write the part."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import DatasetError
from parcelscope.models.bundle import DetectorCard, GenuineScores
from parcelscope.models.contents_network import ContentsFeatures, ContentsFit, ContentsNetwork
from parcelscope.training.calibrate import run_graph
from parcelscope.training.contact_sheet import MOST, as_picture, captioned, write_tiles
from parcelscope.training.contents import fit_heads, scan_features
from parcelscope.training.contents_data import Declared, Goods, load_goods
from parcelscope.training.contents_graph import (
    ContentsGraph,
    contradiction_metrics,
    declared_p_values,
    support_metrics,
    write_graph,
)
from parcelscope.training.contents_recipe import ContentsRecipe
from parcelscope.training.curve import Row, write_curve
from parcelscope.training.export import sha256_of
from parcelscope.training.halved import COMPARED
from parcelscope.training.part import Job, TrainedPart
from parcelscope.training.train_detector import use_threads

Floats = npt.NDArray[np.float32]
SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the parcels to learn from, at which the learning curve has its points."""
NOTHING_KNOWN = 0.5
"""AUROC of a family without a head."""


def train_contents(recipe: ContentsRecipe, job: Job) -> TrainedPart:
    """The contents detector of `recipe`, fitted, exported, calibrated and judged.

    Raises:
        ConfigError: If the recipe names what does not exist.
        DatasetError: If no family has parcels enough.
    """
    use_threads(recipe.threads)
    goods = load_goods(recipe, job)
    job.tracker.parameters({"data.digest": goods.digest, "data.told": goods.told})
    step = "fit xray.contents"
    job.report(step, 0, 3)
    network = ContentsFeatures(recipe.input)
    features = scan_features(network, goods.train.pictures)
    job.report(step, 1, 3)
    try:
        fit, families = fit_heads(
            features, goods.train.contents, goods.families, fewest=recipe.fewest
        )
    except ValueError as error:
        raise DatasetError(f"{goods.told}: {error}") from None
    curve = _curve(recipe, job, goods, features, scan_features(network, goods.val.pictures))
    job.report(step, 2, 3)
    name = f"xray-contents-{recipe.input}.onnx"
    graph = write_graph(
        ContentsNetwork(network, fit).eval(),
        families,
        job.part / name,
        kind=recipe.input,
        samples=np.resize(goods.train.pictures, (COMPARED, *goods.train.pictures.shape[1:])),
        held_out=goods.calibration.pictures,
        contents=goods.calibration.contents,
        half_weights=recipe.half_weights,
    )
    job.report(step, 3, 3)
    (support,) = run_graph(job.part / name, goods.val.pictures, ("support",))
    metrics = _metrics(goods, support, families, graph.genuine)
    metrics |= {key: float(f"{value:.2g}") for key, value in graph.parity.items()}
    card = _card(recipe, job, goods, name, families, graph, metrics)
    remarks = _remarks(recipe, goods, families, graph.genuine)
    remarks += write_curve(
        curve, job.part, title=f"{job.recipe_name}: parcels learned from, {goods.told}"
    )
    write_tiles(
        job.part / "samples.png", _tiles(recipe, goods.val, support, families, graph.genuine)
    )
    return TrainedPart(
        folder=job.part,
        files=(name,),
        card=card,
        metrics=metrics,
        data_digest=goods.digest,
        remarks=tuple(remarks),
    )


def _card(
    recipe: ContentsRecipe,
    job: Job,
    goods: Goods,
    name: str,
    families: tuple[str, ...],
    graph: ContentsGraph,
    metrics: dict[str, float],
) -> DetectorCard:
    """What the bundle will know of the graph called `name`."""
    return DetectorCard(
        detector="xray.contents",
        input=recipe.input,
        file=name,
        sha256=sha256_of(job.part / name),
        width_px=recipe.canvas.width_px,
        height_px=recipe.canvas.height_px,
        mm_per_px=recipe.canvas.mm_per_px,
        classes=families,
        scanners=goods.scanners,
        genuine=graph.genuine,
        metrics=metrics,
        training_data=f"{goods.told}; recipe {job.recipe_name} {job.fingerprint},"
        f" data {goods.digest}",
    )


def _curve(
    recipe: ContentsRecipe, job: Job, goods: Goods, features: Floats, val_features: Floats
) -> list[Row]:
    """Mean AUROC over families on the validation parcels, by how many parcels were learned from."""
    rows: list[Row] = []
    for share in SHARES:
        count = round(share * len(features))
        known: dict[str, float] = {}
        try:
            fit, families = fit_heads(
                features[:count],
                goods.train.contents[:count],
                goods.families,
                fewest=max(2, round(share * recipe.fewest)),
            )
        except ValueError:
            continue  # too few parcels for a single head: no point of the curve
        known = support_metrics(_support(fit, val_features), goods.val.contents, families)
        missing = len(goods.families) - len(known)
        area = (sum(known.values()) + NOTHING_KNOWN * missing) / len(goods.families)
        rows.append({"pictures": float(count), "auroc_mean": round(area, 4)})
        job.tracker.metrics({"auroc_mean": area}, step=count)
    return rows


def _support(fit: ContentsFit, features: Floats) -> Floats:
    """(N, F), as the graph gives it from the same features."""
    standard = np.clip((features - fit.mean) / fit.scale, -6, 6)
    return np.asarray(standard @ fit.weight + fit.bias, np.float32)


def _metrics(
    goods: Goods, support: Floats, families: Sequence[str], genuine: dict[str, GenuineScores]
) -> dict[str, float]:
    found = support_metrics(support, goods.val.contents, families)
    if found:
        found["auroc_mean"] = float(np.mean(list(found.values())))
    found |= contradiction_metrics(support, goods.val.contents, families, genuine)
    told = {f"val_{name}": round(value, 4) for name, value in found.items()}
    return {
        **told,
        "families": float(len(families)),
        "calibration_scans": float(len(goods.calibration)),
    }


def _remarks(
    recipe: ContentsRecipe,
    goods: Goods,
    families: Sequence[str],
    genuine: dict[str, GenuineScores],
) -> list[str]:
    """What cannot be assessed, and what it would take."""
    remarks = []
    left_out = [name for name in goods.families if name not in families]
    if left_out:
        remarks.append(
            f"fewer than {recipe.fewest} parcels declare {', '.join(left_out)}, or all do: not"
            " assessed; give more parcels, or a smaller `fewest`"
        )
    without = [name for name in families if name not in genuine]
    if without:
        remarks.append(
            f"no calibration parcel declares {', '.join(without)}: no p-values, so not assessed"
        )
    if recipe.data.feed is not None:
        remarks.append(
            "what these parcels hold beside what they declare is not known, so figures on"
            " contradicting declarations are too low rather than too high"
        )
    return remarks


def _tiles(
    recipe: ContentsRecipe,
    val: Declared,
    support: Floats,
    families: Sequence[str],
    genuine: dict[str, GenuineScores],
) -> list[npt.NDArray[np.uint8]]:
    """Validation scans with what they declare, and the p-value of the declaration."""
    tiles = []
    for row in range(min(MOST, len(val))):
        one = val.contents[row]
        honest, _ = declared_p_values(support[row : row + 1], [one], families, genuine)
        told = f"p {honest[0]:.2f}" if len(honest) else "not assessed"
        tiles.append(
            captioned(
                as_picture(val.pictures[row], recipe.input), ", ".join(sorted(one.declared)), told
            )
        )
    return tiles
