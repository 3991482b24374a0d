"""Addresses on a label, as little of each as it takes to hold it against the manifest.

Of an address are kept the country, the postcode, and the words of its first line, which names the
person or firm. Street and town are not: nothing here compares them.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

from parcelscope.datasets.country_names import COUNTRY_OF_NAME
from parcelscope.datasets.text_lines import TextLine, text_blocks

AddressRole = Literal["to", "from"]

LEAST_LINES: Final = 3
"""Name, street and town: fewer are a slogan or a declaration more often than an address."""
LEAST_CONFIDENCE: Final = 0.8
"""Of a line; others are left out. A name or a country has no check digit."""
_ROLES: Final[dict[str, AddressRole]] = {
    "TO": "to", "SHIP TO": "to", "DELIVER TO": "to", "DELIVERY TO": "to", "RECIPIENT": "to",
    "RECEIVER": "to", "ADDRESSEE": "to", "CONSIGNEE": "to", "DESTINATAIRE": "to",
    "EMPFANGER": "to", "DESTINATARIO": "to",
    "FROM": "from", "SHIP FROM": "from", "SENDER": "from", "SHIPPER": "from", "RETURN": "from",
    "RETURN TO": "from", "RETURN ADDRESS": "from", "IF UNDELIVERED RETURN TO": "from",
    "EXPEDITEUR": "from", "ABSENDER": "from", "REMITENTE": "from", "MITTENTE": "from",
}  # fmt: skip
"""What is printed over an address or before its first line, as UPU forms and carriers have it."""
_ROLE: Final = re.compile(
    rf"({'|'.join(sorted(_ROLES, key=len, reverse=True))})\b *(.*)", re.IGNORECASE
)
_MOST_WORDS: Final = max(len(name.split()) for name in COUNTRY_OF_NAME)
_STATES: Final = frozenset({
    "AK", "AL", "AR", "AZ", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "HI", "IA", "ID", "IL", "IN",
    "KS", "KY", "LA", "MA", "MD", "ME", "MI", "MN", "MO", "MS", "MT", "NC", "ND", "NE", "NH", "NJ",
    "NM", "NV", "NY", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VA", "VT", "WA",
    "WI", "WV", "WY",
})  # fmt: skip
"""States of the USA: behind a town they are no country, whatever country has the same letters."""
_POSTCODES: Final = tuple(
    re.compile(rf"(?<![A-Z0-9-])(?:{form})(?![A-Z0-9-])")
    for form in (
        r"\d{5}-\d{4}",  # USA, with the four digits of the route
        r"[A-Z]\d[A-Z] ?\d[A-Z]\d",  # Canada
        r"[A-Z]{1,2}\d[A-Z0-9]? ?\d[A-Z]{2}",  # United Kingdom
        r"\d{4} ?[A-Z]{2}(?= |$)",  # Netherlands
        r"\d{3}-\d{4}|\d{5}-\d{3}|\d{4}-\d{3}|\d{2}-\d{3}|\d{3} \d{2}",  # JP, BR, PT, PL, CZ and SE
        r"\d{4,6}",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAddress:
    """What is kept of one address."""

    country: str | None
    """ISO 3166-1 alpha-2, where its last line names one."""
    postcode: str | None
    """Capitals and digits alone."""
    name: str | None
    """Words of its first line, small, without accents, in order of the alphabet."""
    role: AddressRole | None
    """Whether the label says that it is the addressee's or the sender's."""

    def to_text(self) -> str:
        """As one line of JSON, which a finding can hold."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> "LabelAddress":
        """What `to_text` gave."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBlock:
    """One address, and where it stands."""

    address: LabelAddress
    confidence: float
    """Mean of the lines that it was made of."""
    box_xyxy: tuple[float, float, float, float]
    """Around its lines, in pixels."""


def label_addresses(lines: Sequence[TextLine]) -> tuple[AddressBlock, ...]:
    """Those blocks of `lines` that are addresses, from the top of the label to its bottom.

    An address is three lines or more with a country or a postcode below its first line.
    """
    found = []
    for block in text_blocks(lines):
        sure = [line for line in block if line.confidence >= LEAST_CONFIDENCE]
        address = _address([_plain(line.text) for line in sure])
        if address is None:
            continue
        boxes = [line.box_xyxy for line in block]
        found.append(
            AddressBlock(
                address=address,
                confidence=sum(line.confidence for line in sure) / len(sure),
                box_xyxy=(
                    min(box[0] for box in boxes),
                    min(box[1] for box in boxes),
                    max(box[2] for box in boxes),
                    max(box[3] for box in boxes),
                ),
            )
        )
    return tuple(found)


def name_words(name: str) -> str:
    """`name` as names on labels are compared: words in order, small, without accents and signs."""
    return " ".join(sorted(_plain(name).lower().replace("-", " ").split()))


def _address(lines: Sequence[str]) -> LabelAddress | None:
    """The address that `lines` (without signs but hyphens) are, if they are one."""
    role, kept = _without_role([line for line in lines if line])
    if len(kept) < LEAST_LINES:
        return None
    country, rest = _country(kept)
    postcode = _postcode([line.upper() for line in rest[1:]])
    if country is None and postcode is None:
        return None
    name = name_words(kept[0])
    return LabelAddress(
        country=country, postcode=postcode, name=name if len(name) > 2 else None, role=role
    )


def _without_role(lines: list[str]) -> tuple[AddressRole | None, list[str]]:
    """The role that the first line says, and the lines without it."""
    match = _ROLE.fullmatch(lines[0]) if lines else None
    if match is None:
        return None, lines
    named = [match[2]] if match[2] else []
    return _ROLES[match[1].upper()], [*named, *lines[1:]]


def _country(lines: list[str]) -> tuple[str | None, list[str]]:
    """The country that the last line is or ends with, and the lines without it."""
    words = lines[-1].replace("-", " ").split()
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        ending, before = " ".join(words[-count:]), words[:-count]
        if ending.upper() not in COUNTRY_OF_NAME:
            continue
        # Two letters are a country's code only in capitals; words of two letters are common.
        if len(ending) == 2 and (not ending.isupper() or (before and ending in _STATES)):
            continue
        rest = [*lines[:-1], " ".join(before)] if before else lines[:-1]
        return COUNTRY_OF_NAME[ending.upper()], rest
    return None, lines


def _postcode(lines: Sequence[str]) -> str | None:
    """The postcode in the lowest of `lines` that has one."""
    for line in reversed(lines):
        for form in _POSTCODES:
            found = form.findall(line)
            if found:
                return re.sub(r"[^A-Z0-9]", "", found[-1])
    return None


def _plain(text: str) -> str:
    """`text` without accents, and without signs but hyphens."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w-]+", " ", bare.replace("_", " ")).split())
