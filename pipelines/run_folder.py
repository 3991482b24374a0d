"""The run folder: what a run leaves behind, its names, and how to write and read it back.

`run.json` is written last. A folder without it holds no run, whatever else lies in it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import polars as pl
from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.writing import write_parquet_whole, write_text_whole

FORMAT_VERSION: Final = 1
CARD = "run.json"
REPORT = "report.html"
FLAGS = "flags.parquet"

PartName = Literal[
    "parcels", "cartons", "images", "findings", "not_assessed", "quarantine", "notes"
]
"""Tables kept as folders of numbered parts, so that a large run can be read piece by piece."""
PARTS: tuple[PartName, ...] = get_args(PartName)

QUARANTINE_SCHEMA = pl.Schema(
    {
        "table": pl.String(),
        "row": pl.Int64(),
        "path": pl.String(),
        "owner_id": pl.String(),
        "stage": pl.String(),
        "error_class": pl.String(),
        "code": pl.String(),
        "message": pl.String(),
    }
)
"""`row` counts the data rows of the feed's table from 1; `path` is the image's, if it is one."""


class TableCounts(BaseModel, frozen=True, extra="forbid"):
    """What became of the rows of one table. They add up, or there is no run."""

    rows: int = Field(ge=0)
    assessed: int = Field(ge=0)
    quarantined: int = Field(ge=0)
    missing: int = Field(default=0, ge=0)
    """Images whose file is not there; zero for other tables."""

    def require_sum(self, table: str) -> None:
        """Raise a `RunError` unless every row is counted once."""
        found = self.assessed + self.quarantined + self.missing
        if found != self.rows:
            raise RunError(
                f"table {table}: expected {self.rows} rows to be assessed, missing or quarantined,"
                f" got {found}; nothing was kept of this run, please report it"
            )


class RunCounts(BaseModel, frozen=True, extra="forbid"):
    """How much went in and came out."""

    parcels: TableCounts
    cartons: TableCounts
    images: TableCounts
    findings: int = Field(ge=0)
    not_assessed: int = Field(ge=0)
    flagged_targeted: int = Field(ge=0)
    flagged_random: int = Field(ge=0)

    def require_sums(self) -> None:
        """Raise a `RunError` unless the rows of every table add up."""
        for table in ("parcels", "cartons", "images"):
            getattr(self, table).require_sum(table)


class BundleName(BaseModel, frozen=True, extra="forbid"):
    """Which models scored."""

    name: str
    version: str
    digest: str
    """SHA-256 of the bundle's card, which itself names the digest of every model."""


class RunCard(BaseModel, frozen=True, extra="forbid"):
    """`run.json`: enough to know what was run, with what, and what came out."""

    format_version: Literal[1] = FORMAT_VERSION
    run_id: str
    feed: str
    created: str
    """When the run began, UTC, ISO 8601."""
    bundle: BundleName
    config: dict[str, Any]
    budget: float
    """Share of parcels, and of cartons, that may be flagged."""
    seed: int
    workers: int
    versions: dict[str, str]
    counts: RunCounts
    timings_s: dict[str, float]
    """By stage, in order."""

    @property
    def total_s(self) -> float:
        """Seconds of all stages together."""
        return sum(self.timings_s.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A complete run, read back."""

    folder: Path
    card: RunCard
    parcels: pl.DataFrame
    cartons: pl.DataFrame
    images: pl.DataFrame
    """What became of each row of the images table."""
    findings: pl.DataFrame
    not_assessed: pl.DataFrame
    quarantine: pl.DataFrame
    """Rows and images that could not be read."""
    notes: pl.DataFrame
    """Rows that were read although something about them is odd."""
    flags: pl.DataFrame


@contextmanager
def new_run_folder(folder: Path) -> Iterator[Path]:
    """An empty `folder` to write a run into; emptied again if the block fails.

    Raises:
        RunError: If the folder holds anything, is a file, or cannot be made.
    """
    require_free(folder)
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: cannot make the run folder: {error.strerror}") from None
    try:
        yield folder
    except BaseException:
        # Also on Ctrl-C: half a run must not lie about as if it were one.
        _remove_run(folder, made=made)
        raise


def require_free(folder: Path) -> None:
    """Refuse a run folder that is in use.

    Raises:
        RunError: If `folder` is a file or holds anything.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RunError(f"{folder}: expected a folder for the run, got a file; name another --out")
    if (folder / CARD).exists():
        raise RunError(f"{folder}: already holds a run; name another --out or delete it first")
    if any(folder.iterdir()):
        raise RunError(
            f"{folder}: expected an empty or new folder, got one with files but no {CARD}"
            " (perhaps a run that was cut off); name another --out or delete it first"
        )


def write_part(folder: Path, name: PartName, number: int, rows: pl.DataFrame) -> None:
    """Write `rows` as part `number` of table `name`; without rows it still keeps the columns."""
    write_parquet_whole(rows, folder / name / f"part-{number:05d}.parquet")


def write_flags(folder: Path, flags: pl.DataFrame) -> None:
    """Write the flagged list, one row per flagged parcel or carton."""
    write_parquet_whole(flags, folder / FLAGS)


def write_card(folder: Path, card: RunCard) -> None:
    """Write `run.json`; from then on the run is complete.

    Raises:
        RunError: If the counts do not add up.
    """
    card.counts.require_sums()
    write_text_whole(folder / CARD, card.model_dump_json(indent=2) + "\n")


def read_run(folder: Path) -> Run:
    """The run in `folder`.

    Raises:
        RunError: If there is no complete run, or a part of it is missing or unreadable.
    """
    card = _read_card(folder)
    tables = {name: _read_parts(folder, name) for name in PARTS}
    return Run(folder=folder, card=card, flags=_read_parquet(folder / FLAGS), **tables)


def _read_card(folder: Path) -> RunCard:
    path = folder / CARD
    if not path.is_file():
        raise RunError(f"{folder}: expected a complete run with a {CARD}, found none")
    try:
        return RunCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RunError(f"{path}: {where}: {first['msg']}") from None


def _read_parts(folder: Path, name: str) -> pl.DataFrame:
    paths = sorted((folder / name).glob("part-*.parquet"))
    if not paths:
        raise RunError(f"{folder / name}: expected at least part-00000.parquet, found none")
    return pl.concat([_read_parquet(path) for path in paths])


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: cannot be read as Parquet: {reason}") from None


def _remove_run(folder: Path, *, made: bool) -> None:
    """Take away what a run wrote into `folder`, and `folder` itself if the run made it."""
    if made:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
