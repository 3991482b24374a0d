"""Consignments of several messages, made one row where they speak of one thing."""

import datetime
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from parcelscope.datasets.manifests.entries import Entry, EntryTable, Value, text_value
from parcelscope.datasets.manifests.verdicts import Outcome, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedRow:
    """One row with all its fields, and the entry that each came from."""

    main: Entry
    """The entry of highest rank: it names the row."""
    key: str
    fields: dict[str, tuple[Value, Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What all entries came to."""

    rows: list[JoinedRow]
    verdicts: list[Verdict]
    entries: int
    joined: int
    """Entries that became part of another one's row."""
    rejected: int
    """Entries that no row was made of."""


def joined(
    entries: Sequence[Entry], *, fill: Mapping[str, str] | None = None, filled_by: str = ""
) -> Joined:
    """The rows that `entries` come to.

    Of entries about one thing the highest rank is believed, field by field, and another value is
    noted. Of two of the same rank the later update replaces the earlier one; a plain repetition is
    rejected, and a deletion takes out what it names.

    Args:
        entries: In the order of the sources.
        fill: Fields of parcels to fill where no message has them.
        filled_by: Where these come from.
    """
    by_key: dict[tuple[EntryTable, str], list[Entry]] = defaultdict(list)
    for entry in _numbered(entries):
        by_key[entry.table, entry.key].append(entry)
    verdicts: list[Verdict] = []
    kept: list[list[Entry]] = []
    for same in by_key.values():
        kept.append(_current(same, verdicts))
    current = [group for group in kept if group]
    rows = [_merged(group, verdicts) for group in current]
    rows, yielded = _without_stand_ins(rows, verdicts)
    for row in rows:
        if row.main.table == "parcels":
            for name, text in (fill or {}).items():
                row.fields.setdefault(name, (text_value(text, filled_by), row.main))
    joined_entries = sum(len(group) - 1 for group in current) + yielded
    rejected = len(entries) - sum(len(group) for group in current)
    return Joined(
        rows=rows, verdicts=verdicts, entries=len(entries), joined=joined_entries,
        rejected=rejected,
    )  # fmt: skip


def _numbered(entries: Iterable[Entry]) -> Iterable[Entry]:
    """`entries`, where a derived key that comes again gets a number.

    The number that it was made of may be right on both: its second use is for the indicators.
    """
    seen: dict[tuple[EntryTable, str], int] = defaultdict(int)
    taken = {(entry.table, entry.key) for entry in entries}
    for entry in entries:
        if not entry.is_key_derived:
            yield entry
            continue
        seen[entry.table, entry.key] += 1
        key, count = entry.key, seen[entry.table, entry.key]
        while count > 1 and (entry.table, key := f"{entry.key}#{count}") in taken:
            count += 1
        taken.add((entry.table, key))
        yield replace(entry, key=key)


def _current(same: list[Entry], verdicts: list[Verdict]) -> list[Entry]:
    """The entries about one thing that count, the highest rank first.

    One of each rank, and all that only restate it. A deletion takes out what messages of its own
    kind said.
    """
    deleted: dict[int, float] = {}
    for entry in same:
        if entry.message.purpose == "deletion":
            deleted[entry.rank] = max(_issued(entry), deleted.get(entry.rank, -math.inf))
    of_rank: dict[int, Entry] = {}
    restated: list[Entry] = []
    for entry in sorted(same, key=_issued):  # stable: without times the order of the sources
        if entry.message.purpose == "deletion":
            verdicts.append(
                _about(entry, "rejected", "a consignment", "a message that withdraws it")
            )
            continue
        if entry.is_restated:
            restated.append(entry)
            continue
        if entry.rank in deleted and _issued(entry) <= deleted[entry.rank]:
            verdicts.append(
                _about(entry, "rejected", "a consignment", "one withdrawn by a later message")
            )
            continue
        earlier = of_rank.get(entry.rank)
        if earlier is None:
            of_rank[entry.rank] = entry
        elif entry.message.purpose == "update":
            verdicts.append(
                _about(
                    earlier, "rejected", "the newest message", f"one replaced by {_where(entry)}"
                )
            )
            of_rank[entry.rank] = entry
        else:
            again = "it again" if _texts(entry) == _texts(earlier) else "it again, unlike the first"
            verdicts.append(_about(entry, "rejected", f"this once, as in {_where(earlier)}", again))
    kept = [*of_rank.values(), *restated]
    return sorted(kept, key=lambda entry: entry.rank, reverse=True)


def _merged(group: list[Entry], verdicts: list[Verdict]) -> JoinedRow:
    fields: dict[str, tuple[Value, Entry]] = {}
    for entry in group:
        for name, value in entry.fields.items():
            if name not in fields:
                fields[name] = (value, entry)
                continue
            taken, owner = fields[name]
            if taken.text != value.text:
                verdicts.append(
                    _about(
                        entry, "note", f"{taken.text}, as in {_where(owner)}, which is taken",
                        value.text, field=name,
                    )
                )  # fmt: skip
    return JoinedRow(main=group[0], key=group[0].key, fields=fields)


def _without_stand_ins(
    rows: list[JoinedRow], verdicts: list[Verdict]
) -> tuple[list[JoinedRow], int]:
    """`rows` without the packages of master bills whose house consignments are known."""
    with_houses = {
        _text(row, "carton_id")
        for row in rows
        if row.main.table == "parcels" and not row.main.stand_in
    }
    given_way = [
        row for row in rows if row.main.stand_in and _text(row, "carton_id") in with_houses
    ]
    by_carton: dict[str, list[JoinedRow]] = defaultdict(list)
    for row in given_way:
        by_carton[_text(row, "carton_id")].append(row)
    stated = {
        row.key: _text(row, "pieces_manifested") for row in rows if row.main.table == "cartons"
    }
    for carton, packages in by_carton.items():
        counts = [_text(row, "pieces") for row in packages]
        total = stated.get(carton, "")
        if not all(count.isdecimal() and len(count) < 10 for count in counts):
            continue
        summed = sum(int(count) for count in counts)
        if total.isdecimal() and len(total) < 10 and summed != int(total):
            verdicts.append(
                _about(
                    packages[0].main, "note", f"packages that add up to the {total} pieces of the"
                    " waybill", str(summed), field="pieces",
                )
            )  # fmt: skip
    dropped = {id(row) for row in given_way}
    return [row for row in rows if id(row) not in dropped], len(given_way)


def _text(row: JoinedRow, name: str) -> str:
    return row.fields[name][0].text if name in row.fields else ""


def _texts(entry: Entry) -> dict[str, str]:
    return {name: value.text for name, value in entry.fields.items()}


def _issued(entry: Entry) -> float:
    """When the message was issued, in seconds; before all others where it does not say."""
    try:
        moment = datetime.datetime.fromisoformat(entry.message.issued_at or "")
    except ValueError:
        return -math.inf
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()


def _where(entry: Entry) -> str:
    return f"{entry.message.file} {entry.place}"


def _about(entry: Entry, outcome: Outcome, expected: str, got: str, *, field: str = "") -> Verdict:
    return entry.message.verdict(
        outcome, table=entry.table, place=entry.place,
        key=entry.key, field=field, expected=expected, got=got,
    )  # fmt: skip
