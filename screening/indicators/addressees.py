"""U5: addresses on photos of a parcel against the consignee that the manifest names for it.

Only where labels are read as text. What is said names countries and postcodes, never a name or a
street: nobody needs the name of a stranger to look at a parcel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import polars as pl
from pydantic import BaseModel, Field
from rapidfuzz import fuzz

from parcelscope.datasets.label_addresses import LabelAddress, name_words
from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_findings,
    as_not_assessed,
)
from parcelscope.screening.indicators.label_numbers import ADDRESS, OWNER, unread

ADDRESSES: Final = "U5.addresses"
CONSIGNEE: Final = "U5.consignee"

Whose = Literal["consignee", "sender", "other", "unclear"]
Row = dict[str, Any]
_NO_ADDRESS: Final = "no address could be read on a photo"
_NO_CONSIGNEE: Final = "the manifest names no consignee"
_NOT_TOLD: Final = "whose address was read cannot be told"


class AddresseeParameters(BaseModel, frozen=True, extra="forbid"):
    """U5: what a second addressee, or another than declared, counts for."""

    addresses: Grades
    """By the number of different addresses besides the sender's."""
    country: float = Field(ge=1)
    """Ratio of an address in another country than the declared consignee's."""
    postcode: float = Field(ge=1)
    """Ratio of another postcode and another name."""
    name: float = Field(ge=1)
    """Ratio of another name, where postcodes cannot be compared."""
    alike: float = Field(gt=50, le=100)
    """Similarity of two names (rapidfuzz, 0 to 100) from which they are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whom the manifest names."""

    name: str | None
    """As `name_words` gives it."""
    country: str | None
    postcode: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One address on one photo."""

    address: LabelAddress
    whose: Whose
    image_path: str | None
    box_xyxy: list[float] | None


def odd_addressees(evidence: Evidence, parameters: AddresseeParameters) -> Outcome:
    """U5.addresses and U5.consignee.

    An address is the consignee's if its name or its postcode is alike and its country is not
    another. It is the sender's if the label says so, if its name is the shipper's, or if it lies in
    the shipper's country and not in the consignee's. Where no address is the sender's so, the first
    of the others in the consignee's country is taken for it, as of a firm that forwards.
    """
    found = evidence.findings.filter(
        (pl.col("code") == ADDRESS) & (pl.col("owner_kind") == "parcel")
    ).sort("owner_id", "image_path", pl.col("box_xyxy").list.get(1), nulls_last=True)
    blind = unread(evidence, found, "photo.text").filter(pl.col("owner_kind") == "parcel")
    rows, silent = _judged(evidence, found, parameters)
    nothing = evidence.owners("parcel").select(OWNER)
    nothing = nothing.join(
        pl.concat([blind.select(OWNER), found.select(OWNER)]), on=OWNER, how="anti"
    )
    return Outcome(
        findings=as_findings(pl.DataFrame(rows, infer_schema_length=None)),
        not_assessed=pl.concat(
            [
                as_not_assessed(some, code, reason)
                for code in (ADDRESSES, CONSIGNEE)
                for some, reason in (
                    (blind, pl.col("reason")),
                    (nothing, pl.lit(_NO_ADDRESS)),
                    (silent.filter(pl.col("code") == code), pl.col("reason")),
                )
            ]
        ),
    )


def _judged(
    evidence: Evidence, found: pl.DataFrame, parameters: AddresseeParameters
) -> tuple[list[Row], pl.DataFrame]:
    """What is found on the addresses `found`, and on whom nothing can be said: code and reason."""
    rows: list[Row] = []
    silent: list[Row] = []
    parcels = evidence.owners("parcel").join(found.select(OWNER).unique(), on=OWNER, how="semi")
    declared = {row["owner_id"]: row for row in parcels.iter_rows(named=True)}
    for (owner_id,), blocks in found.group_by("owner_id", maintain_order=True):
        manifest = declared[owner_id]
        consignee, shipper = _party(manifest, "consignee"), _party(manifest, "shipper")
        owner: Row = {"owner_id": owner_id, "owner_kind": "parcel"}
        seen = [
            _seen(row, consignee, shipper, parameters.alike) for row in blocks.iter_rows(named=True)
        ]
        for code, told in _said(_with_a_sender(seen, consignee), consignee, parameters):
            target = silent if "reason" in told else rows
            target.append({**owner, "code": code, **told})
    columns = ("owner_id", "owner_kind", "code", "reason")
    return rows, pl.DataFrame(silent, schema=dict.fromkeys(columns, pl.String()))


def _said(
    seen: Sequence[_Seen], consignee: Party, parameters: AddresseeParameters
) -> Iterator[tuple[str, Row]]:
    """Findings (code and columns), or the reason why there can be none."""
    if consignee == Party(name=None, country=None, postcode=None):
        yield from ((code, {"reason": _NO_CONSIGNEE}) for code in (ADDRESSES, CONSIGNEE))
        return
    others = [one for one in seen if one.whose == "other"]
    meets = any(one.whose == "consignee" for one in seen)
    if not meets and not others:
        yield from ((code, {"reason": _NOT_TOLD}) for code in (ADDRESSES, CONSIGNEE))
        return
    different = _different(
        [one for one in seen if one.whose == "consignee"][:1], others, parameters
    )
    if len(different) > 1:
        places = " and ".join(_place(one.address) for one in different[:2])
        yield (
            ADDRESSES,
            {
                "sentence": f"Photos show {len(different)} different addresses besides the"
                f" sender's, such as in {places}; a parcel has one addressee.",
                "observed": float(len(different)),
                "expected": 1.0,
                "unit": "addresses",
                "likelihood_ratio": float(
                    parameters.addresses.ratios(pl.Series([float(len(different))]).to_numpy())[0]
                ),
                "image_path": different[-1].image_path,
                "box_xyxy": different[-1].box_xyxy,
            },
        )
    if others and not meets:
        ratio, one, sentence = max(
            (_difference(one, consignee, parameters) for one in others), key=lambda told: told[0]
        )
        yield (
            CONSIGNEE,
            {
                "sentence": sentence,
                "likelihood_ratio": ratio,
                "image_path": one.image_path,
                "box_xyxy": one.box_xyxy,
            },
        )


def _seen(row: Row, consignee: Party, shipper: Party, alike: float) -> _Seen:
    address = LabelAddress.from_text(row["text"])
    return _Seen(
        address=address,
        whose=_whose(address, consignee, shipper, alike),
        image_path=row["image_path"],
        box_xyxy=row["box_xyxy"],
    )


def _whose(address: LabelAddress, consignee: Party, shipper: Party, alike: float) -> Whose:
    """Whose address it is, as far as it can be told from itself."""
    if address.role == "from":
        return "sender"
    known = address.country is not None and consignee.country is not None
    abroad = known and address.country != consignee.country
    by_name = _alike(address.name, consignee.name, alike)
    by_postcode = _same_postcode(address, consignee)
    if not abroad and (by_name or by_postcode):
        return "consignee"
    if address.role is None:
        if _alike(address.name, shipper.name, alike):
            return "sender"
        if abroad and shipper.country in (None, address.country):
            return "sender" if shipper.country else "unclear"
    # No name and no postcode to compare say nothing against the consignee.
    return "other" if abroad or by_name is False or by_postcode is False else "unclear"


def _with_a_sender(seen: Sequence[_Seen], consignee: Party) -> list[_Seen]:
    """`seen`, where an address of nobody's is taken for the sender's if there is no other."""
    if any(one.whose == "sender" for one in seen):
        return list(seen)
    for n, one in enumerate(seen):
        domestic = one.address.country in (None, consignee.country)
        if one.whose == "other" and one.address.role is None and domestic:
            return [*seen[:n], replace(one, whose="sender"), *seen[n + 1 :]]
    return list(seen)


def _different(
    first: Sequence[_Seen], others: Sequence[_Seen], parameters: AddresseeParameters
) -> list[_Seen]:
    """One of each address: the consignee's if it was seen, and those of others."""
    kept = list(first)
    for one in others:
        party = Party(
            name=one.address.name, country=one.address.country, postcode=one.address.postcode
        )
        if not any(
            _alike(known.address.name, party.name, parameters.alike)
            or _same_postcode(known.address, party)
            for known in kept
        ):
            kept.append(one)
    return kept


