"""`parcelscope dataset`: sets of annotated images brought in, looked at, checked and given out."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from parcelscope.datasets.errors import DatasetError

dataset_app = typer.Typer(
    help="Bring in, look at and check sets of annotated images.", no_args_is_help=True
)

MOST_SHOWN = 20
"""Lines about single pictures that are printed; the rest is counted."""


@dataset_app.command("import")
def dataset_import(
    name: Annotated[str, typer.Argument(help="Set or layout; `dataset list` names them.")],
    src: Annotated[Path, typer.Argument(help="Folder with the set, unpacked.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    variant: Annotated[
        str | None, typer.Option(help="Part of the set, where it has several; see `dataset list`.")
    ] = None,
    split: Annotated[
        Literal["auto", "clean", "published", "new"],
        typer.Option(
            help="clean: the set's own, without training pictures that are alike or of one group"
            " with held-out ones, and with a validation part drawn where it has none; published:"
            " exactly its own; new: drawn by group; auto: clean where the set has one, else new."
        ),
    ] = "auto",
    val: Annotated[float, typer.Option(help="Share for validation in a new split.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share for the test in a new split.")] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="Decides a new split.")] = 0,
    groups: Annotated[
        Path | None,
        typer.Option(help="CSV with a column file, and others such as sender and carton."),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Name of the set, where NAME is only its layout.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of its pictures, where NAME is only its layout.")
    ] = None,
    copy: Annotated[
        bool,
        typer.Option("--copy/--link", help="Copy the pictures, or link to them where possible."),
    ] = False,
) -> None:
    """Bring a public set, or your own in a common layout, into the form that recipes read."""
    from parcelscope.datasets.adapters.catalog import adapter_of
    from parcelscope.datasets.adapters.importing import import_set
    from parcelscope.datasets.adapters.splitting import Splitting
    from parcelscope.pipelines.dataset_summary import summary_lines
    from parcelscope.pipelines.progress import progress

    adapter = adapter_of(name)
    splitting = Splitting(mode=split, val_share=val, test_share=test, seed=seed, groups=groups)
    with progress() as report:
        done = import_set(
            adapter,
            src,
            out,
            variant=variant,
            splitting=splitting,
            title=title,
            licence=licence,
            copy=copy,
            progress=report,
        )
    for line in summary_lines(done.annotated):
        print(line)
    if done.left_out:
        print(f"left out: {len(done.left_out):,} pictures or boxes, listed in {out}/left_out.txt")
    if done.straddling:
        print(
            f"note: {done.straddling:,} groups lie on both sides of the published split,"
            " so figures on it are too good"
        )


@dataset_app.command("list")
def dataset_list() -> None:
    """Name the sets and layouts that can be imported, what each is, and its licence."""
    from parcelscope.datasets.adapters.catalog import ADAPTERS

    for adapter in ADAPTERS.values():
        print(f"{adapter.name:<12}{adapter.title}: {adapter.what}")
        print(f"{'':<12}licence: {adapter.licence}")
        if adapter.variants:
            print(f"{'':<12}--variant: {adapter.variants}")
    print("parcelscope ships no picture of any of them, and no weights trained on them.")


@dataset_app.command("export")
def dataset_export(
    form: Annotated[Literal["coco", "yolo"], typer.Argument(metavar="FORMAT", help="coco or yolo")],
    src: Annotated[Path, typer.Argument(help="Data set, as `dataset import` wrote it.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    copy: Annotated[
        bool,
        typer.Option("--copy/--link", help="Copy the pictures, or link to them where possible."),
    ] = False,
) -> None:
    """Give a data set to tools that read COCO or YOLO."""
    from parcelscope.datasets.adapters.exporting import export_set
    from parcelscope.datasets.annotated import read_annotated

    annotated = read_annotated(src)
    export_set(annotated, out, form, copy=copy)
    print(f"{out}: {len(annotated.images):,} images as {form}")


@dataset_app.command("summary")
def dataset_summary(
    folder: Annotated[Path, typer.Argument(help="Data set, as `dataset import` wrote it.")],
    sheet: Annotated[
        Path | None,
        typer.Option(help="Picture with samples to write; summary.png in the set if left out."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the samples.")] = 0,
) -> None:
    """Print counts, classes and sizes, and draw sample pictures with their boxes on one sheet."""
    from parcelscope.datasets.annotated import read_annotated
    from parcelscope.pipelines.dataset_summary import summary_lines, write_sheet

    annotated = read_annotated(folder)
    for line in summary_lines(annotated):
        print(line)
    path = folder / "summary.png" if sheet is None else sheet
    shown = write_sheet(annotated, path, seed=seed)
    print(f"{path}: {shown} samples")


@dataset_app.command("check")
def dataset_check(
    folder: Annotated[Path, typer.Argument(help="Data set, as `dataset import` wrote it.")],
) -> None:
    """Find faults: duplicates across splits, bad boxes, unreadable files. Exit code 2 if any."""
    from collections import Counter

    from parcelscope.datasets.annotated import read_annotated
    from parcelscope.datasets.annotated_check import check_set
    from parcelscope.pipelines.progress import progress

    annotated = read_annotated(folder)
    with progress() as report:
        found = check_set(annotated, progress=lambda done, total: report("checking", done, total))
    _print_some([f"{fault.kind}: {fault.message}" for fault in found.faults], "faults")
    _print_some([f"note: {note}" for note in found.notes], "notes")
    if found.faults:
        counts = Counter(fault.kind for fault in found.faults)
        words = ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())
        raise DatasetError(f"{folder}: faults found: {words}")
    print(f"{folder}: no fault in {len(annotated.images):,} images")


def _print_some(lines: list[str], what: str) -> None:
    for line in lines[:MOST_SHOWN]:
        print(line)
    if len(lines) > MOST_SHOWN:
        print(f"and {len(lines) - MOST_SHOWN:,} more {what}")
