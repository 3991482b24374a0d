"""Passwords: what is taken as one, and what is kept of it (argon2id)."""

import threading
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from parcelscope.datasets.errors import ConfigError

MIN_LENGTH: Final = 15
"""NIST SP 800-63B-4, 3.1.1.2: where the password is all that is asked for."""
MAX_LENGTH: Final = 256
MIN_CHARACTERS: Final = 6
"""How many different characters it needs at least: `aaaaaaaaaaaaaaa` is long and no secret."""
LEAST_OF_NAME: Final = 3
"""Shorter names stand in any sentence."""
_TOGETHER: Final = threading.Semaphore(2)
"""Each check takes 64 MiB of memory, so that many at once would be an attack by themselves."""


def hash_password(password: str, *, name: str) -> str:
    """What is kept of the `password` of the person `name`.

    Raises:
        ConfigError: If it is too short, too long, too plain, or holds the name.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise ConfigError(
            f"a password must have {MIN_LENGTH} to {MAX_LENGTH} characters, got {len(password)}"
        )
    if len(set(password)) < MIN_CHARACTERS:
        raise ConfigError(
            f"a password must have at least {MIN_CHARACTERS} different characters,"
            f" got {len(set(password))}"
        )
    if len(name) >= LEAST_OF_NAME and name.lower() in password.lower():
        raise ConfigError("a password must not hold the person's name")
    with _TOGETHER:
        return _hasher().hash(password)


def is_password(password: str, kept: str | None) -> bool:
    """Whether `password` is that of which `kept` was kept.

    Takes as long where nothing was kept, so that the time does not tell who exists.
    """
    with _TOGETHER:
        try:
            _hasher().verify(kept or _of_nobody(), password[: MAX_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # argon2id, RFC 9106, 64 MiB


@cache
def _of_nobody() -> str:
    return _hasher().hash("the password of somebody who does not exist")
