"""Cases: where they stand, their days and periods, and the numbers that they are known by."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "review_cases",
        sa.Column("reference", sa.String(32), primary_key=True),
        sa.Column("item_id", sa.String(16), nullable=False, unique=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("opened", sa.String(32), nullable=False),
        sa.Column("changed", sa.String(32), nullable=False),
        sa.Column("about", sa.String(255), nullable=False),
        sa.Column("agency", sa.String(255)),
    )
    op.create_index("review_cases_changed", "review_cases", ["changed", "reference"])
    op.create_table(
        "review_case_dates",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event", sa.String(80), primary_key=True),
        sa.Column("reference", sa.String(32), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
    )
    op.create_index("review_case_dates_reference", "review_case_dates", ["reference"])
    op.create_table(
        "review_clocks",
        sa.Column("reference", sa.String(32), primary_key=True),
        sa.Column("code", sa.String(80), primary_key=True),
        sa.Column("started", sa.String(10), nullable=False),
        sa.Column("due", sa.String(10), nullable=False),
        sa.Column("ended", sa.String(10)),
        sa.Column("pack", sa.String(80), nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
    )
    op.create_index("review_clocks_due", "review_clocks", ["due", "reference"])
    op.create_table(
        "review_caught_up",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "review_aliases",
        sa.Column("alias", sa.String(255), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("reference", sa.String(32), primary_key=True),
        sa.Column("problem", sa.String(255)),
    )
    op.create_index("review_aliases_reference", "review_aliases", ["reference"])


def downgrade() -> None:
    """Drop the tables."""
    for name in ("aliases", "caught_up", "clocks", "case_dates", "cases"):
        op.drop_table(f"review_{name}")
