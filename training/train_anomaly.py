"""Training the anomaly detector: fit on compliant scans, export, calibrate, write the part."""

import numpy as np

from parcelscope.datasets.errors import DatasetError
from parcelscope.models.bundle import DetectorCard, GenuineScores
from parcelscope.training.anomaly import fit_anomaly
from parcelscope.training.calibrate import genuine_scores, run_graph
from parcelscope.training.export import export_onnx, sha256_of
from parcelscope.training.metrics import area_under_roc
from parcelscope.training.part import Job, TrainedPart
from parcelscope.training.part_data import load_data
from parcelscope.training.part_recipes import AnomalyRecipe
from parcelscope.training.train_detector import use_threads

FEWEST = 50
"""Compliant scans that means and covariances rest on."""
NO_P_VALUES = (
    "no compliant scan was held out, so this part gives no p-values; give compliant scans in split"
    " val, or data.calibration_folder"
)


def train_anomaly(recipe: AnomalyRecipe, job: Job) -> TrainedPart:
    """The anomaly detector of `recipe`, fitted, exported and calibrated.

    Raises:
        ConfigError: If the recipe names what does not exist.
        DatasetError: If there are too few compliant scans.
    """
    use_threads(recipe.threads)
    data = load_data(
        recipe.data,
        "anomaly",
        kind=recipe.input,
        spec=recipe.canvas.spec(),
        seed=recipe.seed,
        work=job.work,
        report=job.report,
    )
    if len(data.train) < FEWEST:
        raise DatasetError(
            f"{recipe.data.folder or 'data.train'}: expected at least {FEWEST} compliant scans to"
            f" learn from, got {len(data.train)}"
        )
    job.tracker.parameters({"data.digest": data.digest, "data.told": data.told})
    job.report("fit xray.anomaly", 0, 1)
    pictures = data.train.pictures(recipe.input)
    network = fit_anomaly(pictures, kind=recipe.input, seed=recipe.seed)
    name = f"xray-anomaly-{recipe.input}.onnx"
    parity = export_onnx(
        network,
        job.part / name,
        kind=recipe.input,
        height_px=recipe.canvas.height_px,
        width_px=recipe.canvas.width_px,
        outputs=("score", "map"),
        samples=pictures[:5],
    )
    job.report("fit xray.anomaly", 1, 1)
    metrics = {key: float(f"{value:.2g}") for key, value in parity.items()}
    (found,) = run_graph(job.part / name, data.val.pictures(recipe.input), ("score",))
    area = area_under_roc(found.astype(np.float64), data.val_anomalous)
    if np.isfinite(area):
        metrics["val_auroc"] = round(area, 4)
    calm = data.calibration.pictures(recipe.input)
    metrics["calibration_scans"] = float(len(calm))
    genuine: dict[str, GenuineScores] = {}
    if len(calm):
        (score,) = run_graph(job.part / name, calm, ("score",))
        genuine["scan"] = genuine_scores(score)
        metrics["calibration_score_mean"] = round(float(np.mean(score)), 4)
    card = DetectorCard(
        detector="xray.anomaly",
        input=recipe.input,
        file=name,
        sha256=sha256_of(job.part / name),
        width_px=recipe.canvas.width_px,
        height_px=recipe.canvas.height_px,
        mm_per_px=recipe.canvas.mm_per_px,
        classes=data.classes,
        genuine=genuine,
        metrics=metrics,
        training_data=f"{data.told}; recipe {job.recipe_name} {job.fingerprint},"
        f" data {data.digest}",
    )
    return TrainedPart(
        folder=job.part,
        files=(name,),
        card=card,
        metrics=metrics,
        data_digest=data.digest,
        remarks=() if genuine else (NO_P_VALUES,),
    )
