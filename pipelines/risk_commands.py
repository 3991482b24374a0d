"""The command that puts a trained risk into a bundle."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def set_risk(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle to start from.")],
    part: Annotated[Path, typer.Argument(help="`part` folder of `parcelscope train risk`.")],
    out: Annotated[Path, typer.Option(help="Folder of the new bundle; new or empty.")],
    owner: Annotated[
        Literal["parcel", "carton"], typer.Option(help="Whose risk it is.")
    ] = "parcel",
    version: Annotated[
        str | None, typer.Option(help="Version of the new bundle; `+risk` is added if left out.")
    ] = None,
) -> None:
    """Write a bundle with a newly trained risk in place of its own."""
    from parcelscope.pipelines.set_risk import set_risk as write

    digest = write(out, bundle, part, owner, version=version)
    print(f"{out}: digest {digest[:12]}…")
    print("  The risk changed: compare before promoting.")
