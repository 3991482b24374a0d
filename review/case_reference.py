"""The reference number of a case: `PSC-2026-7K3M9QXA-D`, said aloud and typed without mistakes.

The letters I, L, O and U are not used; the last character checks all others, the year with them.
"""

import re
import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""32 characters; none looks like another (as in Crockford's base 32)."""
SERIAL_LENGTH: Final = 8
_PREFIX: Final = "PSC"
_SHAPE: Final = re.compile(rf"(?:{_PREFIX})?([0-9]{{4}})([{ALPHABET}]{{8}})([{ALPHABET}])")
_MISREAD: Final = str.maketrans("ILO", "110")
"""What people read instead of a digit."""


def new_reference(year: int) -> str:
    """A reference of `year` with a random serial: it tells neither how many there are nor which.

    Of 40 random bits two may be alike; the caller holds it against those there are.
    """
    serial = "".join(secrets.choice(ALPHABET) for _ in range(SERIAL_LENGTH))
    return make_reference(year, serial)


def make_reference(year: int, serial: str) -> str:
    """The reference of `year` and `serial`, with its check character.

    Raises:
        ValueError: If `year` has not four digits or `serial` is not eight of `ALPHABET`.
    """
    text = f"{year:04d}{serial}"
    if len(text) != 4 + SERIAL_LENGTH or year < 0 or set(text) - set(ALPHABET):
        raise ValueError(
            f"a reference needs a year of 4 digits and a serial of {SERIAL_LENGTH} characters of"
            f" {ALPHABET}, got {year!r} and {serial!r}"
        )
    return f"{_PREFIX}-{year:04d}-{serial}-{check_character(text)}"


def read_reference(text: str) -> str | None:
    """The reference that `text` spells, in its one form, or None where it spells none.

    Case, blanks and hyphens do not matter, nor I or L for 1 and O for 0; `PSC` may be left out.
    """
    match = _SHAPE.fullmatch(_bare(text))
    if match is None:
        return None
    year, serial, check = match.groups()
    if check_character(year + serial) != check:
        return None
    return f"{_PREFIX}-{year}-{serial}-{check}"


def looks_like_reference(text: str) -> bool:
    """Whether `text` has the shape of a reference, right or wrong, and begins with `PSC`."""
    return text.strip().upper().startswith(_PREFIX) and _SHAPE.fullmatch(_bare(text)) is not None


def check_character(data: str) -> str:
    """Check character of the year and serial together, 12 characters of `ALPHABET`.

    The characters are elements of the field of 32, weighed by the powers 1, 2, 3... of its
    generator x and added. Up to 30 characters these weights differ from each other and from the
    check's own (one), so that any one wrong character and any two changed about, neighbours or
    not, give another sum.
    """
    total, weight = 0, 1
    for character in data:
        weight = _times_x(weight)
        total ^= _product(weight, ALPHABET.index(character))
    return ALPHABET[total]


def _bare(text: str) -> str:
    bare = re.sub(r"[\s\-]", "", text).upper()
    head, rest = (_PREFIX, bare[len(_PREFIX) :]) if bare.startswith(_PREFIX) else ("", bare)
    return head + rest.translate(_MISREAD)


def _times_x(element: int) -> int:
    """`element` times x, modulo x^5 + x^2 + 1, which is primitive over two elements."""
    doubled = element << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled


def _product(one: int, other: int) -> int:
    total = 0
    while other:
        if other & 1:
            total ^= one
        one = _times_x(one)
        other >>= 1
    return total
