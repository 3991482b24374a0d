"""The options by which a command is told how far to trust its input."""

import math
from typing import TYPE_CHECKING, Annotated

import typer

from parcelscope.datasets.errors import ConfigError

if TYPE_CHECKING:
    from parcelscope.inference.intake import Intake

IsolateOption = Annotated[
    bool,
    typer.Option(
        "--isolate",
        help="Decode images in processes of their own, so that a decoder that crashes or hangs"
        " costs its image and not the run.",
    ),
]
QuarantineOption = Annotated[
    str | None,
    typer.Option(
        "--max-quarantine-ratio",
        help="Share of the images that may be unreadable, like 25% or 0.25, before the run stops."
        " [default: 25%]",
    ),
]
ItemLimitOption = Annotated[
    float | None,
    typer.Option(
        "--item-limit",
        help="Seconds that reading or decoding one image may take. [default: 30]",
    ),
]


def intake_of(
    isolate: bool, max_quarantine_ratio: str | None, item_limit_s: float | None = None
) -> "Intake":
    """What a run does about its input.

    Raises:
        ConfigError: If the share or the limit is none.
    """
    from parcelscope.inference.intake import TRUSTED, Intake

    share = TRUSTED.max_quarantine_ratio
    return Intake(
        isolate=isolate,
        limit_s=TRUSTED.limit_s if item_limit_s is None else item_limit_s,
        max_quarantine_ratio=share
        if max_quarantine_ratio is None
        else parse_share(max_quarantine_ratio),
    )


def parse_share(text: str) -> float:
    """The share named by `25%` or `0.25`; 0 and 100% are shares too.

    Raises:
        ConfigError: If `text` is no share.
    """
    number = text.strip().removesuffix("%").strip()
    try:
        share = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise ConfigError(
            f"--max-quarantine-ratio must be a share from 0 to 100%, like 25% or 0.25, got {text!r}"
        )
    return share
