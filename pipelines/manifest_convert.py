"""`parcelscope manifest convert`: manifests made a feed, and what was said of them."""

import contextlib
import datetime
import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import polars as pl

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.datasets.manifests.entries import Format
from parcelscope.datasets.manifests.reading import Manifests, read_manifests
from parcelscope.datasets.manifests.verdicts import VERDICT_SCHEMA
from parcelscope.datasets.writing import write_parquet_whole, write_text_whole
from parcelscope.pipelines.versions import parcelscope_version

PROVENANCE: Final = "provenance"
"""Folder beside the tables with the origin of each value, in parts."""
VERDICTS: Final = "verdicts.parquet"
CONVERSION: Final = "conversion.json"
WORDS: Final = {
    "rejected": "rejected",
    "without_value": "taken without a value",
    "note": "noted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a conversion came to."""

    out: Path
    manifests: Manifests

    def lines(self) -> list[str]:
        """The counts in words, for people."""
        return [
            f"{self.out}: {self.manifests.parcels.height:,} parcels and"
            f" {self.manifests.cartons.height:,} cartons of {len(self.manifests.files):,} files",
            *count_lines(self.manifests),
        ]


def convert(
    sources: Sequence[Path],
    out: Path,
    *,
    form: Format | None = None,
    fill: dict[str, str] | None = None,
    with_provenance: bool = True,
    strict: bool = False,
) -> Conversion:
    """Write the manifests in `sources` as a feed into `out`, whole or not at all.

    Args:
        sources: Files and folders.
        out: New or empty folder.
        form: The form of all files; told by their content if left out.
        fill: Fields of parcels to fill where the sources have nothing.
        with_provenance: Write the origin of each value as well.
        strict: Refuse the whole where anything was rejected or left without its value.

    Raises:
        FeedError: If `out` is in use, a source is not there, there is no parcel in any, or `strict`
            finds a fault.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FeedError(f"{out}: expected a new or empty folder to make a feed in, got one in use")
    manifests = read_manifests(sources, form=form, fill=fill)
    if strict and (lost := faults(manifests)):
        first = verdict_lines(manifests.verdicts.filter(pl.col("verdict") != "note"), most=1)[0]
        raise FeedError(
            f"{lost:,} faults in the manifests, so no feed was made; the first: {first}"
        )
    if manifests.parcels.is_empty():
        told = verdict_lines(manifests.verdicts, most=1)
        raise FeedError(
            f"expected a parcel in {', '.join(str(source) for source in sources)}, got none"
            + (f"; the first verdict: {told[0]}" if told else "")
        )
    with _aside(out) as folder:
        _write(folder, manifests, with_provenance=with_provenance)
    return Conversion(out=out, manifests=manifests)


def faults(manifests: Manifests) -> int:
    """Verdicts that cost something: a row, or a value."""
    return manifests.verdicts.filter(pl.col("verdict") != "note").height


def count_lines(manifests: Manifests) -> list[str]:
    """How many rows and consignments there were, and what was said of them."""
    lines = [
        f"  {manifests.taken_in:,} rows and consignments in; {manifests.joined:,} joined with"
        f" another, {manifests.derived_cartons:,} cartons made of the rows that name them"
    ]
    if manifests.passed_over:
        lines.append(f"  {manifests.passed_over:,} other files passed over")
    for verdict, words in WORDS.items():
        found = manifests.verdicts.filter(pl.col("verdict") == verdict)
        if not found.is_empty():
            lines.append(f"  {found.height:,} {words}: {_kinds(found)}")
    return lines


def verdict_lines(verdicts: pl.DataFrame, *, most: int) -> list[str]:
    """The first `most` of `verdicts`, one line each, the worst first."""
    order = {verdict: index for index, verdict in enumerate(WORDS)}
    rows = (
        verdicts.with_row_index("n")
        .sort(pl.col("verdict").replace_strict(order, return_dtype=pl.Int64), "n")
        .head(most)
    )
    lines = []
    for row in rows.iter_rows(named=True):
        field = f" {row['field']}:" if row["field"] else ""
        key = f" ({row['key']})" if row["key"] else ""
        lines.append(
            f"{WORDS[row['verdict']]}: {row['file']} {row['place']}{key}:{field}"
            f" expected {row['expected']}, got {row['got']}"
        )
    return lines


def _kinds(verdicts: pl.DataFrame) -> str:
    """The commonest fields and expectations of `verdicts`, with their counts."""
    groups = (
        verdicts.group_by("field", "expected")
        .len()
        .sort("len", "field", "expected", descending=[True, False, False])
    )
    told = [
        f"{row['field'] or 'not ' + row['expected']} {row['len']:,}"
        for row in groups.head(5).iter_rows(named=True)
    ]
    rest = groups.height - len(told)
    return ", ".join(told) + (f" and {rest:,} kinds more" if rest > 0 else "")


def _write(
    folder: Path,
    manifests: Manifests,
    *,
    with_provenance: bool,
) -> None:
    write_parquet_whole(manifests.verdicts.cast(pl.Schema(VERDICT_SCHEMA)), folder / VERDICTS)
    if not manifests.cartons.is_empty():
        write_parquet_whole(manifests.cartons, folder / "cartons.parquet")
    parts = 0
    for part in manifests.provenance() if with_provenance else ():
        if part.is_empty():
            continue
        write_parquet_whole(part, folder / PROVENANCE / f"part-{parts:05d}.parquet")
        parts += 1
    about = {
        "parcelscope": parcelscope_version(),
        "files": [asdict(file) for file in manifests.files],
        "parcels": manifests.parcels.height,
        "cartons": manifests.cartons.height,
        "taken_in": manifests.taken_in,
        "joined": manifests.joined,
        "derived_cartons": manifests.derived_cartons,
        "verdicts": dict(manifests.verdicts.group_by("verdict").len().sort("verdict").iter_rows()),
    }
    write_text_whole(folder / CONVERSION, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    write_parquet_whole(manifests.parcels, folder / "parcels.parquet")


@contextlib.contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when all is written."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.parent / f".{out.name[:100]}.{secrets.token_hex(8)}.part"
    aside.mkdir()
    try:
        yield aside
        if out.exists():
            out.rmdir()  # empty; a folder in use is not removed by this
        aside.rename(out)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def utc_time(option: str, text: str) -> str:
    """The time that `option` names, in UTC as a feed writes it.

    Raises:
        ConfigError: If it is none.
    """
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} must be a date and time like 2026-01-31T13:45:00Z, got {text!r}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.astimezone(datetime.UTC).isoformat()
