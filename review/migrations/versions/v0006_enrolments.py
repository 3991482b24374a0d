"""Which runs are enrolled, so that one that did not change is not gone through again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "review_enrolments",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
    )
    op.create_index("review_items_run", "review_items", ["run_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_index("review_items_run", "review_items")
    op.drop_table("review_enrolments")
