"""The run folder: what a run leaves behind, its names, and how to write and read it back.

`run.json` is written last and lists the parts that count. Without it a folder holds no whole run;
with `plan.json` it holds one that can go on.
"""

import hashlib
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import polars as pl
from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.embeddings import EMBEDDING_SCHEMA
from parcelscope.datasets.errors import RunError, first_fault
from parcelscope.datasets.writing import parquet_bytes, write_text_whole, write_whole
from parcelscope.inference.providers import ProviderCard
from parcelscope.inference.shards import PartFile
from parcelscope.pipelines.indicator_names import PackName, RuleName
from parcelscope.pipelines.tier_accounts import TierCounts
from parcelscope.screening.budget import Budget

FORMAT_VERSION: Final = 1
CARD = "run.json"
PLAN = "plan.json"
"""What a run is of; written first."""
LEDGER = "ledger.sqlite"
"""The ledger of a run that has no other database."""
FINISH_LOCK = ".finish.lock"
REPORT = "report.html"
FLAGS = "flags.parquet"
SNAPSHOT = "history.parquet"
"""What earlier windows saw of the numbers of this run, as of its beginning."""

PartName = Literal[
    "parcels", "cartons", "images", "findings", "not_assessed", "embeddings", "quarantine", "notes"
]
"""Tables kept as folders of numbered parts, so that a large run can be read piece by piece."""
PARTS: tuple[PartName, ...] = get_args(PartName)
FLAGS_TABLE: Final = "flags"
_OTHER_FOLDERS = ("shadow", "references")
_ASIDE = re.compile(r"\..+\.[a-z0-9_]+\.part")
"""What `write_whole` calls a file until it is whole."""

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
    degraded: int = Field(default=0, ge=0)
    """Images that were read, but on which a check failed; zero for other tables."""

    def require_sum(self, table: str) -> None:
        """Raise a `RunError` unless every row is counted once."""
        found = self.assessed + self.degraded + self.quarantined + self.missing
        if found != self.rows:
            raise RunError(
                f"table {table}: expected {self.rows} rows to be assessed, degraded, missing or"
                f" quarantined, got {found}; please report it"
            )


class RunCounts(BaseModel, frozen=True, extra="forbid"):
    """How much went in and came out."""

    parcels: TableCounts
    cartons: TableCounts
    images: TableCounts
    findings: int = Field(ge=0)
    not_assessed: int = Field(ge=0)
    flagged_targeted: int = Field(ge=0)
    flagged_uncertain: int = Field(default=0, ge=0)
    """Zero in runs of earlier releases, which had no such arm."""
    flagged_random: int = Field(ge=0)
    with_carton: int = Field(default=0, ge=0)
    """Parcels that come with a flagged carton; they have no flag of their own."""

    @property
    def flagged(self) -> int:
        """Flags of all arms."""
        return self.flagged_targeted + self.flagged_uncertain + self.flagged_random

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
    indicator_packs: tuple[PackName, ...] | None = None
    """In order; None in runs of earlier releases, whose `config` holds all parameters."""
    indicator_rules: tuple[RuleName, ...] = ()
    """The entries of the packs that were in force; none in runs of earlier releases."""
    standing: dict[str, str] = {}
    """SHA-256 of the policy packs, and of the tables of rates and traders where there were any."""
    trader_tiers: TierCounts | None = None
    """What the tiers of traders did; None where no parcel had one."""
    budget: float | Budget
    """Share of parcels, and of cartons, that may be flagged; or officer-minutes."""
    seed: int
    workers: int
    versions: dict[str, str]
    provider: ProviderCard | None = None
    """What the models ran on; None in runs of earlier releases, which ran on the CPU."""
    counts: RunCounts
    timings_s: dict[str, float]
    """By stage, in order; of the process that finished the run."""
    fingerprint: str | None = None
    """SHA-256 over all that decides the results; None in runs of early releases."""
    executor: str = "local"
    shards: int = 1
    parts: tuple[PartFile, ...] | None = None
    """The files that count, as the ledger lists them; None in runs of early releases."""
    history: str | None = None
    """URL of the database in which numbers of earlier windows were looked up, without a password;
    None where numbers used again were looked for in this feed alone."""

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
    embeddings: pl.DataFrame
    """Where each scan lies among all scans, columns as `EMBEDDING_SCHEMA`."""
    quarantine: pl.DataFrame
    """Rows and images that could not be read."""
    notes: pl.DataFrame
    """Rows that were read although something about them is odd."""
    flags: pl.DataFrame


