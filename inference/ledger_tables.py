"""The SQL tables of the ledger and of what the engine itself writes beside it.

`migrations/` makes them; a test compares the two.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData()

RUNS: Final = Table(
    "runs",
    METADATA,
    Column("run_id", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("feed", Text, nullable=False),
    Column("created", String(32), nullable=False),
)
"""One row for each run that the database has heard of."""

LEDGER: Final = Table(
    "ledger",
    METADATA,
    Column("run_id", String(64), primary_key=True),
    Column("stage", String(16), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("owners", Integer, nullable=False),
    Column("committed", String(32), nullable=False),
    Column("worker", Text, nullable=False),
)
"""One row for each shard that is done. That the row is there is what makes it done."""

PARTS: Final = Table(
    "parts",
    METADATA,
    Column("run_id", String(64), primary_key=True),
    Column("file", String(255), primary_key=True),
    Column("stage", String(16), nullable=False),
    Column("shard", Integer, nullable=False),
    Column("table_name", String(32), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)
"""The files of the run that count. What else lies in its folder does not."""

UNREAD_IMAGES: Final = Table(
    "unread_images",
    METADATA,
    Column("run_id", String(64), primary_key=True),
    Column("image_row", BigInteger, primary_key=True),
    Column("path", Text, nullable=False),
    Column("owner_kind", String(8), nullable=False),
    Column("owner_id", Text, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("stage", Text),
    Column("error_class", Text),
    Column("code", Text),
    Column("message", Text),
)
"""Images that are missing or quarantined, written with the shard that met them."""

ASSESSMENTS: Final = Table(
    "assessments",
    METADATA,
    Column("run_id", String(64), primary_key=True),
    Column("owner_kind", String(8), primary_key=True),
    Column("owner_id", String(255), primary_key=True),
    Column("risk", Double),
    Column("band", String(16)),
    Column("reason_codes", Text, nullable=False),
    Column("arm", String(16)),
    Column("propensity", Double),
    Column("rank", Integer),
)
"""What screening says of each parcel and master carton.

`propensity` is its chance of coming to an exam; `arm` is null where it did not, and `rank` where it
has no flag of its own.
"""

HISTORY: Final = MetaData()
"""Tables that are of no single run: what a run leaves there stays when the run is deleted."""

HISTORY_WINDOWS: Final = Table(
    "history_windows",
    HISTORY,
    Column("window_id", Integer, primary_key=True),
    Column("feed", String(64), nullable=False, unique=True),
    Column("run_id", String(64), nullable=False),
    Column("day", Integer, nullable=False),
    Column("keep_days", Integer, nullable=False),
)
"""One row for each feed whose numbers are kept: digest of its tables, the run that was first, the
day of its commit (days since 1970) and for how many days it wanted them kept."""

HISTORY_SIGHTINGS: Final = Table(
    "history_sightings",
    HISTORY,
    Column("number", BigInteger, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("facility", String(64), primary_key=True),
    Column("owner_id", String(255), primary_key=True),
    Column("entry", BigInteger, primary_key=True),
    Column("dated", Boolean, nullable=False),
    Column("window_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Columns as `datasets.sightings.SIGHTING_SCHEMA`; the whole sighting is the key, so that it never
stands twice, whoever writes it how often."""
