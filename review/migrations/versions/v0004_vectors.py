"""Vectors of scans, by which past parcels like the one on screen are found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "review_vectors",
        sa.Column("item_id", sa.String(16), primary_key=True),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    op.create_index("review_items_decided", "review_items", ["decided_at", "owner_kind", "item_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_index("review_items_decided", "review_items")
    op.drop_table("review_vectors")
