"""Identifiers that carry a check digit, recognised and checked column-wise.

| scheme | what | check |
|---|---|---|
| S10 | UPU item identifier, LLNNNNNNNNCLL | weights 8 6 4 2 3 5 9 7, modulo 11 |
| SSCC | GS1 serial shipping container code, 18 digits | weights 3 1 from the right, modulo 10 |
| AWB | IATA air waybill, prefix of 3, serial of 7 | serial modulo 7 |
| 1Z | UPS, 1Z and 16 more | letters as digits, weights 1 2, modulo 10 |
| IMpb | USPS, 22 or 26 digits from 91 to 95 | weights 3 1 from the right, modulo 10 |
"""

from collections.abc import Sequence

import polars as pl

_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def normalised(text: pl.Expr) -> pl.Expr:
    """`text` as identifiers are compared: capitals and digits alone, without what a barcode adds.

    Dropped are the symbology prefix (`]C1`), the GS1 application identifier of an SSCC, and the
    destination ZIP code (420 and 5 or 9 digits) before a USPS number. Empty becomes null.
    """
    bare = (
        text.str.to_uppercase()
        .str.replace(r"^\][A-Z]\d", "")
        .str.replace_all(r"[^A-Z0-9]", "")
        .str.replace(r"^00(\d{18})$", "$1")
        .str.replace(r"^420(?:\d{5}|\d{9})(9[1-5]\d{20}|9[1-5]\d{24})$", "$1")
    )
    return pl.when(bare != "").then(bare)


def scheme(identifier: pl.Expr) -> pl.Expr:
    """The scheme that a normalised `identifier` is written in, null where it is none of ours.

    Eleven digits alone may be many things; they are an AWB only where the caller knows it.
    """
    return (
        pl.when(identifier.str.contains(r"^[A-Z]{2}\d{9}[A-Z]{2}$"))
        .then(pl.lit("S10"))
        .when(identifier.str.contains(r"^1Z[A-Z0-9]{15}\d$"))
        .then(pl.lit("1Z"))
        .when(identifier.str.contains(r"^9[1-5](\d{20}|\d{24})$"))
        .then(pl.lit("IMpb"))
        .when(identifier.str.contains(r"^\d{18}$"))
        .then(pl.lit("SSCC"))
    )


def check_holds(identifier: pl.Expr) -> pl.Expr:
    """Whether the check digit of a normalised `identifier` is right; null without a scheme."""
    kind = scheme(identifier)
    return (
        pl.when(kind == "S10")
        .then(_s10_holds(identifier))
        .when(kind == "1Z")
        .then(_ups_holds(identifier))
        .when(kind == "IMpb")
        .then(_gs1_holds(identifier.str.zfill(26), 26))  # leading zeros leave the sum alone
        .when(kind == "SSCC")
        .then(_gs1_holds(identifier, 18))
    )


def air_waybill_holds(identifier: pl.Expr) -> pl.Expr:
    """Whether a normalised air waybill is right; null where it does not have eleven digits."""
    serial = identifier.str.slice(3, 7).cast(pl.Int64, strict=False)
    return pl.when(identifier.str.contains(r"^\d{11}$")).then(serial % 7 == _digit(identifier, 10))


def _digit(identifier: pl.Expr, position: int) -> pl.Expr:
    return identifier.str.slice(position, 1).cast(pl.Int32, strict=False)


def _weighted(identifier: pl.Expr, start: int, weights: Sequence[int]) -> pl.Expr:
    return pl.sum_horizontal(
        _digit(identifier, start + i) * weight for i, weight in enumerate(weights)
    )


def _s10_holds(identifier: pl.Expr) -> pl.Expr:
    check = 11 - _weighted(identifier, 2, _S10_WEIGHTS) % 11
    check = pl.when(check == 10).then(0).when(check == 11).then(5).otherwise(check)
    return check == _digit(identifier, 10)


def _gs1_holds(identifier: pl.Expr, length: int) -> pl.Expr:
    body = length - 1
    weights = [3 if (body - i) % 2 else 1 for i in range(body)]
    return (10 - _weighted(identifier, 0, weights) % 10) % 10 == _digit(identifier, body)


def _ups_holds(identifier: pl.Expr) -> pl.Expr:
    # Letters count as digits: A is 2, B is 3, and so on, modulo 10.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    numeric = identifier.str.slice(2, 15).str.replace_many(
        list(letters), [str((ord(letter) - 63) % 10) for letter in letters]
    )
    weights = [1 if i % 2 == 0 else 2 for i in range(15)]
    return (10 - _weighted(numeric, 0, weights) % 10) % 10 == _digit(identifier, 17)
