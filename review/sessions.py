"""Who is signed in: one random token per browser, of which only a hash is kept."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from sqlalchemy import Engine, delete, insert, select, update

from parcelscope.review.clock import as_seconds, as_text, now_s
from parcelscope.review.database import reading, writing
from parcelscope.review.people import anybody, find_member
from parcelscope.review.roles import Person, Role
from parcelscope.review.settings import ReviewSettings
from parcelscope.review.tables import SESSIONS

LOOK_AGAIN_S: Final = 1.0
"""A session that another process ended is refused this much later; ours is refused at once."""
PROLONG_EVERY_S: Final = 60.0
"""How often a session in use is written: not with every request."""


@dataclass(frozen=True, slots=True)
class _Seen:
    person: Person
    until_s: float


@dataclass(slots=True)
class Sessions:
    """The sessions of one application."""

    engine: Engine
    settings: ReviewSettings
    now: Callable[[], float] = now_s
    """Seconds since 1970."""
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _needed: bool = False
    _needed_until_s: float = 0.0

    def needed(self) -> bool:
        """Whether people must sign in: on their own machine not before anybody is added."""
        if not self.settings.is_private:
            return True
        now = self.now()
        # Nobody is ever deleted: once there are people, there will be.
        if not self._needed and now >= self._needed_until_s:
            with reading(self.engine) as connection:
                self._needed = anybody(connection)
            self._needed_until_s = now + LOOK_AGAIN_S
        return self._needed

    def begin(self, person: Person) -> str:
        """Sign `person` in; the token for their browser, which is always a new one."""
        token, now = secrets.token_urlsafe(32), self.now()
        with writing(self.engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires < now))
            connection.execute(
                insert(SESSIONS).values(
                    token_hash=_hash(token),
                    user=person.name,
                    role=person.role,
                    created=as_text(now),
                    expires=self._expiry(created=now, now=now),
                )
            )
        return token

    def find(self, token: str) -> Person | None:
        """Whose token it is; None if nobody's, or the session has ended."""
        token_hash, now = _hash(token), self.now()
        seen = self._seen.get(token_hash)
        if seen is not None and now < seen.until_s:
            return seen.person
        if len(self._seen) > 10_000:
            self._seen.clear()
        person = self._look_up(token_hash, now)
        if person is None:
            self._seen.pop(token_hash, None)
        else:
            self._seen[token_hash] = _Seen(person, now + LOOK_AGAIN_S)
        return person

    def end(self, token: str) -> None:
        """Sign out."""
        with writing(self.engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.token_hash == _hash(token)))
        self.forget()

    def forget(self) -> None:
        """Look everybody up anew, as somebody was added, or their role or password changed."""
        self._seen.clear()
        self._needed_until_s = 0.0

    def _look_up(self, token_hash: str, now: float) -> Person | None:
        with reading(self.engine) as connection:
            query = select(SESSIONS).where(SESSIONS.c.token_hash == token_hash)
            row = connection.execute(query).mappings().first()
            if row is None or row["expires"] < now:
                return None
            member = find_member(connection, row["user"])
        expires = self._expiry(created=as_seconds(row["created"]), now=now)
        if expires - row["expires"] > PROLONG_EVERY_S:
            self._prolong(token_hash, expires)
        if member is None:  # came through an identity provider, which says the role
            return Person(name=row["user"], role=cast("Role", row["role"]))
        # Of those whom we keep ourselves the role of today counts, not that of the sign-in.
        return None if member.disabled else Person(name=member.name, role=member.role)

    def _prolong(self, token_hash: str, expires: float) -> None:
        with writing(self.engine) as connection:
            connection.execute(
                update(SESSIONS).where(SESSIONS.c.token_hash == token_hash).values(expires=expires)
            )

    def _expiry(self, *, created: float, now: float) -> float:
        return min(created + self.settings.session_h * 3600, now + self.settings.idle_min * 60)


def _hash(token: str) -> str:
    # 256 random bits cannot be guessed, so one fast hash is enough.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
