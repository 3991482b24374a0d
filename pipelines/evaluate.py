"""`parcelscope evaluate run`: a run on a synthetic feed against what is true of it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.records import ONE_ENERGY
from parcelscope.datasets.writing import write_text_whole
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.pipelines.run_folder import Run, read_run
from parcelscope.training.metrics import (
    Figure,
    auroc,
    mean_average_precision,
    mean_of,
    median_of,
    recall_at_false_alarms,
)

OVERLAP_BINS = ((0.0, 0.2), (0.2, 0.5), (0.5, 1.01))
"""Mean share of a piece's pixels that other pieces also cover: little, some, heavy."""
FEW_PIECES = 12
FALSE_ALARMS = 0.02
TRUTH_TABLES = ("parcels", "cartons", "objects")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table."""

    what: str
    figure: Figure
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of a synthetic feed."""

    parcels: pl.DataFrame
    cartons: pl.DataFrame
    objects: pl.DataFrame


def evaluate_run(run_folder: Path, truth_folder: Path) -> list[Line]:
    """Every figure that the run and its truth allow; also written to the run as evaluation.json.

    Raises:
        RunError: If the truth is incomplete, or does not belong to the run.
    """
    run, truth = read_run(run_folder), read_truth(truth_folder)
    check_same_feed(run, truth, run_folder, truth_folder)
    parts: list[Callable[[Run, Truth], list[Line]]] = [
        item_lines, piece_lines, anomaly_lines, carton_lines, mass_lines, parcel_lines,
    ]  # fmt: skip
    lines = [line for part in parts for line in part(run, truth)]
    text = json.dumps([asdict(line) for line in lines], indent=1)
    write_text_whole(run_folder / "evaluation.json", text + "\n")
    return lines


def read_truth(folder: Path) -> Truth:
    """The truth tables in `folder`, the `truth` folder of a synthetic feed.

    Raises:
        RunError: If one is missing or unreadable.
    """
    tables = {}
    for name in TRUTH_TABLES:
        path = folder / f"{name}.parquet"
        try:
            tables[name] = pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            reason = str(error).splitlines()[0]
            raise RunError(
                f"{path}: expected a truth table of a synthetic feed, got: {reason};"
                " name the truth folder that `parcelscope synth feed` wrote"
            ) from None
    return Truth(**tables)


def check_same_feed(run: Run, truth: Truth, run_folder: Path, truth_folder: Path) -> None:
    """Refuse a truth whose parcels are not those of the run."""
    ours = set(run.parcels["parcel_id"].drop_nulls())
    theirs = set(truth.parcels["parcel_id"])
    if not theirs or len(ours & theirs) < 0.9 * len(theirs):
        raise RunError(
            f"{truth_folder}: expected the truth of the feed of {run_folder}, got"
            f" {len(theirs)} parcels of which the run has {len(ours & theirs)}"
        )


def item_lines(run: Run, truth: Truth) -> list[Line]:
    """Mean average precision of items, on raw scans and on colour pictures apart."""
    found = run.findings.filter(pl.col("source") == "xray.items")
    boxes = found.select(
        "image_path",
        "score",
        pl.col("code").str.strip_prefix("item.").alias("label"),
        *(pl.col("box_xyxy").list.get(i).alias(n) for i, n in enumerate(("x0", "y0", "x1", "y1"))),
    )
    # A bundle may know classes that the generator does not draw; they are neither right nor wrong.
    boxes = boxes.filter(pl.col("label").is_in(ITEM_LABELS))
    items = truth.objects.filter(pl.col("kind") == "item")
    lines = []
    for kind, name in (("dual", "raw scans"), ("colour", "colour pictures")):
        images = scanned_images(run, truth, kind)
        if not images:
            continue
        figure, by_class = mean_average_precision(
            items.filter(pl.col("image_path").is_in(images)),
            boxes.filter(pl.col("image_path").is_in(images)),
            images,
            ITEM_LABELS,
        )
        lines.append(Line(what=f"items, {name}: mAP50", figure=figure))
        lines += [
            Line(
                what=f"  {label}, {name}: AP50",
                figure=Figure(value=value, low=np.nan, high=np.nan, count=len(images)),
            )
            for label, value in by_class.items()
        ]
    return lines


def scanned_images(run: Run, truth: Truth, kind: str) -> list[str]:
    """Scans of loose parcels of `kind` that the items detector looked at."""
    owners = truth.parcels.filter(pl.col("scan_kind") == kind)["parcel_id"]
    scored = run.findings.filter(
        pl.col("source") == "xray.anomaly", pl.col("owner_id").is_in(owners.implode())
    )
    return scored["image_path"].drop_nulls().unique().sort().to_list()


def piece_lines(run: Run, truth: Truth) -> list[Line]:
    """Error of the piece count by overlap and by number of pieces."""
    counted = (
        run.findings.filter(pl.col("code") == "pieces.count")
        .join(truth.cartons, left_on="owner_id", right_on="carton_id", how="inner")
        .with_columns((pl.col("observed") - pl.col("pieces_true")).abs().alias("error"))
        .with_columns(
            ((pl.col("observed").round() - pl.col("pieces_true")).abs() <= 1).alias("within_one"),
            pl.col("pieces_true")
            .is_between(pl.col("observed_low").ceil(), pl.col("observed_high").floor())
            .alias("inside"),
        )
    )
    groups = []
    for kind, name in (("dual", "raw"), ("colour", "colour")):
        of_kind = counted.filter(pl.col("scan_kind") == kind)
        for few in (True, False):
            size = of_kind.filter((pl.col("pieces_true") <= FEW_PIECES) == few)
            label = f"{name}, {f'up to {FEW_PIECES}' if few else f'{FEW_PIECES + 1} to 30'} pieces"
            groups.append((label, size))
            groups += [
                (
                    f"{label}, overlap {low:.1f} to {min(high, 1.0):.1f}",
                    size.filter((pl.col("overlap_mean") >= low) & (pl.col("overlap_mean") < high)),
                )
                for low, high in OVERLAP_BINS
            ]
    lines = []
    for label, rows in groups:
        if rows.is_empty():
            continue
        error = rows["error"].to_numpy().astype(np.float64)
        within = rows["within_one"].to_numpy().astype(np.float64)
        inside = rows["inside"].to_numpy().astype(np.float64)
        lines += [
            Line(what=f"pieces, {label}: count MAE", figure=mean_of(error), unit="pieces"),
            Line(what=f"pieces, {label}: share within 1", figure=mean_of(within)),
            Line(what=f"pieces, {label}: share inside the interval", figure=mean_of(inside)),
        ]
    return lines


