"""Which runs are enrolled: what did not change since is not gone through again."""

from sqlalchemy import Engine, delete, func, insert, select

from parcelscope.review.database import reading, writing
from parcelscope.review.tables import ENROLMENTS, ITEMS


def unchanged(engine: Engine, run_id: str, digest: str) -> int | None:
    """How many items the run has, if it is enrolled as `digest` says and none is another run's now.

    Args:
        engine: The review database.
        run_id: Of the run.
        digest: Of all that its enrolment depends on.
    """
    kept = select(ENROLMENTS.c["items"]).where(
        ENROLMENTS.c.run_id == run_id, ENROLMENTS.c.digest == digest
    )
    # A parcel that a newer run flagged as well says what that one says, until this one is enrolled.
    own = select(func.count()).select_from(ITEMS).where(ITEMS.c.run_id == run_id)
    with reading(engine) as connection:
        items = connection.execute(kept).scalar()
        return items if items == connection.execute(own).scalar_one() else None


def forget(engine: Engine, run_id: str) -> None:
    """Enrol the run again next time, whatever it is then: for as long as it is not all enrolled."""
    with writing(engine) as connection:
        connection.execute(delete(ENROLMENTS).where(ENROLMENTS.c.run_id == run_id))


def keep(engine: Engine, run_id: str, digest: str, items: int) -> None:
    """Remember that the run is enrolled as `digest` says, with so many items."""
    row = {"run_id": run_id, "digest": digest, "items": items}
    with writing(engine) as connection:
        connection.execute(delete(ENROLMENTS).where(ENROLMENTS.c.run_id == run_id))
        connection.execute(insert(ENROLMENTS).values(row))
