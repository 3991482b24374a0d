"""`parcelscope warmup`: get a machine ready to score, and see what it will score with."""

from pathlib import Path
from typing import Annotated

import typer

from parcelscope.pipelines.provider_options import (
    PrecisionOption,
    ProviderOption,
    provider_choice,
)


def warmup(
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a model bundle; the built-in one if left out.")
    ] = None,
    provider: ProviderOption = "auto",
    precision: PrecisionOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Load a bundle, build and cache what the provider needs, test it, and print a table."""
    from parcelscope.pipelines.warmup import warm_up

    found = warm_up(bundle, provider_choice(provider, precision, test_cpu=True))
    if as_json:
        print(found.as_json())
        return
    for line in found.lines():
        print(line)
