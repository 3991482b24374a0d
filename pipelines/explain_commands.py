"""`parcelscope explain`: why one parcel or carton was assessed as it was."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from parcelscope.datasets.errors import RunError


def explain(
    run: Annotated[Path, typer.Argument(help="Folder of a complete run.")],
    owner_id: Annotated[
        str, typer.Argument(metavar="PARCEL_ID", help="A parcel or master carton of it.")
    ],
    kind: Annotated[
        Literal["parcel", "carton"] | None,
        typer.Option(help="Which of the two, where both have that id."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Bundle that scored the run; built-in, or beside the run, if left out."),
    ] = None,
    feed: Annotated[Path | None, typer.Option(help="Its feed, where that has moved since.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also every finding that counted for nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON, for programs; has everything.")
    ] = False,
) -> None:
    """Replay a run's stored findings and show every value that went into one parcel's risk."""
    from parcelscope.pipelines.explain import as_json as for_programs
    from parcelscope.pipelines.explain import explain as replayed

    told = replayed(run, owner_id, kind=kind, bundle_folder=bundle, feed_folder=feed)
    if as_json:
        print(json.dumps(for_programs(told), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        from parcelscope.pipelines.explain_text import print_explanation

        print_explanation(told, every=every)
    if told.agreement.sameness == "different":
        raise RunError(
            f"{run}: expected the stored findings to come to what is stored, got"
            f" {told.agreement.differences[0]}"
        )
