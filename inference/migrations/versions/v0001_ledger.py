"""The ledger: runs, shards that are done, and the files that count."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
    )
    op.create_table(
        "ledger",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("stage", sa.String(16), primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("owners", sa.Integer, nullable=False),
        sa.Column("committed", sa.String(32), nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
    )
    op.create_table(
        "parts",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("file", sa.String(255), primary_key=True),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("table_name", sa.String(32), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("parts", "ledger", "runs"):
        op.drop_table(name)
