"""Options that `serve` and `watch` share, and what they say without their extra."""

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
LogJsonOption = Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")]


@contextmanager
def needing_serve(command: str) -> Iterator[None]:
    """Say which extra to install where the block imports what is not there.

    Raises:
        ConfigError: If it does.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{command} needs the serve extra, but {error.name} is not installed;"
            " install parcelscope[cpu,serve]"
        ) from None
