"""What officers decided: the table of decisions, read at the edge and laid beside runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from parcelscope.datasets.columns import ID_PATTERN, Column, TableSchema
from parcelscope.datasets.errors import FeedError, ParcelscopeError, RunError
from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.tables import ROW, read_table
from parcelscope.pipelines.run_folder import Run, read_run

KEYS: Final[dict[OwnerKind, str]] = {"parcel": "parcel_id", "carton": "carton_id"}


def _text(name: str, meaning: str) -> Column:
    return Column(name=name, type="text", meaning=meaning, pattern=ID_PATTERN)


DECISIONS: Final = TableSchema(
    name="decisions",
    meaning="One row per exam of a parcel or master carton, or per one that did not take place.",
    key=(),
    columns=(
        _text("parcel_id", "The parcel that was examined; either it or carton_id is given."),
        _text("carton_id", "The master carton that was examined."),
        Column(
            name="outcome",
            type="text",
            meaning="What the exam came to.",
            required=True,
            choices=("violation", "compliant", "not_examined"),
        ),
        _text("run_id", "The run that flagged it; needed where several runs have the same id."),
        Column(
            name="referred_at",
            type="datetime",
            meaning="When it was set aside; the run's own time where it is left out.",
        ),
        Column(name="exam_started_at", type="datetime", meaning="When the exam began."),
        Column(
            name="exam_ended_at",
            type="datetime",
            meaning="When the exam ended and a compliant parcel went on its way.",
        ),
        Column(
            name="minutes",
            type="number",
            meaning="Officer-minutes that the exam took; from its times where it is left out.",
            unit="min",
            minimum=0,
            maximum=10_000,
        ),
        _text("officer", "Pseudonym of the officer: never a name."),
        _text("facility", "Where the exam took place."),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Rows of the decisions that count for nothing, and why."""

    reason: str
    rows: int
    first: int
    """Row of the file, from 1, where it is so first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Runs with what came of their flags."""

    runs: tuple[Run, ...]
    population: pl.DataFrame
    """Each parcel and carton of each run: run_id, owner_kind, owner_id, risk, arm, propensity,
    facility, then the decision on it: outcome, referred_at, exam_started_at, exam_ended_at,
    minutes, officer, exam_facility; null where there is none."""
    second: pl.DataFrame
    """Decisions of a second officer: run_id, owner_kind, owner_id, officer, outcome."""
    rows: int
    """Rows of the decisions."""
    left_out: tuple[LeftOut, ...]
    without_feed: tuple[str, ...]
    """Runs whose feed is not there any more, and why; their facilities are not known."""


