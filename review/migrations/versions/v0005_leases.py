"""A number for each lease, by which a page names the one that it gives back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    number = sa.Column("lease_number", sa.Integer, nullable=False, server_default="0")
    op.add_column("review_items", number)


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("review_items", "lease_number")
