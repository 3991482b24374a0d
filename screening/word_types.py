"""Words and expressions that packs bring: checked when a pack is read, not when a parcel is."""

from typing import Annotated

import polars as pl
from pydantic import AfterValidator, StringConstraints

Word = Annotated[str, StringConstraints(pattern=r"^[\p{L}\p{N}][\p{L}\p{N}&' -]{0,79}$")]
"""A word or a phrase in letters and digits; nothing in it means something to a search."""


def _compiles(pattern: str) -> str:
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:
        raise ValueError(f"expected a regular expression of polars, got {pattern[:80]!r}") from None
    return pattern


Expression = Annotated[str, StringConstraints(max_length=500), AfterValidator(_compiles)]
"""A regular expression of polars: in time linear in the text, whatever it is."""
