"""The people who may sign in: their names, roles and passwords. Every change is an event."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from parcelscope.datasets.errors import ConfigError
from parcelscope.review import events
from parcelscope.review.clock import utc_now
from parcelscope.review.database import reading, writing
from parcelscope.review.passwords import hash_password, is_password
from parcelscope.review.roles import Person, Role
from parcelscope.review.tables import SESSIONS, USERS

MAX_NAME: Final = 100
RESERVED: Final = frozenset({"local", "parcelscope"})
"""Names under which the application itself writes events."""
LOCAL: Final = Person(name="local", role="admin")
"""Whoever is on this machine, where nobody was ever added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the people, without their password."""

    name: str
    role: Role
    has_password: bool
    """Without one they come through a proxy or an OpenID Connect provider alone."""
    disabled: bool
    created: str


def plain_name(name: str) -> str:
    """`name` as it is kept: without case, as people write their own name either way.

    Raises:
        ConfigError: If it is empty, too long, reserved, or has spaces or control characters.
    """
    plain = name.strip().casefold()
    fits = 0 < len(plain) <= MAX_NAME and plain.isprintable() and not any(map(str.isspace, plain))
    if not fits:
        raise ConfigError(
            f"a name must be 1 to {MAX_NAME} printable characters without spaces,"
            f" got {name[:MAX_NAME]!r}"
        )
    if plain in RESERVED:
        raise ConfigError(f"the name {plain!r} is that of the application itself; take another")
    return plain


def anybody(connection: Connection) -> bool:
    """Whether anybody was ever added; from then on everybody signs in."""
    return connection.execute(select(USERS.c.name).limit(1)).first() is not None


def members(connection: Connection) -> list[Member]:
    """Everybody, by name."""
    rows = connection.execute(select(USERS).order_by(USERS.c.name)).mappings()
    return [_member(row) for row in rows]


def find_member(connection: Connection, name: str) -> Member | None:
    """The person `name`, disabled or not."""
    query = select(USERS).where(USERS.c.name == name.strip().casefold())
    row = connection.execute(query).mappings().first()
    return None if row is None else _member(row)


def with_password(engine: Engine, name: str, password: str) -> Person | None:
    """The person `name` if `password` is theirs and they are not disabled."""
    query = select(USERS).where(USERS.c.name == name.strip().casefold())
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
    # Outside the transaction: a hash takes longer than all decisions of a second.
    usable = None if row is None or row["disabled"] else row["password_hash"]
    if not is_password(password, usable) or row is None:
        return None
    return Person(name=row["name"], role=_role(row))


def add_member(
    engine: Engine, *, by: str, name: str, role: Role, password: str | None = None
) -> Member:
    """Add a person; without a password they come through a proxy or OpenID Connect alone.

    Raises:
        ConfigError: If the name or password is not fit, or the name is taken.
    """
    plain = plain_name(name)
    kept = None if password is None else hash_password(password, name=plain)
    created = utc_now()
    with writing(engine) as connection:
        if find_member(connection, plain) is not None:
            raise ConfigError(f"there is a person {plain!r} already")
        connection.execute(
            insert(USERS).values(
                user_id=secrets.token_hex(8),
                name=plain,
                role=role,
                password_hash=kept,
                disabled=False,
                created=created,
            )
        )
        _note(connection, by, "person_added", plain, role=role)
    return Member(
        name=plain, role=role, has_password=kept is not None, disabled=False, created=created
    )


def set_role(engine: Engine, *, by: str, name: str, role: Role) -> None:
    """Give the person another role; they sign in anew.

    Raises:
        ConfigError: If there is no such person, or nobody would be left to manage people.
    """
    with writing(engine) as connection:
        member = _existing(connection, name)
        if member.role == role:
            return
        if role != "admin":
            _refuse_to_lose_the_last_admin(connection, member)
        _change(connection, member.name, {"role": role})
        _note(connection, by, "person_changed", member.name, role=role, before=member.role)


def set_password(engine: Engine, *, by: str, name: str, password: str) -> None:
    """Give the person another password; they sign in anew.

    Raises:
        ConfigError: If there is no such person, or the password is not fit.
    """
    plain = name.strip().casefold()
    kept = hash_password(password, name=plain)
    with writing(engine) as connection:
        member = _existing(connection, plain)
        _change(connection, member.name, {"password_hash": kept})
        _note(connection, by, "password_set", member.name)


def set_disabled(engine: Engine, *, by: str, name: str, disabled: bool) -> None:
    """Shut the person out, or let them in again. Nobody is deleted: events name them.

    Raises:
        ConfigError: If there is no such person, or nobody would be left to manage people.
    """
    with writing(engine) as connection:
        member = _existing(connection, name)
        if member.disabled == disabled:
            return
        if disabled:
            _refuse_to_lose_the_last_admin(connection, member)
        _change(connection, member.name, {"disabled": disabled})
        _note(connection, by, "person_disabled" if disabled else "person_enabled", member.name)


def _existing(connection: Connection, name: str) -> Member:
    member = find_member(connection, name)
    if member is None:
        raise ConfigError(f"there is no person {name[:MAX_NAME]!r}")
    return member


def _change(connection: Connection, name: str, values: Mapping[str, Any]) -> None:
    connection.execute(update(USERS).where(USERS.c.name == name).values(**values))
    connection.execute(delete(SESSIONS).where(SESSIONS.c.user == name))


def _refuse_to_lose_the_last_admin(connection: Connection, member: Member) -> None:
    if member.role != "admin" or member.disabled:
        return
    query = select(func.count()).where(USERS.c.role == "admin", USERS.c.disabled.is_(False))
    if connection.execute(query).scalar_one() == 1:
        raise ConfigError(f"{member.name!r} is the last admin; make another one first")


def _note(connection: Connection, by: str, kind: str, name: str, **more: str) -> None:
    events.append(connection, who=by, kind=kind, body={"name": name, **more})


def _member(row: Mapping[Any, Any]) -> Member:
    return Member(
        name=row["name"],
        role=_role(row),
        has_password=row["password_hash"] is not None,
        disabled=bool(row["disabled"]),
        created=row["created"],
    )


def _role(row: Mapping[Any, Any]) -> Role:
    role = row["role"]
    if role not in get_args(Role):
        raise ConfigError(f"person {row['name']!r}: unknown role {role!r} in the database")
    return cast("Role", role)
