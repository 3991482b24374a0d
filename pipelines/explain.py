"""`parcelscope explain`: one parcel or carton of a run, with every value that went into it."""

import difflib
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import find_table
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.tables import ROW
from parcelscope.pipelines.manifest_convert import PROVENANCE
from parcelscope.pipelines.replay import Agreement, Replay, read_planned, replay
from parcelscope.pipelines.run_folder import read_committed
from parcelscope.screening.explanation import Explanation, explain_owner
from parcelscope.screening.indicator_run import owner_days
from parcelscope.screening.indicators.evidence import KEYS

MOST_NEAR: Final = 3
_COMPARED_IDS: Final = 200_000
"""Ids that a mistyped one is compared with; more would take longer than the replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One field of a manifest row."""

    name: str
    value: str
    source: str
    """File of the feed and row in it, then the message or table it was converted from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One parcel or carton of a run, explained."""

    replay: Replay
    declared: tuple[Declared, ...]
    """The fields of its row that hold a value."""
    explanation: Explanation
    parcels_inside: int
    """Rows that name it as their carton."""
    carton_id: str | None
    """The carton it came in."""

    @property
    def agreement(self) -> Agreement:
        """Whether the replay came to what is stored."""
        return self.replay.agreement


def explain(
    folder: Path,
    owner_id: str,
    *,
    kind: OwnerKind | None = None,
    bundle_folder: Path | None = None,
    feed_folder: Path | None = None,
) -> Explained:
    """Replay the run in `folder` and explain one of its parcels or cartons.

    Args:
        folder: Of a complete run.
        owner_id: A parcel or carton of it.
        kind: Which of the two; needed only where both have that id.
        bundle_folder: As `replay` takes it.
        feed_folder: Likewise.

    Raises:
        RunError: If nothing there has that id, or the run cannot be replayed; see `replay`.
        BundleError: Likewise.
        ConfigError: Likewise.
    """
    # Before the replay, which takes longer than to see that an id is mistyped.
    which = _kind_of(folder, owner_id, kind)
    again = replay(folder, bundle_folder=bundle_folder, feed_folder=feed_folder)
    screening = again.screening
    own = (pl.col("owner_kind") == which) & (pl.col("owner_id") == owner_id)
    bundle = screening.bundle
    days = owner_days(again.feed).filter(own)["day"].drop_nulls()
    day: date | None = days[0] if len(days) else None
    inside = again.feed.parcels.filter(pl.col("carton_id") == owner_id)
    at = again.feed.parcels.filter(pl.col("parcel_id") == owner_id)["carton_id"].drop_nulls()
    return Explained(
        replay=again,
        declared=_declared(again, which, owner_id),
        explanation=explain_owner(
            which,
            owner_id,
            window=again.window,
            findings=again.findings.filter(own),
            model=bundle.parcel_fusion if which == "parcel" else bundle.carton_fusion,
            indicators=screening.indicators,
            config=screening.config,
            day=day,
        ),
        parcels_inside=inside.height if which == "carton" else 0,
        carton_id=at[0] if which == "parcel" and len(at) else None,
    )


def as_json(explained: Explained) -> dict[str, Any]:
    """All of it for programs: numbers as they are, not rounded."""
    card = explained.replay.card
    return {
        "run": {
            "folder": str(explained.replay.folder),
            "run_id": card.run_id,
            "created": card.created,
            "feed": card.feed,
            "bundle": card.bundle.model_dump(),
            "indicator_packs": [pack.model_dump() for pack in card.indicator_packs or ()],
            "standing": card.standing,
            "seed": card.seed,
        },
        "replay": asdict(explained.agreement),
        "declared": [asdict(one) for one in explained.declared],
        "parcels_inside": explained.parcels_inside,
        "carton_id": explained.carton_id,
        **asdict(explained.explanation),
    }


def _kind_of(folder: Path, owner_id: str, kind: OwnerKind | None) -> OwnerKind:
    parts = read_planned(folder)[0].parts or ()
    ids: dict[OwnerKind, pl.Series] = {
        which: pl.concat(
            [
                pl.Series(KEYS[which], [], pl.String()),
                *(
                    read_committed(folder, part)[KEYS[which]]
                    for part in parts
                    if part.table == f"{which}s"
                ),
            ]
        )
        for which in KEYS
    }
    asked = {one: known for one, known in ids.items() if kind in (None, one)}
    found = [one for one, known in asked.items() if (known == owner_id).any()]
    if len(found) == 2:
        raise RunError(f"{folder}: has a parcel and a carton {owner_id!r}; say which with --kind")
    if found:
        return found[0]
    known = [one for series in asked.values() for one in series.head(_COMPARED_IDS).to_list()]
    near = difflib.get_close_matches(owner_id, known, n=MOST_NEAR, cutoff=0.6)
    hint = f"did you mean {' or '.join(repr(one) for one in near)}?" if near else "none is near it"
    what = "parcel or carton" if kind is None else kind
    raise RunError(f"{folder}: expected the id of a {what} of the run, got {owner_id!r}; {hint}")


def _declared(again: Replay, kind: OwnerKind, owner_id: str) -> tuple[Declared, ...]:
    table = again.feed.parcels if kind == "parcel" else again.feed.cartons
    rows = table.filter(pl.col(KEYS[kind]) == owner_id)
    if rows.is_empty():
        return ()
    file = find_table(again.feed.root, f"{kind}s")
    row = rows.row(0, named=True)
    where = f"{'' if file is None else file.name} row {row[ROW]}".strip()
    origins = _origins(again.feed.root, f"{kind}s", owner_id)
    return tuple(
        Declared(
            name=name,
            value=_written(value),
            source=f"{where}, {origins[name]}" if name in origins else where,
        )
        for name, value in row.items()
        if value is not None and name != ROW
    )


def _written(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _origins(root: Path, table: str, owner_id: str) -> dict[str, str]:
    """Which message or table each field was converted from, where `manifest convert` kept it."""
    parts = sorted((root / PROVENANCE).glob("part-*.parquet"))
    if not parts:
        return {}
    rows = (
        pl.scan_parquet(parts)
        .filter((pl.col("table") == table) & (pl.col("key") == owner_id))
        .select("field", "file", "format", "message_id", "row", "path")
        .collect()
    )
    told = {}
    for field, file, form, message_id, row, path in rows.iter_rows():
        place = [f"message {message_id}"] if message_id else []
        place += [f"row {row}"] if row is not None else []
        place += [path] if path else []
        told[field] = " ".join([f"from {file} ({form})", *place])
    return told
