"""How much two descriptions have in common, word by word."""

import re
from typing import Final

_WORD: Final = re.compile(r"\w{3,}")
_PLURAL: Final = re.compile(r"(?<=\w{3})s$")


def shared_words(one: str, other: str) -> float:
    """Share of all words of both that stand in both, 0 to 1; 0 where one of them has none.

    >>> shared_words("Cotton T-shirts, 3 pcs", "cotton shirt")
    0.6666666666666666
    """
    words, others = _words(one), _words(other)
    together = words | others
    return len(words & others) / len(together) if words and others else 0.0


def _words(text: str) -> set[str]:
    """The words of at least three letters, without the `s` of a plural."""
    return {_PLURAL.sub("", word) for word in _WORD.findall(text.casefold())}
