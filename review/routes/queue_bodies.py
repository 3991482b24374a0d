"""What the analyst's page sends."""

from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, Field

ItemId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
ItemIds = Annotated[list[ItemId], Field(max_length=50)]
Choice = Literal["clear", "inspect"]
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)
Code = Annotated[str, Field(max_length=40)]
Note = Annotated[str, Field(max_length=4000)]
Key = Annotated[str, Field(min_length=8, max_length=100)]
"""Made up by the browser for each decision, so that a request that is sent twice counts once."""
Word = Annotated[str, Field(max_length=255)]


class TakeBody(BaseModel, frozen=True, extra="forbid"):
    """Which parcels somebody wants to work on; anything if empty."""

    filters: dict[str, Word] = Field(default_factory=dict, max_length=10)


class ItemsBody(BaseModel, frozen=True, extra="forbid"):
    """Items that a page holds."""

    item_ids: ItemIds


class LeasesBody(BaseModel, frozen=True, extra="forbid"):
    """Leases that a page gives back: the number of each by the id of its item."""

    leases: dict[ItemId, int] = Field(max_length=50)


class DecideBody(BaseModel, frozen=True, extra="forbid"):
    """A decision, and how it came about."""

    decision: Choice
    reason_code: Code | None = None
    note: Note = ""
    ms_on_screen: int | None = Field(default=None, ge=0, le=24 * 3600 * 1000)
    functions_used: list[Word] = Field(default_factory=list, max_length=50)
    marks_shown: bool | None = None
    presentation: Word | None = None
    key: Key | None = None
    filters: dict[str, Word] = Field(default_factory=dict, max_length=10)
    """Which parcel comes next."""


class SecondBody(BaseModel, frozen=True, extra="forbid"):
    """Asks for somebody else's opinion."""

    reason_code: Code | None = None
    note: Note = ""
    leans_to: Choice | None = None
    """What whoever asks would decide; whoever comes second is not told."""
    key: Key | None = None
    filters: dict[str, Word] = Field(default_factory=dict, max_length=10)


class NoteBody(BaseModel, frozen=True, extra="forbid"):
    """Something to remember."""

    note: Note = Field(min_length=1)
    key: Key | None = None


class ReleaseCartonBody(BaseModel, frozen=True, extra="forbid"):
    """Why a carton is released with all that is in it."""

    reason: Note
    key: Key | None = None


class ReassignBody(BaseModel, frozen=True, extra="forbid"):
    """To whom something goes; back to the queue if None."""

    to: Word | None = None


class ReopenBody(BaseModel, frozen=True, extra="forbid"):
    """Why a decided parcel is looked at again."""

    reason: Note
