"""Sinks: what is written to the database in the same transaction as the ledger's row."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from parcelscope.inference.database import upsert
from parcelscope.inference.engine import ShardResult
from parcelscope.inference.ledger_tables import UNREAD_IMAGES

Shard_contra = TypeVar("Shard_contra", contravariant=True)


class Sink(Protocol[Shard_contra]):
    """Takes what a shard came to. A value: it may be sent to another process."""

    def write(self, connection: Connection, shard: Shard_contra) -> None:
        """Write `shard` on `connection`, and leave the transaction to the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadImages:
    """Keeps the images of a shard that were missing or quarantined."""

    run_id: str

    def write(self, connection: Connection, shard: ShardResult) -> None:
        """Write one row for each image that was not assessed."""
        rows: list[dict[str, Any]] = [
            {
                "run_id": self.run_id,
                "image_row": verdict.row,
                "path": verdict.path,
                "owner_kind": verdict.owner_kind,
                "owner_id": verdict.owner_id,
                "verdict": verdict.verdict,
                "stage": verdict.stage,
                "error_class": verdict.error_class,
                "code": verdict.code,
                "message": verdict.message,
            }
            for verdict in shard.image_verdicts
            if verdict.verdict != "assessed"
        ]
        told = [column.name for column in UNREAD_IMAGES.columns if not column.primary_key]
        upsert(connection, UNREAD_IMAGES, rows, update=told)