def read_decided(folders: Sequence[Path], decisions: Path) -> Decided:
    """The runs in `folders` beside the table `decisions`.

    A row that cannot be taken is left out and told; nothing is dropped silently.

    Raises:
        RunError: If a folder has no complete run, two have the same, or its propensities were not
            logged.
        FeedError: If the decisions cannot be read.
    """
    runs = tuple(read_run(folder) for folder in folders)
    names = [run.card.run_id for run in runs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise RunError(f"run {min(twice)} was named twice; name each run once")
    frames, without_feed = [], []
    for run in runs:
        frame, why = _population(run)
        frames.append(frame)
        if why is not None:
            without_feed.append(why)
    population = pl.concat(frames)
    read = read_table(decisions, DECISIONS)
    left_out = [
        LeftOut(reason=f"{column or 'the row'} must be {expected}", rows=rows, first=int(first))
        for column, expected, rows, first in read.rejected.group_by("column", "expected")
        .agg(pl.len(), pl.col("row").min())
        .sort("row")
        .iter_rows()
    ]
    told, more = _placed(read.frame, population)
    left_out += more
    first, second, more = _first_of_each(told)
    left_out += more
    joined = population.join(
        first.drop(ROW).rename({"facility": "exam_facility"}),
        on=["run_id", "owner_kind", "owner_id"],
        how="left",
        maintain_order="left",
    )
    return Decided(
        runs=runs,
        population=joined,
        second=second,
        rows=read.rows,
        left_out=tuple(left_out),
        without_feed=tuple(without_feed),
    )


def _population(run: Run) -> tuple[pl.DataFrame, str | None]:
    """Everyone of `run` once, with facility; and why the facilities are not known."""
    if "propensity" not in run.parcels.columns:
        raise RunError(
            f"{run.folder}: expected a run that logged the propensity of every parcel, got one of"
            " an earlier release; screen the feed again"
        )
    tables: dict[OwnerKind, pl.DataFrame] = {"parcel": run.parcels, "carton": run.cartons}
    told = ["risk", "arm", "propensity"]
    everyone = pl.concat(
        [
            table.sort(KEYS[kind], "verdict")
            .unique(KEYS[kind], keep="first", maintain_order=True)
            .select(
                pl.lit(run.card.run_id).alias("run_id"),
                pl.lit(kind).alias("owner_kind"),
                pl.col(KEYS[kind]).alias("owner_id"),
                *told,
            )
            for kind, table in tables.items()
        ]
    )
    try:
        feed = read_feed(Path(run.card.feed))
    except (ParcelscopeError, OSError) as error:
        unknown = everyone.with_columns(pl.lit(None, pl.String()).alias("facility"))
        return unknown, f"{run.card.run_id}: {error}"
    manifest: dict[OwnerKind, pl.DataFrame] = {"parcel": feed.parcels, "carton": feed.cartons}
    places = pl.concat(
        [
            table.select(
                pl.lit(kind).alias("owner_kind"), pl.col(KEYS[kind]).alias("owner_id"), "facility"
            )
            for kind, table in manifest.items()
        ]
    )
    placed = everyone.join(places, on=["owner_kind", "owner_id"], how="left", maintain_order="left")
    return placed, None


def _placed(rows: pl.DataFrame, population: pl.DataFrame) -> tuple[pl.DataFrame, list[LeftOut]]:
    """`rows` with run_id, owner_kind and owner_id; those that fit no run are left out."""
    parcel, carton = pl.col("parcel_id").is_not_null(), pl.col("carton_id").is_not_null()
    named = rows.with_columns(
        pl.when(parcel).then(pl.lit("parcel")).otherwise(pl.lit("carton")).alias("owner_kind"),
        pl.coalesce("parcel_id", "carton_id").alias("owner_id"),
        (parcel != carton).alias("one"),
        (pl.col("exam_ended_at") < pl.col("exam_started_at"))
        .fill_null(value=False)
        .alias("backwards"),
    )
    known = population.group_by("owner_kind", "owner_id").agg(
        pl.col("run_id").n_unique().alias("runs"), pl.col("run_id").first().alias("only")
    )
    found = named.join(known, on=["owner_kind", "owner_id"], how="left", maintain_order="left")
    fits = population.select("run_id", "owner_kind", "owner_id", pl.lit(value=True).alias("fits"))
    told = found.with_columns(
        pl.coalesce("run_id", pl.when(pl.col("runs") == 1).then("only")).alias("run_id")
    ).join(fits, on=["run_id", "owner_kind", "owner_id"], how="left", maintain_order="left")
    reason = (
        pl.when(~pl.col("one"))
        .then(pl.lit("either parcel_id or carton_id must be given, and not both"))
        .when(pl.col("backwards"))
        .then(pl.lit("exam_ended_at lies before exam_started_at"))
        .when(pl.col("runs").is_null())
        .then(pl.lit("no run that was named has this parcel or carton"))
        .when(pl.col("run_id").is_null())
        .then(pl.lit("several of the runs have this id; run_id must say which is meant"))
        .when(pl.col("fits").is_null())
        .then(pl.lit("the run that it names does not have it, or was not named"))
    )
    judged = told.with_columns(reason.alias("reason"))
    good = judged.filter(pl.col("reason").is_null())
    columns = [name for name in DECISIONS.names if name not in ("parcel_id", "carton_id")]
    return good.select("owner_kind", "owner_id", *columns, ROW), _left_out(
        judged.filter(pl.col("reason").is_not_null())
    )


def _first_of_each(
    rows: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame, list[LeftOut]]:
    """One decision on each, the one by a second officer, and the rows beyond these.

    An exam goes before none, then what was earlier in the file.
    """
    owner = ["run_id", "owner_kind", "owner_id"]
    ordered = rows.sort(pl.col("outcome") == "not_examined", ROW)
    first = ordered.unique(owner, keep="first", maintain_order=True)
    others = ordered.join(first.select(*owner, ROW), on=[*owner, ROW], how="anti")
    by = first.select(*owner, pl.col("officer").alias("first_officer"))
    compared = others.join(by, on=owner, how="left", maintain_order="left")
    is_second = (
        (pl.col("officer") != pl.col("first_officer")) & (pl.col("outcome") != "not_examined")
    ).fill_null(value=False)
    second = compared.filter(is_second).unique(owner, keep="first", maintain_order=True)
    rest = compared.join(second.select(*owner, ROW), on=[*owner, ROW], how="anti").with_columns(
        pl.lit("another row decides on the same").alias("reason")
    )
    return first, second.select(*owner, "officer", "outcome"), _left_out(rest)


def _left_out(rows: pl.DataFrame) -> list[LeftOut]:
    return [
        LeftOut(reason=reason, rows=count, first=int(first))
        for reason, count, first in rows.group_by("reason")
        .agg(pl.len(), pl.col(ROW).min())
        .sort(ROW)
        .iter_rows()
    ]


def require_some(decided: Decided, path: Path) -> None:
    """Refuse decisions of which none is about the runs.

    Raises:
        FeedError: With the commonest reason.
    """
    if decided.population.get_column("outcome").null_count() < decided.population.height:
        return
    most = max(decided.left_out, key=lambda one: one.rows, default=None)
    why = f": {most.reason} ({most.rows:,} rows, first row {most.first})" if most else ""
    raise FeedError(f"{path}: expected decisions on parcels or cartons of the runs, got none{why}")
