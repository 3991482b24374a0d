"""`parcelscope review outcomes`: what exams found, for `parcelscope report outcomes`."""

from collections import Counter
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parcelscope.datasets.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import Engine

Out = Annotated[Path, typer.Option(help="Table of decisions to write, CSV.")]


def outcomes(
    out: Out,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="PARCELSCOPE_REVIEW_DATABASE",
            help="Review database, a file or a URL like postgresql://. [runs/review.sqlite]",
        ),
    ] = None,
) -> None:
    """Write what exams found as the decisions that `report outcomes` reads."""
    from parcelscope.review.database import open_as_it_is, review_url

    if out.suffix.lower() != ".csv":
        raise ConfigError(f"--out: expected a file that ends in .csv, got {out}")
    counts = write_outcomes(open_as_it_is(review_url(database)), out)
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(counts.items()))
    total = sum(counts.values())
    exams = "exam" if total == 1 else "exams"
    print(f"{out}: {total:,} {exams} logged" + (f": {told}" if told else ""))


def write_outcomes(engine: "Engine", out: Path) -> Counter[str]:
    """Write the exams of the review database `engine` to `out`; how many of each outcome."""
    import polars as pl

    from parcelscope.datasets.writing import write_csv_whole
    from parcelscope.review.database import reading
    from parcelscope.review.outcomes import OutcomeRow, outcome_rows

    with reading(engine) as connection:
        rows = list(outcome_rows(connection))
    schema = {one.name: pl.String() for one in fields(OutcomeRow)}
    write_csv_whole(pl.DataFrame([asdict(row) for row in rows], schema=schema), out)
    return Counter(row.outcome for row in rows)
