"""Weights as manifests write them, in grams."""

from decimal import Decimal, DecimalException
from typing import Final

GRAMS_IN: Final[dict[str, Decimal]] = {
    # UN/ECE Recommendation 20 codes, what IATA messages abbreviate, and what people write.
    **dict.fromkeys(("GRM", "G", "GR", "GRAM", "GRAMS"), Decimal(1)),
    **dict.fromkeys(("KGM", "KG", "KGS", "K", "KILOGRAM", "KILOGRAMS"), Decimal(1000)),
    **dict.fromkeys(("LBR", "LB", "LBS", "L", "POUND", "POUNDS"), Decimal("453.59237")),
    **dict.fromkeys(("ONZ", "OZ", "OUNCE", "OUNCES"), Decimal("28.349523125")),
    **dict.fromkeys(("TNE", "T", "TON", "TONNE"), Decimal(1_000_000)),
    **dict.fromkeys(("MGM", "MG"), Decimal("0.001")),
}
"""Grams in one unit. The pound is the international one of 1959."""

KNOWN_UNITS: Final = "KGM, GRM, LBR, ONZ, TNE or MGM"
# A number beyond this is no weight, and writing it out would fill the memory.
_MOST_DIGITS = 30


def in_grams(number: str, unit: str | None) -> str | None:
    """`number` of `unit` in grams, as text; None where either is not understood, or it is negative.

    >>> in_grams("1.5", "KGM")
    '1500.0'
    >>> in_grams("2", "LBR")
    '907.18474'
    """
    factor = GRAMS_IN.get((unit or "").strip().upper())
    if factor is None or len(number) > 100:
        return None
    try:
        value = Decimal(number.strip())
    except DecimalException:
        return None
    if not value.is_finite() or value.is_signed() or abs(value.adjusted()) > _MOST_DIGITS:
        return None
    return format(value * factor, "f")
