"""Knives on OPIXray: our compact network against a YOLO of ultralytics, at one input size.

    python benchmarks/opixray.py $PARCELSCOPE_REAL_DATA/opixray [--models heatmap yolo]

Takes pictures in the layout of YOLO (data.yaml, images/, labels/), learns from split train as
given, and judges on split val as given, through the exported graph on one core. Both learn by the
same loop from the same windows, from scratch. An interrupted training goes on where it stopped.
"""

import argparse
import tempfile
from pathlib import Path

import torch

from parcelscope.datasets.adapters.catalog import adapter_of
from parcelscope.datasets.adapters.importing import import_set
from parcelscope.models.bundle import builtin_bundle_folder
from parcelscope.pipelines.assemble import assemble
from parcelscope.pipelines.evaluate_detector import Question, evaluate_detector
from parcelscope.pipelines.judgement import told
from parcelscope.pipelines.progress import progress
from parcelscope.pipelines.train import train

RECIPES = {"heatmap": "xray_items_colour", "yolo": "xray_items_yolo"}
COLUMNS = ("map50", "map50_95", "model_per_s", "per_s")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--models", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    options.add_argument("--out", type=Path, default=Path("runs/opixray"))
    options.add_argument("--side", type=int, default=320)
    options.add_argument("--passes", type=int, default=160_000)
    options.add_argument("--window", type=int, default=128, help="pixels; 0: whole pictures only")
    options.add_argument("--yolo", default="yolo11n")
    given = options.parse_args()
    torch.set_num_threads(1)
    data = imported(given.folder, given.out / "set")
    wanted = [
        f"data.folder={data}", "input=colour", f"canvas.width_px={given.side}",
        f"canvas.height_px={given.side}", "canvas.mm_per_px=null", f"fit.passes={given.passes}",
        f"fit.window_px={given.window or 'null'}", "fit.stacked=0.2", "fit.validate_every=16000",
    ]  # fmt: skip
    print("| network | mAP50 | mAP50-95 | model alone, images/s | reading and model, images/s |")
    print("|---|---|---|---|---|", flush=True)
    for model in given.models:
        words = wanted + ([f"yolo.model={given.yolo}"] if model == "yolo" else [])
        windows = "" if given.window == 128 else f"-window{given.window}"
        folder = given.out / f"{model}-{given.side}-{given.passes}{windows}"
        if not (folder / "part").is_dir() or not any((folder / "part").glob("*.json")):
            with progress() as report:
                again = folder.exists()
                train(RECIPES[model], words, out=folder, resume=again, runs=None, report=report)
        cells = [told(figure) for figure in figures(folder / "part", data)]
        print(f"| {given.yolo if model == 'yolo' else model} | {' | '.join(cells)} |", flush=True)


def imported(source: Path, out: Path) -> Path:
    """The annotated set of `source`, read only once."""
    if not (out / "dataset.json").exists():
        import_set(adapter_of("yolo"), source, out, title="OPIXray", licence="academic use only")
    return out


def figures(part: Path, data: Path):
    """The figures of `COLUMNS` for the part in a bundle of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "bundle"
        assemble(bundle, builtin_bundle_folder(), [part], name="opixray", version="0")
        question = Question(detector="xray.items", data=data, split="val", bundle_folder=bundle)
        found = {one.key: one.figure for one in evaluate_detector(question).figures()}
    return [found[key] for key in COLUMNS]


if __name__ == "__main__":
    main()
