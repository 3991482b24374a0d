"""Identifiers that carry a check digit, recognised and checked column-wise.

| scheme | what | check |
|---|---|---|
| S10 | UPU item identifier, LLNNNNNNNNCLL | weights 8 6 4 2 3 5 9 7, modulo 11 |
| SSCC | GS1 serial shipping container code, 18 digits | weights 3 1 from the right, modulo 10 |
| AWB | IATA air waybill, prefix of 3, serial of 7 | serial modulo 7 |
| 1Z | UPS, 1Z and 16 more | letters as digits, weights 1 2, modulo 10 |
| IMpb | USPS, 22 or 26 digits from 91 to 95 | weights 3 1 from the right, modulo 10 |
"""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

_Digits = NDArray[np.int64]
"""Shape (N, length): the digits of N identifiers of one length; letters are 10 to 35."""
_Holds = NDArray[np.bool_]
"""Shape (N,)."""

_S10_WEIGHTS = np.array([8, 6, 4, 2, 3, 5, 9, 7])
_UPS_WEIGHTS = np.array([1, 2] * 7 + [1])


def normalised(text: pl.Expr) -> pl.Expr:
    """`text` as identifiers are compared: capitals and digits alone, without what a barcode adds.

    Dropped are the symbology prefix (`]C1`), the GS1 application identifier of an SSCC, and the
    destination ZIP code (420 and 5 or 9 digits) before a USPS number. Empty becomes null.
    """
    bare = (
        text.str.to_uppercase()
        .str.replace(r"^\][A-Z]\d", "")
        .str.replace_all(r"[^A-Z0-9]", "")
        .str.replace(r"^(?:00(\d{18})|420(?:\d{5}|\d{9})(9[1-5]\d{20}|9[1-5]\d{24}))$", "$1$2")
    )
    # Said once: what stands twice in an expression is computed twice.
    return bare.replace("", None)


def scheme(identifier: pl.Expr) -> pl.Expr:
    """The scheme that a normalised `identifier` is written in, null where it is none of ours.

    Eleven digits alone may be many things; they are an AWB only where the caller knows it.
    """
    return pl.coalesce(
        pl.when(identifier.str.contains(pattern)).then(pl.lit(name))
        for name, pattern in _PATTERNS.items()
    )


_PATTERNS = {
    "S10": r"^[A-Z]{2}\d{9}[A-Z]{2}$",
    "1Z": r"^1Z[A-Z0-9]{15}\d$",
    "IMpb": r"^9[1-5](?:\d{20}|\d{24})$",
    "SSCC": r"^\d{18}$",
}


def check_holds(identifiers: pl.Series) -> pl.Series:
    """Whether the check digit of each normalised identifier is right; null without a scheme."""
    kinds = pl.select(scheme(pl.lit(identifiers))).to_series()
    holds = pl.repeat(None, len(identifiers), dtype=pl.Boolean, eager=True)
    present = set(kinds)
    for name, check in _CHECKS.items():
        if name in present:
            holds = _judged(identifiers, kinds == name, check, holds)
    return holds


def air_waybill_holds(identifiers: pl.Series) -> pl.Series:
    """Whether each normalised air waybill is right; null where it does not have eleven digits."""
    unknown = pl.repeat(None, len(identifiers), dtype=pl.Boolean, eager=True)
    return _judged(identifiers, identifiers.str.contains(r"^\d{11}$"), _awb, unknown)


def _judged(
    identifiers: pl.Series,
    chosen: pl.Series,
    check: Callable[[_Digits], _Holds],
    holds: pl.Series,
) -> pl.Series:
    """`holds` with the verdict of `check` where `chosen`."""
    where = chosen.arg_true()
    if where.is_empty():
        return holds
    texts = identifiers.gather(where)
    verdict = np.zeros(len(texts), np.bool_)
    lengths = texts.str.len_bytes().to_numpy()
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        verdict[same] = check(_digits(texts.gather(same), int(length)))
    return holds.scatter(where, pl.Series(verdict))


def _digits(texts: pl.Series, length: int) -> _Digits:
    """Digits 0 to 9 and letters A to Z (10 to 35) of `texts`, all `length` characters long."""
    codes = np.frombuffer("".join(texts.to_list()).encode("ascii"), np.uint8).astype(np.int64)
    return np.where(codes >= ord("A"), codes - ord("A") + 10, codes - ord("0")).reshape(-1, length)


def _s10(digits: _Digits) -> _Holds:
    check = 11 - digits[:, 2:10] @ _S10_WEIGHTS % 11
    check = np.where(check == 10, 0, np.where(check == 11, 5, check))
    holds: _Holds = check == digits[:, 10]
    return holds


def _gs1(digits: _Digits) -> _Holds:
    body = digits[:, -2::-1]  # from the right, without the check digit
    weights = np.where(np.arange(body.shape[1]) % 2 == 0, 3, 1)
    holds: _Holds = (10 - body @ weights % 10) % 10 == digits[:, -1]
    return holds


def _ups(digits: _Digits) -> _Holds:
    # Letters count as digits: A is 2, B is 3, and so on, modulo 10.
    body = np.where(digits >= 10, digits - 8, digits)[:, 2:17] % 10
    holds: _Holds = (10 - body @ _UPS_WEIGHTS % 10) % 10 == digits[:, 17]
    return holds


def _awb(digits: _Digits) -> _Holds:
    serial = digits[:, 3:10] @ 10 ** np.arange(6, -1, -1)
    holds: _Holds = serial % 7 == digits[:, 10]
    return holds


_CHECKS: dict[str, Callable[[_Digits], _Holds]] = {
    "S10": _s10,
    "1Z": _ups,
    "IMpb": _gs1,
    "SSCC": _gs1,
}
