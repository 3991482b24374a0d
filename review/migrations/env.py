"""How Alembic runs the migrations: on the connection, and in the transaction, that it is given."""

from alembic import context

from parcelscope.review.database import VERSION_TABLE
from parcelscope.review.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
