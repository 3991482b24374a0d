"""API keys: who may ask for what. Only a hash of each is kept."""

import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from parcelscope.datasets.errors import ConfigError
from parcelscope.pipelines.service.database import ServiceDatabase

Role = Literal["monitor", "reader", "operator", "admin"]
"""Metrics; and status and results; and submitting, cancelling and scoring; and reloading."""
ROLES: Final[tuple[Role, ...]] = get_args(Role)
PREFIX: Final = "ps"
MAX_NAME: Final = 100
READ_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the caller may do what needs `role`; each role may what those before it may."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as it is listed: all but its secret."""

    key_id: str
    name: str
    role: Role
    created: str
    revoked: str | None


def add_key(database: ServiceDatabase, name: str, role: Role) -> str:
    """Make a key and return it; it cannot be read again.

    Raises:
        ConfigError: If the name is empty, too long, or that of a key which is in use.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise ConfigError(
            f"a key's name must be 1 to {MAX_NAME} printable characters, got {name!r}"
        )
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    with database.transaction() as connection:
        used = connection.execute(
            "SELECT 1 FROM api_keys WHERE name = ? AND revoked IS NULL", (name,)
        ).fetchone()
        if used:
            raise ConfigError(f"there is a key {name!r} already; revoke it first, or name another")
        connection.execute(
            "INSERT INTO api_keys (key_id, name, role, secret_sha256, created)"
            " VALUES (?, ?, ?, ?, ?)",
            (key_id, name, role, _digest(secret), _now()),
        )
    return f"{PREFIX}_{key_id}_{secret}"


def revoke_key(database: ServiceDatabase, name: str) -> None:
    """Make the key `name` (or with that id) worthless from now on.

    Raises:
        ConfigError: If there is no such key in use.
    """
    with database.transaction() as connection:
        done = connection.execute(
            "UPDATE api_keys SET revoked = ? WHERE revoked IS NULL AND (name = ? OR key_id = ?)",
            (_now(), name, name),
        )
        if done.rowcount == 0:
            raise ConfigError(f"expected the name or id of a key in use, got {name!r}")


def list_keys(database: ServiceDatabase) -> Iterator[KeyRow]:
    """All keys, oldest first."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT key_id, name, role, created, revoked FROM api_keys ORDER BY created, key_id"
        ).fetchall()
    return (KeyRow(**dict(row)) for row in rows)


@dataclass(slots=True)
class KeyRing:
    """The keys in use, read again every second: a revoked one is refused a second later."""

    database: ServiceDatabase
    clock: Callable[[], float] = time.monotonic
    _read_at: float = -math.inf
    _any: bool = False
    _in_use: dict[str, tuple[str, Caller]] = field(default_factory=dict)

    def needed(self) -> bool:
        """Whether a key was ever made; from then on every request needs one."""
        self._read()
        return self._any

    def find(self, key: str) -> Caller | None:
        """Who shows `key`, or None if it is none of ours or was revoked."""
        self._read()
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        digest, caller = self._in_use.get(key_id, ("", None))
        known = hmac.compare_digest(digest, _digest(secret))
        return caller if known and prefix == PREFIX else None

    def _read(self) -> None:
        now = self.clock()
        if now - self._read_at < READ_EVERY_S:
            return
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT key_id, name, role, secret_sha256, revoked FROM api_keys"
            ).fetchall()
        self._any = bool(rows)
        self._in_use = {
            row["key_id"]: (row["secret_sha256"], Caller(name=row["name"], role=row["role"]))
            for row in rows
            if row["revoked"] is None
        }
        self._read_at = now


def _digest(secret: str) -> str:
    # 256 random bits cannot be guessed, so one fast hash is enough; a slow one is for passwords,
    # and would take its time on every request.
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
