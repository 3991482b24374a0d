"""Consignments from EDIFACT messages built like CUSCAR and IFTMIN: a generic subset.

Read are BGM, CNI, RFF, NAD, LOC, DTM, GID, PAC, FTX, MEA, MOA and CST, with the qualifiers below.
All others are passed over. Message types, versions and the order of segment groups are not
validated: that takes the directory of the trading partner.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from parcelscope.datasets.manifests.bill_numbers import bill_number
from parcelscope.datasets.manifests.edifact_segments import (
    EdifactMessage,
    EdifactRefusedError,
    Segment,
    decoded,
    messages_of,
)
from parcelscope.datasets.manifests.entries import Entry, Message, Reading, Value, text_value
from parcelscope.datasets.manifests.goods_lines import GoodsLine, combined, complainer
from parcelscope.datasets.manifests.limits import Limits
from parcelscope.datasets.manifests.units import in_grams

# Qualifiers as in the directories D.95B to D.16B.
_REFERENCES: Final = {
    "MB": "master_bill", "MWB": "master_bill", "HWB": "house_bill", "BH": "house_bill",
    "ABT": "entry_number",
}  # fmt: skip
_PARTIES: Final = {"CZ": "shipper", "EX": "shipper", "CN": "consignee"}
_WEIGHTS: Final = frozenset(("WT", "AAE", "AAI"))
_GROSS: Final = frozenset(("G", "AAB", "AAD", ""))
_MOMENTS: Final = {"178": "arrived_at"}
_CUSTOMS_VALUE, _CARRIAGE_VALUE = "40", "44"
_PLACES: Final = {"9": "loading", "11": "discharge"}
_COUNTRY_OF_ORIGIN = "27"
_GOODS_DESCRIPTION = "AAA"
_DATE_FORMS: Final = {
    "102": (r"(\d{4})(\d\d)(\d\d)", "{}-{}-{}"),
    "203": (r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)", "{}-{}-{}T{}:{}:00"),
    "204": (r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", "{}-{}-{}T{}:{}:{}"),
}


@dataclass(slots=True)
class _Consignment:
    start: Segment | None = None
    fields: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Value] = field(default_factory=dict)
    lines: list[dict[str, Value]] = field(default_factory=list)
    packages: list[Value] = field(default_factory=list)


def read_edifact(data: bytes, file: str, limits: Limits) -> Reading:
    """The consignments of one interchange, and verdicts on what was not taken."""
    reading = Reading()
    whole = Message(file=file, format="edifact")

    def refuse(expected: str, got: str) -> Reading:
        reading.messages += 1
        reading.verdicts.append(
            whole.verdict("rejected", place="interchange", expected=expected, got=got)
        )
        return reading

    if len(data) > limits.message_bytes:
        return refuse(f"at most {limits.message_bytes:,} bytes", f"{len(data):,} bytes")
    try:
        for message in messages_of(decoded(data)):
            reading.messages += 1
            _take(message, file, reading)
    except EdifactRefusedError as error:
        return refuse("EDIFACT segments that all end", str(error))
    if not reading.messages:
        return refuse("a message from UNH to UNT", "none")
    return reading


def _take(edifact: EdifactMessage, file: str, reading: Reading) -> None:
    message = Message(file=file, format="edifact", message_id=edifact.reference or None)
    place = f"message {edifact.reference} ({edifact.kind})"
    if edifact.fault:
        # A message that lost segments may have lost parcels: what it lists is not the whole.
        reading.verdicts.append(
            message.verdict(
                "note", place=place, expected="UNT with the number of segments", got=edifact.fault
            )
        )
    shared, consignments = _Consignment(), list[_Consignment]()
    current = shared
    for segment in edifact.segments:
        if segment.tag == "CNI":
            current = _Consignment(start=segment)
            consignments.append(current)
        _READERS.get(segment.tag, _pass)(segment, current, edifact.decimal_mark)
    if not consignments and (shared.lines or "house_bill" in shared.fields):
        consignments = [shared]  # an instruction for one consignment, as IFTMIN is
    if not consignments:
        reading.verdicts.append(
            message.verdict(
                "rejected", place=place, expected="a consignment (CNI or GID)", got="none"
            )
        )
    for index, consignment in enumerate(consignments, start=1):
        _give(consignment, shared, index, message, place, reading)
    _carton(shared, message, place, reading)


def _give(
    consignment: _Consignment, shared: _Consignment, index: int, message: Message,
    place: str, reading: Reading,
) -> None:  # fmt: skip
    where = consignment.start.place if consignment.start is not None else place
    fields = {**shared.fields, **consignment.fields}
    number = fields.get("house_bill")
    master = fields.get("master_bill")
    key = number.text if number is not None else f"{message.message_id or 'message'}_{index}"
    if master is not None:
        key = f"{master.text}_{key}"
        fields["carton_id"] = master

    complain = complainer(message, reading, where, key)
    goods = combined([GoodsLine(**line) for line in consignment.lines], complain)
    fields = {**goods, **fields}
    if consignment.packages and "pieces" not in fields:
        fields["pieces"] = _pieces(consignment.packages, complain) or consignment.packages[0]
    lane = {**shared.places, **consignment.places}
    if {"loading", "discharge"} <= set(lane):
        fields["lane"] = Value(
            text=f"{lane['loading'].text}-{lane['discharge'].text}",
            origins=(*lane["loading"].origins, *lane["discharge"].origins),
        )
    reading.entries.append(
        Entry(table="parcels", key=key, message=message, place=where, fields=fields)
    )


def _carton(shared: _Consignment, message: Message, place: str, reading: Reading) -> None:
    """The master bill of the message, where it states totals of its own."""
    master = shared.fields.get("master_bill")
    if master is None:
        return
    fields = {"master_bill": master}
    if shared.packages:
        fields["pieces_manifested"] = shared.packages[0]
    if "declared_weight_g" in shared.fields:
        fields["declared_weight_g"] = shared.fields["declared_weight_g"]
    reading.entries.append(
        Entry(
            table="cartons",
            key=master.text,
            message=message,
            place=place,
            fields=fields,
            is_restated=True,
        )
    )


def _pieces(packages: list[Value], complain: Callable[[str, str, str], None]) -> Value | None:
    if len(packages) == 1:
        return packages[0]
    if not all(re.fullmatch(r"[0-9]{1,9}", value.text) for value in packages):
        complain("pieces", "whole numbers of packages", ", ".join(v.text for v in packages))
        return None
    origins = tuple(origin for value in packages for origin in value.origins)
    return Value(text=str(sum(int(value.text) for value in packages)), origins=origins)


def _pass(segment: Segment, consignment: _Consignment, mark: str) -> None:
    """A segment that says nothing for a feed."""


def _consignment_number(segment: Segment, consignment: _Consignment, mark: str) -> None:
    if segment.at(1):
        consignment.fields["house_bill"] = text_value(segment.at(1), segment.place)


def _reference(segment: Segment, consignment: _Consignment, mark: str) -> None:
    name = _REFERENCES.get(segment.at(0))
    text = segment.at(0, 1)
    if name is None or not text:
        return
    value = text_value(text, segment.place)
    consignment.fields[name] = (bill_number(value) or value) if name == "master_bill" else value


def _party(segment: Segment, consignment: _Consignment, mark: str) -> None:
    role = _PARTIES.get(segment.at(0))
    if role is None:
        return

    def joined(element: int) -> str:
        parts = segment.elements[element] if element < len(segment.elements) else ()
        return " ".join(part.strip() for part in parts if part.strip())

    # C080 is the name; where it is missing, the first line of C058 is.
    name = joined(3) or segment.at(2)
    given = {
        "name": name, "address": joined(4), "city": segment.at(5), "country": segment.at(8),
        "postcode": segment.at(7) if role == "consignee" else "",
    }  # fmt: skip
    for part, text in given.items():
        if text:
            consignment.fields.setdefault(f"{role}_{part}", text_value(text, segment.place))


def _place(segment: Segment, consignment: _Consignment, mark: str) -> None:
    text = segment.at(1)
    if not text:
        return
    if segment.at(0) in _PLACES:
        consignment.places[_PLACES[segment.at(0)]] = text_value(text, segment.place)
    elif segment.at(0) == _COUNTRY_OF_ORIGIN:
        target = consignment.lines[-1] if consignment.lines else consignment.fields
        target["origin_country"] = text_value(text, segment.place)


def _moment(segment: Segment, consignment: _Consignment, mark: str) -> None:
    name = _MOMENTS.get(segment.at(0))
    text, form = segment.at(0, 1), segment.at(0, 2)
    if name is None or not text:
        return
    pattern, layout = _DATE_FORMS.get(form, (r"(?!)", ""))
    match = re.fullmatch(pattern, text, re.ASCII)
    iso = layout.format(*match.groups()) if match else f"{text} in form {form or 'unknown'}"
    consignment.fields[name] = text_value(iso, segment.place, as_written=text)


def _goods_item(segment: Segment, consignment: _Consignment, mark: str) -> None:
    consignment.lines.append({})
    if segment.at(1):
        consignment.packages.append(text_value(segment.at(1), segment.place))


def _packages(segment: Segment, consignment: _Consignment, mark: str) -> None:
    # Below a goods item that has its number of packages, PAC describes these.
    if segment.at(0) and not consignment.packages:
        consignment.packages.append(text_value(segment.at(0), segment.place))


def _free_text(segment: Segment, consignment: _Consignment, mark: str) -> None:
    if segment.at(0) != _GOODS_DESCRIPTION or len(segment.elements) < 4:
        return
    text = " ".join(part.strip() for part in segment.elements[3] if part.strip())
    if text:
        _target(consignment)["description"] = text_value(text, segment.place)


def _measure(segment: Segment, consignment: _Consignment, mark: str) -> None:
    if segment.at(0) not in _WEIGHTS or segment.at(1) not in _GROSS:
        return
    unit, number = segment.at(2, 0), segment.at(2, 1)
    if not number:
        return
    grams = in_grams(number.replace(mark, "."), unit)
    value = text_value(
        grams if grams is not None else f"{number} {unit}".strip(),
        segment.place,
        as_written=f"{number} {unit}".strip(),
    )
    name = "weight_g" if consignment.lines else "declared_weight_g"
    _target(consignment)[name] = value


def _money(segment: Segment, consignment: _Consignment, mark: str) -> None:
    kind, amount, currency = segment.at(0), segment.at(0, 1), segment.at(0, 2)
    if kind not in (_CUSTOMS_VALUE, _CARRIAGE_VALUE) or not amount:
        return
    target = _target(consignment)
    if kind == _CARRIAGE_VALUE and "value" in target:
        return  # the customs value counts, where both are given
    target["value"] = text_value(amount.replace(mark, "."), segment.place)
    if currency:
        target["currency"] = text_value(currency, segment.place)


def _customs_status(segment: Segment, consignment: _Consignment, mark: str) -> None:
    if segment.at(1) and consignment.lines:
        consignment.lines[-1]["hs_code"] = text_value(segment.at(1), segment.place)


def _target(consignment: _Consignment) -> dict[str, Value]:
    return consignment.lines[-1] if consignment.lines else consignment.fields


_READERS: Final[dict[str, Callable[[Segment, _Consignment, str], None]]] = {
    "CNI": _consignment_number, "RFF": _reference, "NAD": _party, "LOC": _place, "DTM": _moment,
    "GID": _goods_item, "PAC": _packages, "FTX": _free_text, "MEA": _measure, "MOA": _money,
    "CST": _customs_status,
}  # fmt: skip
