"""What a reader of messages gives: consignments with their fields, each with where it stood."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from parcelscope.datasets.manifests.verdicts import Outcome, Verdict, shown

Format = Literal["cargo-xml", "postal-json", "postal-csv", "edifact", "table"]
Purpose = Literal["creation", "update", "deletion"]
EntryTable = Literal["parcels", "cartons"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a file."""

    file: str
    format: Format
    message_id: str | None = None
    issued_at: str | None = None
    """As written; later messages replace earlier ones where both say when."""
    purpose: Purpose = "creation"

    def verdict(
        self,
        outcome: Outcome,
        *,
        place: str,
        expected: str,
        got: object,
        table: str = "",
        key: str = "",
        field: str = "",
    ) -> Verdict:
        """A verdict on a place of this message."""
        return Verdict(
            verdict=outcome,
            table=table,
            file=self.file,
            format=self.format,
            place=place,
            key=shown(key) if key else "",
            field=field,
            expected=expected,
            got=shown(got),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where one value came from."""

    path: str
    as_written: str | None = None
    """Only where the value was converted on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The text of one field, in the units of the feed, and the places it was made of."""

    text: str
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One consignment of one message, on its way to become a row or a part of one."""

    table: EntryTable
    key: str
    message: Message
    place: str
    fields: Mapping[str, Value]
    rank: int = 0
    """Of messages about one row the highest rank is believed."""
    stand_in: bool = False
    """Whether it gives way to the house consignments of its carton, once there are any."""
    is_restated: bool = False
    """Whether other messages of its kind say it too, as house waybills do of their master bill."""
    is_key_derived: bool = False
    """Whether the key was made of another number, so that its second use is no repetition."""


@dataclass(slots=True, kw_only=True)
class Reading:
    """What was read so far."""

    entries: list[Entry] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    messages: int = 0
    """Messages and declarations seen, those that were refused included."""
    joined: int = 0
    """Entries that became part of another one's row."""


def text_value(text: str, path: str, *, as_written: str | None = None) -> Value:
    """A value that stood in one place."""
    return Value(text=text, origins=(Origin(path=path, as_written=as_written),))
