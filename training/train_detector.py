"""Training one detector that draws boxes: fit, export, judge, calibrate, write the part."""

from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
import torch

from parcelscope.datasets.errors import ConfigError
from parcelscope.models.bundle import CountCalibration, DetectorCard
from parcelscope.models.heatmap import Boxes
from parcelscope.training.architectures import (
    Architecture,
    DetectorTask,
    Outputs,
    find_architecture,
)
from parcelscope.training.calibrate import (
    FEWEST_CARTONS,
    alarm_threshold,
    calibrate_count,
    class_scores,
    genuine_scores,
    run_graph,
)
from parcelscope.training.contact_sheet import write_sheet
from parcelscope.training.curve import Row, write_curve
from parcelscope.training.export import sha256_of
from parcelscope.training.halved import COMPARED, store_halved
from parcelscope.training.judging import best_thresholds, box_figures, count_figures
from parcelscope.training.part import Job, TrainedPart
from parcelscope.training.part_data import PartData, load_data
from parcelscope.training.part_recipes import DetectorRecipe
from parcelscope.training.scan_sets import ScanSet

PIECE_THRESHOLD = 0.3
"""Score from which an inner parcel is drawn for the analyst; the count does not depend on it."""


def train_detector(recipe: DetectorRecipe, job: Job) -> TrainedPart:
    """The detector of `recipe`, fitted, exported, judged and calibrated.

    Raises:
        ConfigError: If the recipe names what does not exist.
        DatasetError: If the data cannot be learned from.
    """
    architecture = find_architecture(recipe.architecture)
    use_threads(recipe.fit.threads)
    if recipe.fit.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("fit.device: expected a machine with a CUDA device, found none")
    data = load_data(
        recipe.data,
        "pieces" if recipe.detector == "xray.pieces" else "items",
        kind=recipe.input,
        spec=recipe.canvas.spec(),
        seed=recipe.seed,
        work=job.work,
        report=job.report,
    )
    job.tracker.parameters({"data.digest": data.digest, "data.told": data.told})
    task = DetectorTask(
        recipe=recipe,
        data=data,
        job=job,
        fingerprint=fingerprint(recipe, job, data),
        judge=partial(_judge, architecture, recipe, data),
    )
    learned = architecture.fit(task)
    name = f"{recipe.detector.replace('.', '-')}-{recipe.input}.onnx"
    job.part.mkdir(parents=True, exist_ok=True)
    job.report("export and calibrate", 0, 1)
    pictures = data.val.pictures(recipe.input)
    parity = learned.export(job.part / name, np.resize(pictures, (5, *pictures.shape[1:])))
    if recipe.half_weights:
        parity["stored_in_16_bits"] = store_halved(
            job.part / name, outputs=architecture.outputs(recipe), samples=pictures[:COMPARED]
        )
    learned.save(job.out / "weights.pt")
    card, found, remarks = _calibrated(recipe, job, data, architecture, name)
    metrics = {f"val_{key}": value for key, value in task.judge(found).items()}
    metrics |= {key: float(f"{value:.2g}") for key, value in parity.items()}
    card = card.model_copy(update={"metrics": card.metrics | metrics})
    remarks += write_curve(learned.history, job.part, title=f"{job.recipe_name}: {data.told}")
    write_sheet(
        job.part / "samples.png",
        data.val,
        architecture.decode(recipe, found),
        kind=recipe.input,
        classes=data.classes,
        thresholds=card.thresholds,
    )
    job.report("export and calibrate", 1, 1)
    return TrainedPart(
        folder=job.part,
        files=(name,),
        card=card,
        metrics=card.metrics,
        data_digest=data.digest,
        remarks=tuple(remarks),
    )


def use_threads(count: int) -> None:
    """Keep this process to `count` threads: sums over another number differ by rounding."""
    torch.set_num_threads(count)
    cv2.setNumThreads(count)


def fingerprint(recipe: DetectorRecipe, job: Job, data: PartData) -> str:
    """Recipe, data and first weights: what a checkpoint must agree with."""
    start = "" if recipe.start is None else "-" + sha256_of(recipe.start)[:12]
    return f"{job.fingerprint}-{data.digest}{start}"


