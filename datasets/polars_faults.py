"""What polars raises on damaged files."""

from typing import Final

import polars as pl

POLARS_FAULTS: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""A panic is no `Exception`: it would go past every other handler and end the run. Damaged Parquet
files panic about once in 350."""
