"""Training an anomaly detector: fit on compliant pictures, export, calibrate, write the part."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import DatasetError
from parcelscope.models.anomaly_network import AnomalyNetwork
from parcelscope.models.bundle import DetectorCard, GenuineScores
from parcelscope.models.taught_network import TaughtNetwork
from parcelscope.training.anomaly import fit_anomaly
from parcelscope.training.anomaly_data import AnomalyData, anomaly_data
from parcelscope.training.anomaly_recipe import AnomalyRecipe
from parcelscope.training.calibrate import genuine_scores, run_graph
from parcelscope.training.contact_sheet import MOST, as_picture, captioned, write_tiles
from parcelscope.training.curve import Row, write_curve
from parcelscope.training.export import export_onnx, sha256_of
from parcelscope.training.halved import COMPARED, store_halved
from parcelscope.training.metrics import Figure, auroc
from parcelscope.training.part import Job, TrainedPart
from parcelscope.training.pixel_metrics import pixel_figures
from parcelscope.training.taught_anomaly import TaughtSettings
from parcelscope.training.train_detector import use_threads

Floats = npt.NDArray[np.float32]
FEWEST = 50
"""Compliant pictures that means and covariances rest on."""
CURVE_EVERY = 20
"""Steps between two points of the curve of the loss."""
NO_P_VALUES = (
    "no compliant picture was held out, so this part gives no p-values; give compliant ones in"
    " split val, or data.calibration_folder"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a graph gives on some pictures."""

    score: Floats
    """(N,)"""
    heat: Floats
    """(N, h, w)"""


def train_anomaly(recipe: AnomalyRecipe, job: Job) -> TrainedPart:
    """The anomaly detector of `recipe`, fitted, exported and calibrated.

    Raises:
        ConfigError: If the recipe names what does not exist.
        DatasetError: If there are too few compliant pictures.
    """
    use_threads(recipe.threads)
    data = anomaly_data(recipe, job)
    if len(data.train) < FEWEST:
        raise DatasetError(
            f"{recipe.data.folder or 'data.train'}: expected at least {FEWEST} compliant"
            f" {'photos' if recipe.input == 'photo' else 'scans'} to learn from, got"
            f" {len(data.train)}"
        )
    job.tracker.parameters({"data.digest": data.digest, "data.told": data.told})
    network, history = _fitted(recipe, job, data)
    name = f"{recipe.detector.replace('.', '-')}-{recipe.kind}.onnx"
    parity = export_onnx(
        network,
        job.part / name,
        kind=recipe.kind,
        height_px=recipe.canvas.height_px,
        width_px=recipe.canvas.width_px,
        outputs=("score", "map"),
        samples=data.train[:5],
    )
    if recipe.half_weights:
        parity["stored_in_16_bits"] = store_halved(
            job.part / name, outputs=("score", "map"), samples=data.train[:COMPARED]
        )
    metrics = {key: float(f"{value:.2g}") for key, value in parity.items()}
    said = _run(job, name, data.judged)
    metrics |= _figures(data, said)
    metrics["calibration_scans"] = float(len(data.calibration))
    genuine: dict[str, GenuineScores] = {}
    if len(data.calibration):
        score = _run(job, name, data.calibration).score
        genuine["scan"] = genuine_scores(score)
        metrics["calibration_score_mean"] = round(float(np.mean(score)), 4)
    card = _card(recipe, job, data, name, genuine, metrics)
    remarks = [] if genuine else [NO_P_VALUES]
    if history:
        remarks += write_curve(history, job.part, title=f"{job.recipe_name}: {data.told}")
    if len(data.judged):
        write_tiles(job.part / "samples.png", _tiles(recipe, data, said))
    return TrainedPart(
        folder=job.part,
        files=(name,),
        card=card,
        metrics=metrics,
        data_digest=data.digest,
        remarks=tuple(remarks),
    )


