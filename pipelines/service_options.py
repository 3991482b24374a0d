"""Options that `serve` and `watch` share, and what commands say without their extra."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from parcelscope.datasets.errors import ConfigError

BundleOption = Annotated[
    Path | None, typer.Option(help="Bundle folder, or a link to one; built-in if left out.")
]
ConfigOption = Annotated[
    Path | None, typer.Option(help="Screening configuration, YAML; built-in if left out.")
]
WedgesOption = Annotated[
    Path | None, typer.Option(help="Table with the step wedges of the scanners.")
]
NumbersOption = Annotated[
    str | None,
    typer.Option(
        "--history",
        envvar="PARCELSCOPE_HISTORY",
        help="Database that keeps the numbers of earlier parcels, as a SQLite file or a URL.",
    ),
]
LogJsonOption = Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")]


@contextmanager
def needing_extra(command: str, extra: str = "serve") -> Iterator[None]:
    """Say which extra to install where the block imports what is not there.

    Raises:
        ConfigError: If it does.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{command} needs the {extra} extra, but {error.name} is not installed;"
            f" install parcelscope[cpu,{extra}]"
        ) from None
