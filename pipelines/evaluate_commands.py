"""`parcelscope evaluate detector` at the command line."""

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from parcelscope.datasets.errors import ConfigError


def evaluate_detector(
    detector: Annotated[
        str, typer.Argument(help="Such as xray.items, xray.pieces, xray.anomaly or photo.anomaly.")
    ],
    data: Annotated[Path, typer.Option(help="Data set, as `dataset import` wrote it.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle with the detector; the built-in one if left out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page, metrics.json and charts.")
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Which images of the set.")
    ] = "val",
    classes: Annotated[
        str | None, typer.Option(help="data_class=bundle_class,... where the names differ.")
    ] = None,
    pitch_mm: Annotated[
        float | None, typer.Option(help="Size of one pixel of every image, in mm, if known.")
    ] = None,
    scanner: Annotated[
        str | None, typer.Option(help="Scanner model whose calibration is judged.")
    ] = None,
    software: Annotated[str | None, typer.Option(help="Its software version.")] = None,
    track: Annotated[
        Path | None,
        typer.Option(help="Folder of tracked runs: keeps the evaluation in MLflow as well."),
    ] = None,
) -> None:
    """Judge one detector of a bundle on annotated images; prints the figures as a table."""
    if pitch_mm is not None and not (math.isfinite(pitch_mm) and pitch_mm > 0):
        raise ConfigError(f"--pitch-mm must be a positive number of millimetres, got {pitch_mm}")
    try:
        from parcelscope.pipelines.class_mapping import parse_mapping
        from parcelscope.pipelines.evaluate_detector import Question
        from parcelscope.pipelines.evaluate_detector import evaluate_detector as evaluate
        from parcelscope.pipelines.evaluation_page import PAGE, as_markdown, write_evaluation
        from parcelscope.pipelines.evaluation_tracking import track_evaluation
        from parcelscope.pipelines.progress import progress
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"evaluate detector needs the eval extra, but {error.name} is not installed;"
            " install parcelscope[cpu,eval]"
        ) from None

    question = Question(
        detector=detector,
        data=data,
        split=split,
        bundle_folder=bundle,
        classes=parse_mapping(classes),
        pitch_mm=pitch_mm,
        scanner=(scanner, software),
    )
    with progress() as report:
        evaluation = evaluate(question, progress=report)
    if out is not None:
        write_evaluation(evaluation, out)
    if track is not None:
        track_evaluation(evaluation, track)
    print(as_markdown(evaluation))
    if out is not None:
        print(f"Page: {out / PAGE}")
