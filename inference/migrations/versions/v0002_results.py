"""Results that are written with the ledger: images that were not read, and assessments."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "unread_images",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("image_row", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("owner_kind", sa.String(8), nullable=False),
        sa.Column("owner_id", sa.Text, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("stage", sa.Text),
        sa.Column("error_class", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("message", sa.Text),
    )
    op.create_table(
        "assessments",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("owner_kind", sa.String(8), primary_key=True),
        sa.Column("owner_id", sa.String(255), primary_key=True),
        sa.Column("risk", sa.Double),
        sa.Column("band", sa.String(16)),
        sa.Column("reason_codes", sa.Text, nullable=False),
        sa.Column("arm", sa.String(16)),
        sa.Column("propensity", sa.Double),
        sa.Column("rank", sa.Integer),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("assessments", "unread_images"):
        op.drop_table(name)
