"""The SQL tables of the review database: what analysts work on, and what they did.

`migrations/` makes them; a test compares the two. Times are texts as `clock.as_text` writes them.
"""

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

METADATA: Final = MetaData()

IS_WAITING: Final = "state IN ('open', 'second', 'disputed')"
"""Somebody still has to decide; an index of these is used where SQL asks for it in these words."""

ITEMS: Final = Table(
    "review_items",
    METADATA,
    Column("item_id", String(16), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("facility", String(255), nullable=False),
    Column("lane", String(255)),
    Column("owner_kind", String(8), nullable=False),
    Column("owner_id", String(255), nullable=False),
    Column("carton_id", String(255)),
    Column("arm", String(16)),
    Column("propensity", Double),
    Column("risk", Double),
    Column("band", String(16)),
    Column("priority", Double, nullable=False),
    Column("reason_codes", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("dossier", Text, nullable=False),
    Column("enrolled", String(32), nullable=False),
    Column("scored_again", String(32)),
    Column("state", String(16), nullable=False),
    Column("holder", String(255)),
    Column("lease_until", Double, nullable=False),
    Column("lease_number", Integer, nullable=False, server_default="0"),
    Column("first_by", String(255)),
    Column("first_decision", String(16)),
    Column("decision", String(16)),
    Column("decided_by", String(255)),
    Column("decided_at", String(32)),
    Column("decision_event", Integer),
    Column("outcome", String(16)),
    Column("outcome_at", String(32)),
    Column("reference", String(32), unique=True),
    # `take` and `page` read from the end of these, and stop when they have enough.
    Index("review_items_order", "priority", "item_id"),
    Index(
        "review_items_waiting",
        "priority",
        "item_id",
        sqlite_where=text(IS_WAITING),
        postgresql_where=text(IS_WAITING),
    ),
    Index("review_items_holder", "holder"),
    Index("review_items_carton", "carton_id", "facility"),
    Index("review_items_run", "run_id"),
    # Past parcels like one are found in it, without a look at long rows.
    Index("review_items_decided", "decided_at", "owner_kind", "item_id"),
)
"""One row for each flagged parcel or master carton, whichever run flagged it.

`facility` is '' where the feed names none; `reason_codes` are separated by spaces, the weightiest
first; `dossier` is the JSON of what a page shows; `lease_until` is in seconds since 1970,
and `lease_number` counts how often it was lent.
`first_by` and `first_decision` are of whoever asked for a second opinion, and hidden from whoever
gives it.
"""

EVENTS: Final = Table(
    "review_events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("who", String(255), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("item_id", String(16)),
    Column("reference", String(32)),
    Column("body", Text, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("review_events_item", "item_id"),
    Index("review_events_reference", "reference"),
    Index("review_events_who", "who"),
)
"""The log: one row for each thing that somebody did. Triggers refuse to change or delete any."""

VIEWS: Final = Table(
    "review_views",
    METADATA,
    Column("view_id", String(16), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("filters", Text, nullable=False),
    UniqueConstraint("owner", "name", name="review_views_name"),
)
"""Filters that somebody saved; `owner` is '' where all may use them."""

USERS: Final = Table(
    "review_users",
    METADATA,
    Column("user_id", String(32), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text),
    Column("disabled", Boolean, nullable=False),
    Column("created", String(32), nullable=False),
)
"""Who may sign in; without `password_hash` only through a proxy or an identity provider."""

SESSIONS: Final = Table(
    "review_sessions",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    Column("user", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created", String(32), nullable=False),
    Column("expires", Double, nullable=False),
)
"""Who is signed in; `expires` is in seconds since 1970. The token itself is only in the cookie."""

CASES: Final = Table(
    "review_cases",
    METADATA,
    Column("reference", String(32), primary_key=True),
    Column("item_id", String(16), nullable=False, unique=True),
    Column("state", String(32), nullable=False),
    Column("opened", String(32), nullable=False),
    Column("changed", String(32), nullable=False),
    Column("about", String(255), nullable=False),
    Column("agency", String(255)),
    Index("review_cases_changed", "changed", "reference"),
)
"""What became of a parcel after review; a parcel without a row is open. `about` names what the case
is about, separated by spaces; `agency` is the one that a conditional release waits for."""

CASE_DATES: Final = Table(
    "review_case_dates",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("event", String(80), primary_key=True),
    Column("reference", String(32), nullable=False),
    Column("day", String(10), nullable=False),
    Index("review_case_dates_reference", "reference"),
)
"""Days on which periods start or end: presentation, detention, notices; `seq` is of the log."""

CLOCKS: Final = Table(
    "review_clocks",
    METADATA,
    Column("reference", String(32), primary_key=True),
    Column("code", String(80), primary_key=True),
    Column("started", String(10), nullable=False),
    Column("due", String(10), nullable=False),
    Column("ended", String(10)),
    Column("pack", String(80), nullable=False),
    Column("rule", Text, nullable=False),
    Index("review_clocks_due", "due", "reference"),
)
"""Periods of cases; made anew from the dates of a case whenever one is added. `rule` is the rule of
the policy pack as it was then, JSON."""

CAUGHT_UP: Final = Table(
    "review_caught_up",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("seq", Integer, nullable=False),
)
"""Up to which event of the log something that is derived from it was brought up to date."""

ALIASES: Final = Table(
    "review_aliases",
    METADATA,
    Column("alias", String(255), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("reference", String(32), primary_key=True),
    Column("problem", String(255)),
    Index("review_aliases_reference", "reference"),
)
"""Other numbers of a case: S10, house and master bill, entry. One bill may name many parcels.

`alias` is without blanks and hyphens, in upper case; `problem` says why it cannot be right."""

VECTORS: Final = Table(
    "review_vectors",
    METADATA,
    Column("item_id", String(16), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("vector", LargeBinary, nullable=False),
)
"""Where the scan of an item lies among all scans, little-endian numbers of 16 bits; vectors of
different versions cannot be compared."""

ENROLMENTS: Final = Table(
    "review_enrolments",
    METADATA,
    Column("run_id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("items", Integer, nullable=False),
)
"""Runs that are enrolled whole; `digest` is of all that this depends on, `items` how many it came
to. A run that is not here, or whose items are another run's now, is enrolled again."""