def require_free(folder: Path) -> None:
    """Refuse a run folder that is in use.

    Raises:
        RunError: If `folder` is a file or holds anything.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RunError(f"{folder}: expected a folder for the run, got a file; name another --out")
    if any(folder.iterdir()):
        raise RunError(
            f"{folder}: expected an empty or new folder, got one with files; name another --out"
        )


def part_file(name: PartName, number: int) -> str:
    """Where part `number` of table `name` lies in a run folder, whoever writes it."""
    return f"{name}/part-{number:05d}.parquet"


def write_part(folder: Path, name: PartName, number: int, rows: pl.DataFrame) -> PartFile:
    """Write `rows` as part `number` of table `name`; without rows it still keeps the columns."""
    return _write_table(folder, name, part_file(name, number), rows)


def write_flags(folder: Path, flags: pl.DataFrame) -> PartFile:
    """Write the flagged list, one row per flagged parcel or carton."""
    return _write_table(folder, FLAGS_TABLE, FLAGS, flags)


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
    card = read_card(folder)
    if card.parts is None:
        parts = {name: _listed(folder, name) for name in PARTS}
    else:
        parts = {name: _named(folder, name, card.parts) for name in PARTS}
    tables = {name: _read_table(name, parts[name]) for name in PARTS}
    return Run(folder=folder, card=card, flags=_read_parquet(folder / FLAGS), **tables)


def scan_table(folder: Path, card: RunCard, name: PartName) -> pl.LazyFrame:
    """Table `name` of the run in `folder`, to be searched without being held in memory.

    Raises:
        RunError: If a part of it is missing.
    """
    parts = _listed(folder, name) if card.parts is None else _named(folder, name, card.parts)
    if name == "embeddings" and not parts:  # runs of earlier releases have none
        return pl.LazyFrame(schema=EMBEDDING_SCHEMA)
    return pl.scan_parquet(parts, glob=False)


def read_flags(folder: Path) -> pl.DataFrame:
    """The flagged list of the run in `folder`.

    Raises:
        RunError: If it is missing or unreadable.
    """
    return _read_parquet(folder / FLAGS)


def read_card(folder: Path) -> RunCard:
    """The card of the complete run in `folder`.

    Raises:
        RunError: If there is none.
    """
    path = folder / CARD
    if not path.is_file():
        raise RunError(f"{folder}: expected a complete run with a {CARD}, found none")
    try:
        return RunCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RunError(f"{path}: {first_fault(error.errors())}") from None


def read_committed(folder: Path, part: PartFile) -> pl.DataFrame:
    """The rows of `part`, if its file is the very one that was committed.

    Raises:
        RunError: If it is not there or was changed.
    """
    path = folder / part.file
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise RunError(
            f"{path}: the ledger lists this file, but it is not there; start over with --fresh"
        ) from None
    if found != part.sha256:
        raise RunError(
            f"{path}: expected the file that was committed, SHA-256 {part.sha256[:12]}…, got"
            f" {found[:12]}…; start over with --fresh"
        )
    return _read_parquet(path)


def sweep(folder: Path, keep: Iterable[PartFile]) -> None:
    """Delete what a process that was cut off left in the run `folder`: whatever no ledger lists."""
    kept = {part.file for part in keep}
    for entry in folder.iterdir():
        if _ASIDE.fullmatch(entry.name):
            entry.unlink(missing_ok=True)
    for name in PARTS:
        for entry in _entries(folder / name):
            left_over = entry.match("part-*.parquet") and f"{name}/{entry.name}" not in kept
            if left_over or _ASIDE.fullmatch(entry.name):
                entry.unlink(missing_ok=True)


def remove_run(folder: Path) -> None:
    """Delete what a run wrote into `folder`, and nothing else.

    Raises:
        RunError: If the folder holds something, but no run.
    """
    if not any((folder / name).is_file() for name in (CARD, PLAN)):
        require_free(folder)
        return
    # The plan last: until it is gone, whoever looks sees that this was a run.
    sweep(folder, ())
    for other in _OTHER_FOLDERS:
        shutil.rmtree(folder / other, ignore_errors=True)
    for name in PARTS:
        if (folder / name).is_dir() and not any((folder / name).iterdir()):
            (folder / name).rmdir()
    for file in (FINISH_LOCK, FLAGS, REPORT, SNAPSHOT, f"{LEDGER}-journal", LEDGER, CARD, PLAN):
        (folder / file).unlink(missing_ok=True)


def _write_table(folder: Path, table: str, file: str, rows: pl.DataFrame) -> PartFile:
    content = parquet_bytes(rows)
    write_whole(folder / file, content)
    return PartFile(
        table=table,
        file=file,
        rows=rows.height,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _named(folder: Path, name: str, parts: Iterable[PartFile]) -> list[Path]:
    """The files of table `name` that the card lists."""
    paths = [folder / part.file for part in parts if part.table == name]
    for path in paths:
        if not path.is_file():
            raise RunError(f"{path}: the run lists this file, but it is not there")
    return paths


def _listed(folder: Path, name: str) -> list[Path]:
    """The parts of table `name` in a run whose card does not list them."""
    paths = sorted((folder / name).glob("part-*.parquet"))
    if not paths and name != "embeddings":
        raise RunError(f"{folder / name}: expected at least part-00000.parquet, found none")
    return paths


def _read_table(name: PartName, parts: Sequence[Path]) -> pl.DataFrame:
    if name == "embeddings" and not parts:  # runs of earlier releases have none
        return pl.DataFrame(schema=EMBEDDING_SCHEMA)
    return pl.concat([_read_parquet(path) for path in parts])


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: cannot be read as Parquet: {reason}") from None
