"""`parcelscope bench` at the command line."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def bench(
    feed: Annotated[
        Path | None,
        typer.Argument(help="Feed to score; a synthetic one of light parcels if left out."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a model bundle; the built-in one if left out.")
    ] = None,
    owners: Annotated[
        int, typer.Option(min=8, help="Parcels and cartons with images to score, by id.")
    ] = 128,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="Least time for the components, and for each rate.")
    ] = 10.0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that score; one per core if left out.")
    ] = None,
    provider: Annotated[
        Literal["auto", "tensorrt", "cuda", "openvino", "cpu"],
        typer.Option(help="What the models run on; `auto` takes the fastest that passes."),
    ] = "auto",
    precision: Annotated[
        Literal["fp32", "bf16", "fp16"] | None,
        typer.Option(help="Precision of the models; the provider's default if left out."),
    ] = None,
    isolate: Annotated[
        bool, typer.Option("--isolate", help="Decode in processes of their own.")
    ] = False,
    no_naive: Annotated[
        bool, typer.Option("--no-naive", help="Leave the comparison with a naive loop out.")
    ] = False,
    yolo: Annotated[
        bool, typer.Option("--yolo", help="Compare with `ultralytics predict` (extra `yolo`).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Measure each component, the bound that they set, and how near the engine comes to it."""
    from parcelscope.pipelines.bench import Bench
    from parcelscope.pipelines.bench import bench as measure
    from parcelscope.pipelines.progress import progress

    wanted = Bench(
        feed=feed,
        bundle_folder=bundle,
        owners=owners,
        seconds=seconds,
        workers=workers,
        provider=provider,
        precision=precision,
        isolate=isolate,
        naive=not no_naive,
        yolo=yolo,
    )
    with progress() as report:
        card = measure(wanted, report)
    if as_json:
        print(card.model_dump_json(indent=2))
        return

    from rich.console import Console

    from parcelscope.pipelines.bench_table import print_bench

    print_bench(card, Console(highlight=False, markup=False))
