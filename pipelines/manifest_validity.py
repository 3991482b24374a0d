"""Whether what a manifest row says can be right: check digits, codes and forms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from parcelscope.datasets.countries import COUNTRIES
from parcelscope.datasets.identifiers import IdentifierKind, identify
from parcelscope.datasets.manifests.currencies import CURRENCIES
from parcelscope.screening.indicators.check_digits import check_holds, normalised, scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidityCheck:
    """One thing that can be wrong with a filled field."""

    code: str
    title: str
    standard: str
    column: str
    judge: Callable[[pl.Series], pl.Series]
    """From the filled values to true, false, or null where the check does not apply."""


def judged(frame: pl.DataFrame, check: ValidityCheck) -> pl.Series:
    """True, false or null (empty, or not to be judged) for each row of `frame`."""
    column = frame.get_column(check.column)
    # Manifests repeat themselves: judge each value once.
    values = column.drop_nulls().unique(maintain_order=True)
    answers = check.judge(values)
    return column.to_frame("value").select(
        pl.col("value").replace_strict(values, answers, default=None, return_dtype=pl.Boolean)
    ).to_series()  # fmt: skip


def _carriers(values: pl.Series) -> pl.Series:
    """Numbers of a scheme with a check digit; S10 numbers by the country of issue as well."""
    numbers = pl.select(normalised(pl.lit(values))).to_series()
    holds = check_holds(numbers)
    s10 = pl.select(scheme(pl.lit(numbers)) == "S10").to_series()
    issuer = numbers.str.slice(11, 2).is_in(list(COUNTRIES))
    return pl.select(
        pl.when(pl.lit(s10)).then(pl.lit(holds) & pl.lit(issuer)).otherwise(pl.lit(holds))
    ).to_series()


def _as(hint: IdentifierKind) -> Callable[[pl.Series], pl.Series]:
    def judge(values: pl.Series) -> pl.Series:
        return pl.Series([identify(text, hint=hint).valid for text in values], dtype=pl.Boolean)

    return judge


def _of_kinds(kinds: tuple[IdentifierKind, ...]) -> Callable[[pl.Series], pl.Series]:
    """Numbers that have the shape of one of `kinds`; others may be anything, and are not judged."""

    def judge(values: pl.Series) -> pl.Series:
        found = [identify(text) for text in values]
        return pl.Series(
            [one.valid if one.kind in kinds else None for one in found], dtype=pl.Boolean
        )

    return judge


def _in(codes: frozenset[str]) -> Callable[[pl.Series], pl.Series]:
    def judge(values: pl.Series) -> pl.Series:
        return values.str.strip_chars().str.to_uppercase().is_in(list(codes))

    return judge


def _tariff_form(values: pl.Series) -> pl.Series:
    digits = values.str.replace_all(r"[.\s-]", "")
    # Chapter 77 of the HS is kept free; 98 and 99 are national ones of the HTSUS.
    return digits.str.contains(r"^(?:0[1-9]|[1-9]\d)(?:\d{4}|\d{6}|\d{8})$") & ~digits.str.contains(
        r"^77"
    )


def _positive(values: pl.Series) -> pl.Series:
    return values > 0


VALIDITY_CHECKS: Final = (
    ValidityCheck(code="tracking_number", title="Tracking number: check digit",
                  column="tracking_number", standard="UPU S10, UPS 1Z, USPS IMpb, GS1 SSCC",
                  judge=_carriers),
    ValidityCheck(code="master_bill", title="Master bill: check digit", column="master_bill",
                  standard="IATA air waybill, serial modulo 7", judge=_as("awb")),
    ValidityCheck(code="receptacle", title="Receptacle: form and offices, or check digit",
                  column="receptacle_id", standard="UPU S9, UPU S8, GS1 SSCC",
                  judge=_of_kinds(("s9", "s8", "sscc"))),
    ValidityCheck(code="sku", title="Article number: check digit", column="sku",
                  standard="GS1 GTIN", judge=_of_kinds(("gtin8", "gtin12", "gtin13", "gtin14"))),
    ValidityCheck(code="shipper_country", title="Country of the sender", column="shipper_country",
                  standard="ISO 3166-1 alpha-2", judge=_in(COUNTRIES)),
    ValidityCheck(code="consignee_country", title="Country of the recipient",
                  column="consignee_country", standard="ISO 3166-1 alpha-2", judge=_in(COUNTRIES)),
    ValidityCheck(code="origin_country", title="Country of origin", column="origin_country",
                  standard="ISO 3166-1 alpha-2", judge=_in(COUNTRIES)),
    ValidityCheck(code="currency", title="Currency", column="currency", standard="ISO 4217",
                  judge=_in(CURRENCIES)),
    ValidityCheck(code="hs_code", title="Tariff code: 6, 8 or 10 digits of a chapter in use",
                  column="hs_code", standard="HS, HTSUS", judge=_tariff_form),
    ValidityCheck(code="weight", title="Declared weight above zero", column="declared_weight_g",
                  standard="a parcel weighs something", judge=_positive),
    ValidityCheck(code="value", title="Declared value above zero", column="value",
                  standard="goods are worth something", judge=_positive),
)  # fmt: skip
"""Checks of filled fields. None of them says that a number was ever issued."""
