"""The numbers on parcels, cartons and goods: what kind each is, and whether it can be right.

=========  ==================================  ============================================
kind       what it names                       check
=========  ==================================  ============================================
s10        one mail item (UPU S10)             digit, weights 8 6 4 2 3 5 9 7 mod 11
s9         one mail receptacle (UPU S9)        none; positions and offices
s8         one mail despatch (UPU S8)          none; positions and offices
awb        one air waybill (IATA)              serial mod 7
sscc       one logistic unit (GS1 SSCC-18)     digit, weights 3 1 from the right mod 10
gtin8-14   one trade item (GS1 GTIN, EAN/UPC)  as SSCC
=========  ==================================  ============================================

A wrong number is evidence about a declaration, so nothing here raises on what was read; only the
`make_` functions, which are called with numbers of our own, do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from parcelscope.datasets.countries import COUNTRIES

IdentifierKind = Literal[
    "s10", "s9", "s8", "awb", "sscc", "gtin8", "gtin12", "gtin13", "gtin14", "unknown"
]
KINDS: tuple[IdentifierKind, ...] = get_args(IdentifierKind)

_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
# Service indicators that begin with these letters are reserved (Barcode Writer in Pure PostScript,
# its page on UPU S10).
_S10_RESERVED = frozenset("JKSTW")

_S10 = re.compile(r"([A-Z]{2})([0-9]{8})([0-9])([A-Z]{2})")
_DESPATCH = r"([A-Z0-9]{6})([A-Z0-9]{6})([ABCD])([A-Z]{2})([0-9])([0-9]{4})"
_S8 = re.compile(_DESPATCH)
_S9 = re.compile(_DESPATCH + r"([0-9]{3})([01])([01])([0-9]{4})")
_DIGITS = re.compile(r"[0-9]+")
_AWB_HYPHENED = re.compile(r"[0-9]{3}-[0-9]{4} ?[0-9]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A number as it was read, and what can be said of it without looking it up."""

    kind: IdentifierKind
    value: str
    """Upper case, without blanks, hyphens and application identifiers; comparable."""
    valid: bool
    """Whether the number could have been issued; never whether it was."""
    reason: str | None = None
    """What is wrong with it, where something is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receptacle:
    """The fields of an S9 receptacle identifier."""

    origin_impc: str
    """International mail processing centre: country, three letters of place, one more."""
    destination_impc: str
    category: str
    """A air, B surface air lifted, C surface, D priority surface."""
    subclass: str
    """First letter U letters, C parcels, E express (EMS)."""
    year_digit: int
    despatch_number: int
    receptacle_number: int
    is_last: bool
    """Whether this is the highest-numbered receptacle of its despatch."""
    holds_registered: bool
    """Whether it holds registered or insured items."""
    weight_g: int
    """Gross weight, in steps of 100 g."""
    despatch_id: str
    """The S8 identifier of the despatch: the first 20 characters."""


def identify(text: str, *, hint: IdentifierKind | None = None) -> Identifier:
    """What kind of number `text` is, and whether its check digit and parts hold.

    Args:
        text: As declared or read from a label; blanks, hyphens, case and GS1 application
            identifiers `(00)` and `(01)` do not matter.
        hint: The kind that the place asks for (a master bill is an `awb`): the number is then
            judged as one. Without it the shape decides, and the kind `unknown` says nothing
            against the number: many carriers have forms of their own.
    """
    value = _normal(text)
    kind = hint if hint is not None and hint != "unknown" else _shape(text, value)
    if kind == "unknown":
        return Identifier(
            kind=kind, value=value, valid=False, reason="not the shape of a known identifier"
        )
    if kind == "sscc" and len(value) == 20 and value.startswith("00"):
        value = value[2:]  # application identifier 00
    reason = _CHECKS[kind](value)
    return Identifier(kind=kind, value=value, valid=reason is None, reason=reason)


def parse_s9(text: str) -> Receptacle | None:
    """The fields of an S9 receptacle identifier, or None if `text` has not its shape."""
    value = _normal(text)
    match = _S9.fullmatch(value)
    if match is None:
        return None
    origin, destination, category, subclass, year, despatch, number, last, registered, weight = (
        match.groups()
    )
    return Receptacle(
        origin_impc=origin,
        destination_impc=destination,
        category=category,
        subclass=subclass,
        year_digit=int(year),
        despatch_number=int(despatch),
        receptacle_number=int(number),
        is_last=last == "1",
        holds_registered=registered == "1",
        weight_g=int(weight) * 100,
        despatch_id=value[:20],
    )


def s10_check_digit(serial8: str) -> int:
    """Check digit of the eight serial digits of an S10 item identifier.

    Any wrong check digit is caught. A single wrong digit of the serial is caught unless it moves
    the weighted sum between 0 and 6 modulo 11, which both give the check digit 5.

    Raises:
        ValueError: If `serial8` is not eight digits.
    """
    _require_digits("serial8", serial8, 8)
    weighted = sum(int(d) * w for d, w in zip(serial8, _S10_WEIGHTS, strict=True))
    return {10: 0, 11: 5}.get(check := 11 - weighted % 11, check)


def awb_check_digit(serial7: str) -> int:
    """Check digit of the seven serial digits of an air waybill: their remainder modulo 7.

    A single wrong digit of the serial is caught unless it is off by exactly 7; the airline prefix
    is not covered.

    Raises:
        ValueError: If `serial7` is not seven digits.
    """
    _require_digits("serial7", serial7, 7)
    return int(serial7) % 7


def gs1_check_digit(digits: str) -> int:
    """Check digit of an SSCC or GTIN without its last digit; any single wrong digit is caught.

    Raises:
        ValueError: If `digits` is not digits.
    """
    _require_digits("digits", digits, len(digits) or 1)
    weighted = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return -weighted % 10


def make_s10(service: str, serial8: str, country: str) -> str:
    """The S10 item identifier of a service (two letters), a serial and an issuing country."""
    made = f"{service}{serial8}{s10_check_digit(serial8)}{country}"
    return _made("s10", made)


def make_awb(prefix3: str, serial7: str) -> str:
    """The air waybill number `176-12345675` of an airline prefix and a serial."""
    made = f"{prefix3}-{serial7}{awb_check_digit(serial7)}"
    _made("awb", made)
    return made


def make_sscc(digits17: str) -> str:
    """The SSCC-18 of extension digit, company prefix and serial, 17 digits together."""
    return _made("sscc", f"{digits17}{gs1_check_digit(digits17)}")


def make_gtin(digits: str) -> str:
    """The GTIN-8, -12, -13 or -14 of 7, 11, 12 or 13 digits."""
    kind = _GTIN_OF_LENGTH.get(len(digits) + 1)
    if kind is None:
        raise ValueError(f"digits must be 7, 11, 12 or 13 digits, got {digits!r}")
    return _made(kind, f"{digits}{gs1_check_digit(digits)}")


def make_s9(despatch_id: str, receptacle: int, *, weight_g: float, last: bool = False) -> str:
    """The S9 identifier of one receptacle (1 to 999) of a despatch, without registered items."""
    made = f"{despatch_id}{receptacle:03d}{int(last)}0{round(weight_g / 100):04d}"
    return _made("s9", made)


def _normal(text: str) -> str:
    bare = re.sub(r"^\((?:00|01)\)", "", text.strip())
    return re.sub(r"[\s\-]", "", bare).upper()


def _shape(text: str, value: str) -> IdentifierKind:
    if _S10.fullmatch(value):
        return "s10"
    if _S9.fullmatch(value):
        return "s9"
    if _DIGITS.fullmatch(value):
        if _AWB_HYPHENED.fullmatch(text.strip()) or len(value) == 11:
            return "awb"
        if len(value) == 18 or (len(value) == 20 and value.startswith("00")):
            return "sscc"
        return _GTIN_OF_LENGTH.get(len(value), "unknown")
    return "s8" if _S8.fullmatch(value) else "unknown"


def _check_s10(value: str) -> str | None:
    match = _S10.fullmatch(value)
    if match is None:
        return f"an S10 item identifier is 2 letters, 9 digits and 2 letters, got {value!r}"
    service, serial8, check, country = match.groups()
    if (right := s10_check_digit(serial8)) != int(check):
        return f"the check digit must be {right}, got {check}"
    if country not in COUNTRIES:
        return f"the issuing country must be an ISO 3166-1 code, got {country}"
    if service[0] in _S10_RESERVED:
        return f"service indicators that begin with {service[0]} are reserved, got {service}"
    return None


def _check_offices(value: str) -> str | None:
    for role, impc in (("origin", value[:6]), ("destination", value[6:12])):
        if impc[:2] not in COUNTRIES:
            return f"the {role} office must begin with an ISO 3166-1 country, got {impc}"
    return None


def _check_s9(value: str) -> str | None:
    if _S9.fullmatch(value) is None:
        return f"an S9 receptacle identifier is 29 characters in fixed places, got {value!r}"
    return _check_offices(value)


def _check_s8(value: str) -> str | None:
    if _S8.fullmatch(value) is None:
        return f"an S8 despatch identifier is 20 characters in fixed places, got {value!r}"
    return _check_offices(value)


def _check_awb(value: str) -> str | None:
    if len(value) != 11 or _DIGITS.fullmatch(value) is None:
        return f"an air waybill number is 11 digits, got {value!r}"
    if (right := awb_check_digit(value[3:10])) != int(value[10]):
        return f"the check digit must be {right}, got {value[10]}"
    return None


def _gs1_check(name: str, length: int) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        if len(value) != length or _DIGITS.fullmatch(value) is None:
            return f"{name} is {length} digits, got {value!r}"
        if (right := gs1_check_digit(value[:-1])) != int(value[-1]):
            return f"the check digit must be {right}, got {value[-1]}"
        return None

    return check


def _require_digits(name: str, digits: str, length: int) -> None:
    if len(digits) != length or _DIGITS.fullmatch(digits) is None:
        raise ValueError(f"{name} must be {length} digits, got {digits!r}")


def _made(kind: IdentifierKind, made: str) -> str:
    identifier = identify(made, hint=kind)
    if not identifier.valid:
        raise ValueError(f"{made} cannot be issued: {identifier.reason}")
    return identifier.value


_GTIN_OF_LENGTH: dict[int, IdentifierKind] = {8: "gtin8", 12: "gtin12", 13: "gtin13", 14: "gtin14"}
_CHECKS: dict[IdentifierKind, Callable[[str], str | None]] = {
    "s10": _check_s10,
    "s9": _check_s9,
    "s8": _check_s8,
    "awb": _check_awb,
    "sscc": _gs1_check("an SSCC", 18),
    "gtin8": _gs1_check("a GTIN-8", 8),
    "gtin12": _gs1_check("a GTIN-12", 12),
    "gtin13": _gs1_check("a GTIN-13", 13),
    "gtin14": _gs1_check("a GTIN-14", 14),
}
