"""`parcelscope watch`: scores parcels as scanners leave them in a folder."""

from pathlib import Path
from typing import Annotated

import typer

from parcelscope.pipelines.service_options import (
    BundleOption,
    ConfigOption,
    LogJsonOption,
    NumbersOption,
    WedgesOption,
    needing_extra,
)


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that scanners write to.")],
    bundle: BundleOption = None,
    config: ConfigOption = None,
    step_wedges: WedgesOption = None,
    history: NumbersOption = None,
    latency_ms: Annotated[
        int, typer.Option(min=1, max=60_000, help="Latency budget of one parcel, from its turn on.")
    ] = 1000,
    max_wait_ms: Annotated[
        int | None,
        typer.Option(min=1, help="Answer a parcel unscored that waited longer for its turn."),
    ] = None,
    settle_ms: Annotated[
        int, typer.Option(min=1, help="How long nothing in a drop may have changed.")
    ] = 500,
    patience_s: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for what a quiet drop lacks.")
    ] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="Score what is there, then end.")] = False,
    log_json: LogJsonOption = False,
) -> None:
    """Score each parcel that appears in a folder, and move it to done or failed with its answer."""
    with needing_extra("watch"):
        from parcelscope.pipelines.watch import WatchSettings
        from parcelscope.pipelines.watch import watch as watch_folder
    from parcelscope.pipelines.logs import start_logging

    settings = WatchSettings(
        folder=folder,
        bundle=bundle,
        config=config,
        step_wedges=step_wedges,
        history=history,
        latency_budget_s=latency_ms / 1000,
        max_wait_s=None if max_wait_ms is None else max_wait_ms / 1000,
        settle_s=settle_ms / 1000,
        patience_s=patience_s,
        once=once,
    )
    start_logging(as_json=log_json)
    ended = watch_folder(settings, say=lambda line: print(line, flush=True))
    print(f"answered {ended.total():,}: {ended['done']:,} done, {ended['failed']:,} failed")
