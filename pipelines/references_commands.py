"""`parcelscope references`: genuine packaging to compare photos with."""

from pathlib import Path
from typing import Annotated

import typer

from parcelscope.datasets.errors import ConfigError

references_app = typer.Typer(help="Genuine packaging to compare photos with.", no_args_is_help=True)


@references_app.command("build")
def references_build(
    references: Annotated[
        Path, typer.Argument(help="Genuine photos: <sku>/*.jpg or <brand>/<sku>/*.jpg.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    bundle: Annotated[
        Path | None,
        typer.Option(help="Bundle to add them to: OUT is then a whole bundle, else a part of one."),
    ] = None,
) -> None:
    """Make the references of a bundle from genuine photos. Needs `[train]`."""
    try:
        from parcelscope.training.reference_set import build_references
    except ModuleNotFoundError as error:
        raise _needs_training(error) from None

    section = build_references(
        references,
        out,
        bundle_folder=bundle,
        told=lambda report: print("\n".join(report.lines), flush=True),
    )
    print(f"{out}: {len(section.cards)} genuine references")


@references_app.command("check")
def references_check(
    references: Annotated[
        Path, typer.Argument(help="Genuine photos: <sku>/*.jpg or <brand>/<sku>/*.jpg.")
    ],
) -> None:
    """Say of each SKU whether its photos are enough and good. Needs `[train]`."""
    try:
        from parcelscope.training.reference_set import check_references
    except ModuleNotFoundError as error:
        raise _needs_training(error) from None

    reports = check_references(
        references, told=lambda report: print("\n".join(report.lines), flush=True)
    )
    usable = sum(report.built is not None for report in reports)
    print(f"{references}: {usable} of {len(reports)} SKUs can be compared with")


@references_app.command("list")
def references_list(
    path: Annotated[
        Path | None, typer.Argument(help="Bundle folder; the built-in one if left out.")
    ] = None,
) -> None:
    """Print the genuine references of a bundle."""
    from parcelscope.models.bundle import builtin_bundle_folder, load_bundle

    folder = builtin_bundle_folder() if path is None else path
    bundle, _ = load_bundle(folder)
    if bundle.references is None:
        print(f"{bundle.name} {bundle.version}: no genuine references")
        return
    for card in bundle.references.cards:
        size_mb = (folder / card.file).stat().st_size / 1e6
        brand = f", {card.brand}" if card.brand else ""
        print(
            f"{card.sku}{brand}: {card.photos} photos, smallest p-value"
            f" {1 / (1 + card.photos):.3f}, {size_mb:.1f} MB"
        )


def _needs_training(error: ModuleNotFoundError) -> ConfigError:
    return ConfigError(
        f"references needs the training extra, but {error.name} is not installed;"
        " install parcelscope[cpu,train]"
    )
