"""Numbers in the text of a label: found by their shape, believed by their check digits.

A reader of text takes O for 0 and S for 5. Such a letter is taken for the digit that it resembles
where a digit must stand, and only if the check digit then holds; what was read is kept beside it.
Letters are never made of digits: no check digit covers them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from parcelscope.datasets.identifiers import Identifier, IdentifierKind, identify
from parcelscope.datasets.text_lines import TextLine, text_rows

LIKE_DIGITS: Final = {
    "O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "|": "1", "Z": "2", "S": "5", "G": "6",
    "B": "8",
}  # fmt: skip
"""Letters by the digit that readers of text take them for."""
MOST_REPAIRS: Final = 2
"""More such letters in one number are no number: one check digit in ten holds by chance."""

_WORD: Final = re.compile(r"[^\s]+")
_BILL: Final = re.compile(r"(?<![\w-])(\d{3}-\d{4} ?\d{4})(?![\w-])")
_PRODUCT: Final = re.compile(r"[\dA-Z| <>.'\"]+")
"""What stands below the bars of an EAN or UPC; their guards are read as signs."""
_PHONE: Final = re.compile(r"(?i)\+|\b(?:tel|phone|ph|mob|mobile|fax|cell)\b")
_NUMBER: Final = re.compile(r"[A-Z0-9]{8,30}")
_LEAST_DIGITS: Final = 6
"""Of a number of no known scheme. With 12 digits, or letters among 8 characters, nobody's telephone
and no day of the year is meant."""
_MOST_WORDS: Final = 8
"""An identifier is printed in so many groups at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelIdentifier:
    """One number that stands on a label."""

    kind: IdentifierKind
    """`unknown` for numbers of carriers' own, which have no check digit that is known here."""
    value: str
    """As `identifiers.Identifier` has it; an air waybill with its hyphen."""
    raw: str
    """What was read, before any letter was taken for a digit."""
    line: TextLine
    """Where it stands."""

    @property
    def is_repaired(self) -> bool:
        """Whether a letter was taken for a digit."""
        return _bare(self.raw) not in (_bare(self.value), f"00{self.value}")


def label_identifiers(lines: Sequence[TextLine]) -> tuple[LabelIdentifier, ...]:
    """The numbers in `lines` and in rows of them, each once, where it was read most surely.

    S10, SSCC and S9 numbers may stand anywhere in a line and be printed in groups. An air waybill
    must have its hyphen, and a product code a line of its own: any digits look like one by chance
    once in seven and once in ten. Numbers of other shapes are given as `unknown`: long ones, and
    none on a line that speaks of a telephone.
    """
    found: dict[str, LabelIdentifier] = {}
    for line in (*lines, *text_rows(lines)):
        for one in _in_line(line):
            known = found.get(one.value)
            if known is None or _rank(one) > _rank(known):
                found[one.value] = one
    return tuple(found.values())


def _rank(one: LabelIdentifier) -> tuple[bool, float]:
    return (not one.is_repaired, one.line.confidence)


def _in_line(line: TextLine) -> Iterator[LabelIdentifier]:
    text = line.text.upper()
    taken: list[tuple[int, int]] = []

    def given(kind: IdentifierKind, value: str, start: int, end: int) -> LabelIdentifier:
        taken.append((start, end))
        return LabelIdentifier(kind=kind, value=value, raw=text[start:end], line=line)

    for bill in _BILL.finditer(text):
        identifier = identify(bill[1], hint="awb")
        if identifier.valid:
            written = f"{identifier.value[:3]}-{identifier.value[3:]}"
            yield given("awb", written, *bill.span(1))
    words = [(match[0], match.start(), match.end()) for match in _WORD.finditer(text)]
    for size in range(min(_MOST_WORDS, len(words)), 0, -1):
        for first in range(len(words) - size + 1):
            run = words[first : first + size]
            start, end = run[0][1], run[-1][2]
            if any(start < until and begin < end for begin, until in taken):
                continue
            told = _known("".join(word for word, _, _ in run), whole=size == len(words))
            if told is not None:
                yield given(told.kind, told.value, start, end)
    if _PHONE.search(text):
        return
    for word, start, end in words:
        bare = _bare(word)
        is_free = not any(begin < end and start < until for begin, until in taken)
        if is_free and _is_number(bare):
            yield given("unknown", bare, start, end)


def _is_number(bare: str) -> bool:
    digits = sum(c.isdigit() for c in bare)
    is_long = len(bare) >= 12 or digits < len(bare)
    return _NUMBER.fullmatch(bare) is not None and digits >= _LEAST_DIGITS and is_long


def _known(run: str, *, whole: bool) -> Identifier | None:
    """The identifier that the characters of `run` are, if it is one that holds."""
    bare = _bare(re.sub(r"^\((?:00|01)\)", "", run)) if whole else _bare(run)
    told = None
    if len(bare) == 13 and bare[:2].isalpha() and bare[11:].isalpha():
        told = _held(bare[:2], bare[2:11], bare[11:], "s10")
    if told is None and len(bare) in (18, 20) and (len(bare) == 18 or _digits(bare[:2]) == "00"):
        told = _held("", bare[-18:], "", "sscc")
    if told is None and len(bare) == 29:
        told = _sound(bare, "s9")
    if told is None and whole and _PRODUCT.fullmatch(run):
        kinds: dict[int, IdentifierKind] = {12: "gtin12", 13: "gtin13", 14: "gtin14"}
        if len(bare) in kinds:
            told = _held("", bare, "", kinds[len(bare)])
    return told


def _held(head: str, digits: str, tail: str, kind: IdentifierKind) -> Identifier | None:
    """The identifier of which `digits` must be digits, with letters taken for digits if need be."""
    if sum(not c.isdigit() for c in digits) > MOST_REPAIRS:
        return None
    return _sound(f"{head}{_digits(digits)}{tail}", kind)


def _sound(value: str, kind: IdentifierKind) -> Identifier | None:
    identifier = identify(value, hint=kind)
    # A row of equal digits fits most check digits, and is a ruler or a placeholder.
    return identifier if identifier.valid and len(set(identifier.value)) > 2 else None


def _digits(text: str) -> str:
    return "".join(LIKE_DIGITS.get(c, c) for c in text)


def _bare(text: str) -> str:
    return re.sub(r"[^A-Z0-9|]", "", text.upper())