def _card(
    recipe: AnomalyRecipe,
    job: Job,
    data: AnomalyData,
    name: str,
    genuine: dict[str, GenuineScores],
    metrics: dict[str, float],
) -> DetectorCard:
    """What the bundle will know of the graph called `name`."""
    return DetectorCard(
        detector=recipe.detector,
        input=recipe.kind,
        file=name,
        sha256=sha256_of(job.part / name),
        width_px=recipe.canvas.width_px,
        height_px=recipe.canvas.height_px,
        mm_per_px=recipe.mm_per_px,
        classes=data.classes,
        scanners=data.scanners,
        genuine=genuine,
        metrics=metrics,
        training_data=f"{data.told}; recipe {job.recipe_name} {job.fingerprint},"
        f" data {data.digest}",
    )


def _fitted(
    recipe: AnomalyRecipe, job: Job, data: AnomalyData
) -> tuple[AnomalyNetwork | TaughtNetwork, list[Row]]:
    """The network, and the curve of its loss where it has one."""
    step = f"fit {recipe.detector}"
    history: list[Row] = []

    def learned(pictures: int, loss: float) -> None:
        if pictures % (CURVE_EVERY * recipe.taught.batch) == 0:
            history.append({"pictures": float(pictures), "loss": round(loss, 5)})
            job.tracker.metrics({"loss": loss}, step=pictures)

    job.report(step, 0, 1)
    network = fit_anomaly(
        data.train,
        kind=recipe.kind,
        seed=recipe.seed,
        method=recipe.method,
        taught=TaughtSettings(**recipe.taught.model_dump()),
        progress=lambda part, done, total: job.report(f"{step}: {part}", done, total),
        learned=learned,
    )
    job.report(step, 1, 1)
    return network, history


def _run(job: Job, name: str, pictures: npt.NDArray[np.generic]) -> Said:
    if not len(pictures):
        return Said(np.empty(0, np.float32), np.empty((0, 1, 1), np.float32))
    score, heat = run_graph(job.part / name, pictures, ("score", "map"))
    return Said(score, heat[:, 0])


def _figures(data: AnomalyData, said: Said) -> dict[str, float]:
    """AUROC of pictures and, where they are marked, of pixels; nothing where all are alike."""
    if data.anomalous.all() or not data.anomalous.any():
        return {}
    found = _told(f"{data.split}_auroc", auroc(said.score.astype(np.float64), data.anomalous))
    if data.masks is not None:
        size_wh = (data.masks.shape[2], data.masks.shape[1])
        wide = [cv2.resize(h, size_wh, interpolation=cv2.INTER_LINEAR) for h in said.heat]
        pixels = pixel_figures(wide, list(data.masks))
        if np.isfinite(pixels.auroc):
            found[f"{data.split}_pixel_auroc"] = round(pixels.auroc, 4)
            found |= _told(f"{data.split}_aupro", pixels.aupro)
    return found


def _told(name: str, figure: Figure) -> dict[str, float]:
    """The figure with its 95 % interval, as cards hold it."""
    values = {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    return {key: round(value, 4) for key, value in values.items() if np.isfinite(value)}


def _tiles(recipe: AnomalyRecipe, data: AnomalyData, said: Said) -> Sequence[npt.NDArray[np.uint8]]:
    """Pictures with their heat, the most unusual of the anomalous and of the compliant first."""
    order = np.argsort(-said.score)
    marked = [int(row) for row in order if data.anomalous[row]]
    calm = [int(row) for row in order if not data.anomalous[row]]
    half = MOST // 2
    rows = marked[: max(half, MOST - len(calm))] + calm[: max(half, MOST - len(marked))]
    low, high = np.quantile(said.heat, [0.5, 0.999])
    return [
        captioned(
            _heated(as_picture(data.judged[row], recipe.kind), said.heat[row], low, high),
            f"{'anomalous' if data.anomalous[row] else 'good'} {said.score[row]:.1f}",
        )
        for row in rows
    ]


def _heated(
    picture: npt.NDArray[np.uint8], heat: Floats, low: float, high: float
) -> npt.NDArray[np.uint8]:
    """The picture with red where its map is hot, by the scale of all maps."""
    size_wh = (picture.shape[1], picture.shape[0])
    wide = cv2.resize(heat, size_wh, interpolation=cv2.INTER_LINEAR)
    share = 0.7 * np.clip((wide - low) / max(high - low, 1e-6), 0, 1)[..., None]
    return np.asarray(picture * (1 - share) + np.array([220, 30, 0]) * share, np.uint8)