def anomaly_lines(run: Run, truth: Truth) -> list[Line]:
    """How well the anomaly score tells parcels with items of interest from compliant ones."""
    scored = run.findings.filter(pl.col("code") == "anomaly.scan").join(
        truth.parcels, left_on="owner_id", right_on="parcel_id", how="inner"
    )
    holds_item = pl.col("violations").list.contains("item")
    lines = []
    for kind, name in (("dual", "raw scans"), ("colour", "colour pictures")):
        rows = scored.filter(
            pl.col("scan_kind") == kind, holds_item | ~pl.col("violative")
        ).with_columns(holds_item.alias("positive"))
        if rows.is_empty():
            continue
        figure = auroc(rows["score"].to_numpy().astype(np.float64), rows["positive"].to_numpy())
        lines.append(Line(what=f"anomaly, {name}: AUROC for items of interest", figure=figure))
    return lines


def carton_lines(run: Run, truth: Truth) -> list[Line]:
    """Cartons with unmanifested pieces: recall at 2 % false alarms, by the carton's risk."""
    rows = run.cartons.drop_nulls("risk").join(truth.cartons, on="carton_id", how="inner")
    groups = [("all cartons", pl.lit(value=True))]
    compliant = ~pl.col("violative")
    groups += [
        ("one piece more", compliant | (pl.col("extra") == 1)),
        ("one piece more, true weight declared",
         compliant | ((pl.col("extra") == 1) & pl.col("true_weight_declared"))),
        ("up to 12 pieces", pl.col("pieces_true") <= FEW_PIECES),
    ]  # fmt: skip
    lines = []
    for name, chosen in groups:
        part = rows.filter(chosen)
        if part.is_empty() or not part["violative"].any():
            continue
        figure = recall_at_false_alarms(
            part["risk"].to_numpy().astype(np.float64),
            part["violative"].to_numpy(),
            false_alarms=FALSE_ALARMS,
        )
        lines.append(Line(what=f"unmanifested, {name}: recall at 2 % false alarms", figure=figure))
    return lines


def mass_lines(run: Run, truth: Truth) -> list[Line]:
    """Relative error of the X-ray mass."""
    masses = pl.concat(
        [
            truth.parcels.select(pl.col("parcel_id").alias("owner_id"), "mass_g"),
            truth.cartons.select(pl.col("carton_id").alias("owner_id"), "mass_g"),
        ]
    )
    weighed = run.findings.filter(pl.col("code") == "mass.total").join(
        masses, on="owner_id", how="inner"
    )
    by_one = pl.col("text").eq_missing(pl.lit(ONE_ENERGY))
    lines = []
    for kind in ("parcel", "carton"):
        for words, chosen in (("", ~by_one), (" of one energy", by_one)):
            rows = weighed.filter((pl.col("owner_kind") == kind) & chosen)
            if not rows.is_empty():
                lines += _mass_lines(rows, f"mass, {kind}s{words}")
    return lines


def _mass_lines(rows: pl.DataFrame, name: str) -> list[Line]:
    observed, true = rows["observed"].to_numpy(), rows["mass_g"].to_numpy()
    error = np.abs(observed / true - 1)
    inside = (rows["observed_low"].to_numpy() <= true) & (true <= rows["observed_high"].to_numpy())
    return [
        Line(what=f"{name}: median relative error", figure=median_of(error)),
        Line(what=f"{name}: share inside the band", figure=mean_of(inside.astype(np.float64))),
    ]


def parcel_lines(run: Run, truth: Truth) -> list[Line]:
    """How well the parcel's risk ranks violative loose parcels before compliant ones."""
    rows = run.parcels.drop_nulls("risk").join(
        truth.parcels.filter(pl.col("scanned")), on="parcel_id", how="inner"
    )
    if rows.is_empty() or not rows["violative"].any():
        return []
    risk = rows["risk"].to_numpy().astype(np.float64)
    positive = rows["violative"].to_numpy()
    return [
        Line(what="parcels: AUROC of the risk", figure=auroc(risk, positive)),
        Line(
            what="parcels: recall at 2 % false alarms",
            figure=recall_at_false_alarms(risk, positive, false_alarms=FALSE_ALARMS),
        ),
    ]


def as_markdown(lines: list[Line]) -> str:
    """The table as the README shows it."""
    rows = ["| what | figure | 95 % interval | on |", "|---|---|---|---|"]
    for line in lines:
        figure = line.figure
        interval = f"{figure.low:.3f} to {figure.high:.3f}" if np.isfinite(figure.low) else ""
        unit = f" {line.unit}" if line.unit else ""
        rows.append(f"| {line.what} | {figure.value:.3f}{unit} | {interval} | {figure.count} |")
    return "\n".join(rows)
