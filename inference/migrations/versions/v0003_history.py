"""The history: numbers that earlier windows saw."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "history_windows",
        sa.Column("window_id", sa.Integer, primary_key=True),
        sa.Column("feed", sa.String(64), nullable=False, unique=True),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("keep_days", sa.Integer, nullable=False),
    )
    op.create_table(
        "history_sightings",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("owner_id", sa.String(255), primary_key=True),
        sa.Column("entry", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("dated", sa.Boolean, nullable=False),
        sa.Column("window_id", sa.Integer, nullable=False),
        # Rows lie in the order of the key: one copy of them instead of a table and an index.
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("history_sightings", "history_windows"):
        op.drop_table(name)