def _difference(
    one: _Seen, consignee: Party, parameters: AddresseeParameters
) -> tuple[float, _Seen, str]:
    """What an address that is not the consignee's counts for, and in what it differs."""
    place = _place(one.address)
    if one.address.country and consignee.country and one.address.country != consignee.country:
        told = f"A photo shows an address in {place}; the manifest's consignee is in"
        return parameters.country, one, f"{told} {consignee.country}."
    if one.address.postcode and consignee.postcode:
        return (
            parameters.postcode,
            one,
            f"A photo shows an address in {place} under another name than the manifest's consignee,"
            f" who is in {consignee.postcode}.",
        )
    return (
        parameters.name,
        one,
        f"A photo shows an address in {place} under another name than the manifest's consignee.",
    )


def _party(row: Row, role: str) -> Party:
    name, country = row[f"{role}_name"], row[f"{role}_country"]
    postcode = row.get(f"{role}_postcode")
    return Party(
        name=(name_words(name) or None) if name else None,
        country=(country.strip().upper() or None) if country else None,
        postcode=(_bare(postcode) or None) if postcode else None,
    )


def _alike(one: str | None, other: str | None, least: float) -> bool | None:
    """Whether two names are one; None where one is not known."""
    if one is None or other is None:
        return None
    if fuzz.ratio(one, other) >= least:
        return True
    # `Jane Q Doe` is `Jane Doe`, but a single word is no name.
    enough = min(len(one.split()), len(other.split())) > 1
    return enough and fuzz.token_set_ratio(one, other) >= least


def _same_postcode(address: LabelAddress, party: Party) -> bool | None:
    """Whether the postcodes are one; None where one is not known."""
    if address.postcode is None or party.postcode is None:
        return None
    # The four digits after a ZIP code are often left out.
    digits = 5 if party.country == "US" or address.country == "US" else None
    return _bare(address.postcode)[:digits] == _bare(party.postcode)[:digits]


def _bare(postcode: str) -> str:
    return "".join(c for c in postcode.upper() if c.isalnum())


def _place(address: LabelAddress) -> str:
    return " ".join(part for part in (address.postcode, address.country) if part)
