"""`parcelscope calibrate` and `parcelscope evaluate calibration` at the command line."""

from pathlib import Path
from typing import Annotated

import typer

from parcelscope.datasets.errors import ConfigError


def calibrate(
    feed: Annotated[Path, typer.Argument(help="Feed of compliant parcels and cartons.")],
    out: Annotated[Path, typer.Option(help="Folder of the calibrated bundle; new or empty.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle to calibrate; the built-in one if left out.")
    ] = None,
    owner_list: Annotated[
        Path | None,
        typer.Option(help="Text file, one id of a compliant parcel or carton per line."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that score; one per core if left out.")
    ] = None,
) -> None:
    """Make a bundle whose p-values and thresholds come from a facility's own compliant scans."""
    from parcelscope.inference.cores import usable_cores
    from parcelscope.pipelines.calibrate import calibrate as calibrate_bundle
    from parcelscope.pipelines.progress import progress

    with progress() as report:
        made = calibrate_bundle(
            feed,
            out,
            bundle_folder=bundle,
            owner_list=owner_list,
            workers=usable_cores() if workers is None else workers,
            progress=report,
        )
    for line in made.lines():
        print(line)
    print(f"{out}: {made.bundle.name} {made.bundle.version}, digest {made.digest[:12]}")


def evaluate_calibration(
    run: Annotated[Path, typer.Argument(help="Run folder of a feed of compliant parcels.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle of that run; the built-in one if left out.")
    ] = None,
    owner_list: Annotated[
        Path | None,
        typer.Option(help="Text file, one id of a compliant parcel per line; all if left out."),
    ] = None,
) -> None:
    """Compare the p-values of compliant parcels with what they should be, scanner by scanner."""
    try:
        from parcelscope.pipelines.p_values import as_markdown, evaluate_p_values
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"evaluate calibration needs the eval extra, but {error.name} is not installed;"
            " install parcelscope[cpu,eval]"
        ) from None

    print(as_markdown(evaluate_p_values(run, bundle_folder=bundle, owner_list=owner_list)))
