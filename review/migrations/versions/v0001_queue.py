"""The queue: items, the log of events with what guards it, saved views."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "review_items",
        sa.Column("item_id", sa.String(16), primary_key=True),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("facility", sa.String(255), nullable=False),
        sa.Column("lane", sa.String(255)),
        sa.Column("owner_kind", sa.String(8), nullable=False),
        sa.Column("owner_id", sa.String(255), nullable=False),
        sa.Column("carton_id", sa.String(255)),
        sa.Column("arm", sa.String(16)),
        sa.Column("propensity", sa.Double),
        sa.Column("risk", sa.Double),
        sa.Column("band", sa.String(16)),
        sa.Column("priority", sa.Double, nullable=False),
        sa.Column("reason_codes", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("dossier", sa.Text, nullable=False),
        sa.Column("enrolled", sa.String(32), nullable=False),
        sa.Column("scored_again", sa.String(32)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(255)),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.Column("first_by", sa.String(255)),
        sa.Column("first_decision", sa.String(16)),
        sa.Column("decision", sa.String(16)),
        sa.Column("decided_by", sa.String(255)),
        sa.Column("decided_at", sa.String(32)),
        sa.Column("decision_event", sa.Integer),
        sa.Column("outcome", sa.String(16)),
        sa.Column("outcome_at", sa.String(32)),
        sa.Column("reference", sa.String(32), unique=True),
    )
    op.create_index("review_items_order", "review_items", ["priority", "item_id"])
    waiting = sa.text("state IN ('open', 'second', 'disputed')")
    op.create_index(
        "review_items_waiting",
        "review_items",
        ["priority", "item_id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("review_items_holder", "review_items", ["holder"])
    op.create_index("review_items_carton", "review_items", ["carton_id", "facility"])
    op.create_table(
        "review_events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("item_id", sa.String(16)),
        sa.Column("reference", sa.String(32)),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    for name, column in (("item", "item_id"), ("reference", "reference"), ("who", "who")):
        op.create_index(f"review_events_{name}", "review_events", [column])
    op.create_table(
        "review_views",
        sa.Column("view_id", sa.String(16), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("filters", sa.Text, nullable=False),
        sa.UniqueConstraint("owner", "name", name="review_views_name"),
    )
    guards = ON_POSTGRESQL if op.get_bind().dialect.name == "postgresql" else ON_SQLITE
    for statement in guards:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Drop the tables."""
    for name in ("review_views", "review_events", "review_items"):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION review_events_stay()")
        op.execute("DROP FUNCTION review_events_follow()")


ON_SQLITE = (
    """
    CREATE TRIGGER review_events_no_update BEFORE UPDATE ON review_events
    BEGIN SELECT RAISE(ABORT, 'review_events: an event is never changed'); END
    """,
    """
    CREATE TRIGGER review_events_no_delete BEFORE DELETE ON review_events
    BEGIN SELECT RAISE(ABORT, 'review_events: an event is never deleted'); END
    """,
    # INSERT OR REPLACE would delete without the trigger above.
    """
    CREATE TRIGGER review_events_follow BEFORE INSERT ON review_events
    WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM review_events)
    BEGIN SELECT RAISE(ABORT, 'review_events: an event follows the last one'); END
    """,
)
ON_POSTGRESQL = (
    """
    CREATE FUNCTION review_events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'review_events: an event is never changed or deleted'; END $$
    """,
    """
    CREATE TRIGGER review_events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON review_events
    FOR EACH STATEMENT EXECUTE FUNCTION review_events_stay()
    """,
    """
    CREATE FUNCTION review_events_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM review_events) THEN
        RAISE EXCEPTION 'review_events: an event follows the last one';
      END IF;
      RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER review_events_follow BEFORE INSERT ON review_events
    FOR EACH ROW EXECUTE FUNCTION review_events_follow()
    """,
)
