"""The second stage of a run: a window whose shards are all done is assessed, and the run closed."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection

from parcelscope.datasets.embeddings import embeddings_frame
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind, findings_frame, not_assessed_frame
from parcelscope.datasets.sightings import Earlier
from parcelscope.inference.database import upsert
from parcelscope.inference.ledger import Done, Ledger
from parcelscope.inference.ledger_tables import ASSESSMENTS
from parcelscope.inference.shards import PartFile
from parcelscope.inference.sinks import Sink
from parcelscope.models.bundle import Bundle
from parcelscope.pipelines.accounts import quarantine_rows, rejected_images, require_all_scored
from parcelscope.pipelines.run_folder import (
    FINISH_LOCK,
    read_committed,
    write_flags,
    write_part,
)
from parcelscope.pipelines.window_history import NO_HISTORY, WindowHistory
from parcelscope.screening.assess import Window, assess_window
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.fusion import RiskScorer
from parcelscope.screening.indicator_pack import Indicators
from parcelscope.screening.standing import Standing

KEYS: dict[OwnerKind, str] = {"parcel": "parcel_id", "carton": "carton_id"}
WINDOW = 0
"""A run is one window so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """All that decides what a window comes to, beside what was found in it."""

    bundle: Bundle
    config: ScreeningConfig
    indicators: Indicators
    standing: Standing
    scorers: Mapping[OwnerKind, RiskScorer]
    seed: int
    digest: str
    """Fingerprint of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessments:
    """Keeps the assessment of every parcel and carton, its chance, and whether it was flagged."""

    run_id: str

    def write(self, connection: Connection, shard: Window) -> None:
        """Write one row for each owner that was assessed, or drawn although it was not."""
        told = [column.name for column in ASSESSMENTS.columns if not column.primary_key]
        flags = {(row["owner_kind"], row["owner_id"]): row for row in shard.flags.to_dicts()}
        tables: dict[OwnerKind, pl.DataFrame] = {"parcel": shard.parcels, "carton": shard.cartons}
        for kind, table in tables.items():
            # A row refused for its id has that of another; the assessed one comes first.
            kept = table.filter(
                (pl.col("verdict") == "assessed") | pl.col("arm").is_not_null()
            ).unique(KEYS[kind], keep="first", maintain_order=True)
            for some in kept.iter_slices(10_000):
                rows = [
                    self._row(kind, row[KEYS[kind]], row, flags.get((kind, row[KEYS[kind]])))
                    for row in some.to_dicts()
                ]
                upsert(connection, ASSESSMENTS, rows, update=told)

    def _row(
        self, kind: str, owner_id: str, row: Mapping[str, Any], flag: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "owner_kind": kind,
            "owner_id": owner_id,
            "risk": row["risk"],
            "band": row["band"],
            "reason_codes": json.dumps(row["reason_codes"]),
            "arm": row["arm"],
            "propensity": row["propensity"],
            "rank": None if flag is None else flag["rank"],
        }


def screen_window(
    out: Path,
    feed: Feed,
    screening: Screening,
    ledger: Ledger,
    scored: Mapping[int, Done],
    sinks: Sequence[Sink[Window]],
    history: WindowHistory = NO_HISTORY,
) -> None:
    """Assess the window of which all shards are `scored`, and commit it, unless that is done.

    Raises:
        RunError: If the shards do not add up to the feed, or a part was changed since.
    """
    if ledger.done("screen"):
        return
    require_all_scored(feed, sum(done.owners for done in scored.values()))
    parts = [part for done in scored.values() for part in done.parts]
    images = pl.concat([rejected_images(feed), *_frames(out, "images", parts)])
    window = assess_parts(out, feed, screening, parts, history.earlier)
    written = _write(out, feed, window, images, number=len(scored))
    done = Done(
        stage="screen",
        shard=WINDOW,
        digest=screening.digest,
        owners=feed.parcels.height + feed.cartons.height,
        parts=tuple(sorted(written, key=lambda part: part.file)),
    )
    history.keep_apart()
    ledger.commit(done, window, (*history.sinks, *sinks))


def assess_parts(
    out: Path,
    feed: Feed,
    screening: Screening,
    parts: Sequence[PartFile],
    earlier: Earlier | None,
) -> Window:
    """What the window comes to by the `parts` of its shards, each file checked.

    Raises:
        RunError: If a part is not there or was changed.
    """
    return assess_window(
        feed,
        pl.concat([findings_frame(()), *_frames(out, "findings", parts)]),
        pl.concat([not_assessed_frame(()), *_frames(out, "not_assessed", parts)]),
        screening.bundle,
        screening.config,
        seed=screening.seed,
        scorers=screening.scorers,
        indicators=screening.indicators,
        standing=screening.standing,
        earlier=earlier,
        embeddings=pl.concat([embeddings_frame(()), *_frames(out, "embeddings", parts)]),
    )


def committed_tables(out: Path, parts: Sequence[PartFile]) -> dict[str, pl.DataFrame]:
    """All tables of a run whose window is committed, by name, each file checked."""
    names = dict.fromkeys(part.table for part in parts)
    # Only what is scored leaves embeddings, and a feed may have no row that can be taken.
    none = {"embeddings": embeddings_frame(())}
    return none | {name: pl.concat(_frames(out, name, parts)) for name in names}


def closing_tables(out: Path, parts: Sequence[PartFile]) -> dict[str, pl.DataFrame]:
    """The tables as far as the end of a run shows them: findings on what was flagged alone.

    All findings of a long feed, and the embeddings, take more memory than everything else.
    """
    large = ("findings", "embeddings")
    tables = committed_tables(out, [part for part in parts if part.table not in large])
    flagged = tables["flags"].select("owner_kind", "owner_id").unique()
    findings = [
        read_committed(out, part).join(flagged, on=["owner_kind", "owner_id"], how="semi")
        for part in parts
        if part.table == "findings"
    ]
    return tables | {"findings": pl.concat([findings_frame(()), *findings])}


def _write(
    out: Path, feed: Feed, window: Window, images: pl.DataFrame, *, number: int
) -> list[PartFile]:
    """Write what screening adds, as the part after those of the shards, and its own tables."""
    return [
        write_part(out, "findings", number, window.findings),
        write_part(out, "not_assessed", number, window.not_assessed),
        write_part(out, "images", number, rejected_images(feed)),
        write_part(out, "parcels", 0, window.parcels),
        write_part(out, "cartons", 0, window.cartons),
        write_part(out, "quarantine", 0, quarantine_rows(feed, images)),
        write_part(out, "notes", 0, feed.notes),
        write_flags(out, window.flags),
    ]


def _frames(out: Path, name: str, parts: Sequence[PartFile]) -> list[pl.DataFrame]:
    return [read_committed(out, part) for part in parts if part.table == name]


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Nobody else finishes the run in `out` while the block runs, where the system can lock.

    Without locks two processes may both finish it; the ledger then takes the first, and the second
    writes the same files again.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    path = out / FINISH_LOCK
    with path.open("wb") as file:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
        # Whoever waits for the file that is gone now finds the run complete.
        path.unlink(missing_ok=True)