def _judge(
    architecture: Architecture, recipe: DetectorRecipe, data: PartData, outputs: Outputs
) -> Row:
    """Figures of the learning curve from the outputs for `data.val`."""
    boxes = architecture.decode(recipe, outputs)
    true = data.val.boxes_for(recipe.input)
    figures = box_figures(boxes, true, data.val.label, data.classes)
    names = architecture.outputs(recipe)
    if "count" in names:
        figures |= count_figures(outputs[names.index("count")], data.val.label)
    return figures


def _calibrated(
    recipe: DetectorRecipe, job: Job, data: PartData, architecture: Architecture, name: str
) -> tuple[DetectorCard, Outputs, list[str]]:
    """The card of the graph `name`, what the graph says of `data.val`, and remarks.

    Everything is measured on the exported graph, since that is what will score parcels.
    """
    path, names = job.part / name, architecture.outputs(recipe)
    found: Outputs = run_graph(path, data.val.pictures(recipe.input), names)
    card = DetectorCard(
        detector=recipe.detector,
        input=recipe.input,
        file=name,
        sha256=sha256_of(path),
        width_px=recipe.canvas.width_px,
        height_px=recipe.canvas.height_px,
        mm_per_px=recipe.canvas.mm_per_px,
        classes=data.classes,
        scanners=data.scanners,
        metrics={"calibration_scans": float(len(data.calibration))},
        training_data=f"{data.told}; recipe {job.recipe_name} {job.fingerprint},"
        f" data {data.digest}",
        **architecture.card(recipe),
    )
    held_out = data.calibration
    said: Outputs = []
    if len(held_out):
        said = run_graph(path, held_out.pictures(recipe.input), names)
    if recipe.detector == "xray.pieces":
        update, remarks = _count_part(recipe, held_out, said, names, data.classes)
    else:
        val = architecture.decode(recipe, found)
        calm = architecture.decode(recipe, said) if len(held_out) else []
        update, remarks = _item_part(recipe, data, val, calm)
    return card.model_copy(update=update), found, remarks


def _item_part(
    recipe: DetectorRecipe, data: PartData, val: list[Boxes], calm: list[Boxes]
) -> tuple[dict[str, object], list[str]]:
    """Thresholds and p-values from compliant scans, or the best that can be had without."""
    share = recipe.calibration.alarm_share
    needed = int(np.ceil(1 / share))
    scores = class_scores(calm, data.classes)
    update: dict[str, object] = {}
    if calm:
        update["genuine"] = {name: genuine_scores(s) for name, s in scores.items()}
    if len(calm) >= needed:
        update["thresholds"] = {
            name: round(alarm_threshold(s, share=share), 4) for name, s in scores.items()
        }
        return update, []
    true = data.val.boxes_for(recipe.input)
    update["thresholds"] = best_thresholds(val, true, data.val.label, data.classes)
    lowest = f"no p-value is below {1 / (len(calm) + 1):.2g}" if calm else "there are no p-values"
    return update, [
        f"{len(calm)} compliant scans were held out, but a false-alarm share of {share:g} needs"
        f" {needed}: thresholds are those of the best F1 on the validation scans, and {lowest};"
        " give data.calibration_folder, or a larger calibration.alarm_share"
    ]


def _count_part(
    recipe: DetectorRecipe,
    cartons: ScanSet,
    said: Outputs,
    names: tuple[str, ...],
    classes: tuple[str, ...],
) -> tuple[dict[str, object], list[str]]:
    """The interval of the count, from cartons that were not learned from."""
    update: dict[str, object] = {"thresholds": {classes[0]: PIECE_THRESHOLD}}
    if len(cartons) < FEWEST_CARTONS:
        return update, [
            f"{len(cartons)} cartons of known content were held out, but an interval of the count"
            f" needs {FEWEST_CARTONS}: this part gives none; give more scans in split val, or"
            " data.calibration_folder"
        ]
    raw: npt.NDArray[np.float64] = said[names.index("count")].astype(np.float64)
    true = np.array([len(label) for label in cartons.label], np.float64)
    count = calibrate_count(raw, true, coverage=recipe.calibration.coverage)
    return update | {"count": count, "metrics": _count_metrics(count, raw, true)}, []


def _count_metrics(
    count: CountCalibration, raw: npt.NDArray[np.float64], true: npt.NDArray[np.float64]
) -> dict[str, float]:
    middle = np.array([count.interval(float(value))[0] for value in raw])
    return {
        "calibration_scans": float(len(true)),
        "calibration_count_mae": round(float(np.abs(middle - true).mean()), 3),
    }
