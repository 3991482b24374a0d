"""What most rows of one kind have, so that the few without it stand out."""

from collections.abc import Sequence

import polars as pl


def with_usual_share(rows: pl.DataFrame, has: pl.Expr, group: Sequence[str]) -> pl.DataFrame:
    """`rows` with `has`, and of its group `usual_rows` and `usual_share` (0 to 1) that have it.

    Rows with nothing in a column of `group` are a group too.
    """
    flagged = rows.with_columns(has.fill_null(value=False).alias("has"))
    shares = flagged.group_by(*group).agg(
        pl.len().alias("usual_rows"), pl.col("has").mean().alias("usual_share")
    )
    return flagged.join(shares, on=list(group), how="left", nulls_equal=True)
