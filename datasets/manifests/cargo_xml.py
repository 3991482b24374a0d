"""IATA Cargo-XML: waybills (XFWB), house manifests (XFHL) and house waybills (XFZB).

==========  ==============================  =====================================================
root        carton (one per master bill)    parcels
==========  ==============================  =====================================================
Waybill     pieces, weight, lane; rank 3    its packages, until house consignments are known
HouseMan.   the same; rank 2                one per house consignment; rank 2
HouseWay.   the same; rank 1                its house consignment, in full; rank 3
==========  ==============================  =====================================================

Written after messages of version 3.00; element names are looked up without their namespaces, so
older and newer versions are read as far as they use the same names.
"""

import re
from collections.abc import Callable
from typing import Final

from parcelscope.datasets.manifests.bill_numbers import bill_number
from parcelscope.datasets.manifests.cargo_fields import (
    bill_fields,
    customs_value,
    given,
    goods_line,
    lane,
    parties,
    totals,
)
from parcelscope.datasets.manifests.entries import (
    Entry,
    Message,
    Purpose,
    Reading,
    Value,
)
from parcelscope.datasets.manifests.goods_lines import GoodsLine, combined, complainer
from parcelscope.datasets.manifests.limits import Limits
from parcelscope.datasets.manifests.xml_messages import Scope, XmlRefusedError, parse_xml

_PURPOSES: Final[dict[str, Purpose]] = {
    "creation": "creation", "original": "creation", "update": "update", "replacement": "update",
    "deletion": "deletion", "cancellation": "deletion",
}  # fmt: skip
_WHOLE = re.compile(r"[0-9]{1,9}")
_WAYBILL_RANK: Final = 3
DIRECT_WAYBILL: Final = "740"
"""Document type of an air waybill without houses; 741 is a master air waybill."""


def read_cargo_xml(data: bytes, file: str, limits: Limits) -> Reading:
    """The consignments of one Cargo-XML message, and verdicts on what was not taken."""
    reading = Reading(messages=1)
    unread = Message(file=file, format="cargo-xml")
    try:
        root = parse_xml(data, limits)
    except XmlRefusedError as error:
        reading.verdicts.append(
            unread.verdict("rejected", place="/", expected=error.expected, got=error.got)
        )
        return reading
    reader = _READERS.get(root.tag)
    if reader is None:
        expected = f"a message {', '.join(_READERS)}"
        reading.verdicts.append(
            unread.verdict("rejected", place="/", expected=expected, got=root.tag)
        )
        return reading
    top = Scope(root, f"/{root.tag}")
    reader(top, _header(top, file, reading), reading)
    return reading


def _header(top: Scope, file: str, reading: Reading) -> Message:
    def text(name: str) -> str | None:
        value = top.value(f"MessageHeaderDocument/{name}")
        return value.text if value is not None else None

    word = text("PurposeCode") or "Creation"
    purpose = _PURPOSES.get(word.lower())
    message = Message(
        file=file,
        format="cargo-xml",
        message_id=text("ID"),
        issued_at=text("IssueDateTime"),
        purpose=purpose or "creation",
    )
    if purpose is None:
        reading.verdicts.append(
            message.verdict(
                "note", place=f"{top.path}/MessageHeaderDocument/PurposeCode",
                expected="Creation, Update or Deletion; it is taken as Creation", got=word,
            )
        )  # fmt: skip
    version = text("VersionID")
    if version is not None and not re.fullmatch(r"[234](\.[0-9]+)?", version):
        reading.verdicts.append(
            message.verdict(
                "note", place=f"{top.path}/MessageHeaderDocument/VersionID",
                expected="version 3.00, whose element names are looked for", got=version,
            )
        )  # fmt: skip
    return message


def _waybill(top: Scope, message: Message, reading: Reading) -> None:
    master = bill_number(top.value("BusinessHeaderDocument/ID"))
    consignment = top.inner("MasterConsignment")
    if master is None or consignment is None:
        _refuse(top, message, reading, "BusinessHeaderDocument/ID and a MasterConsignment")
        return
    _carton(consignment, master, message, reading, rank=_WAYBILL_RANK)
    of_parties = parties(consignment)
    items = [
        item
        for rating in consignment.each("ApplicableRating")
        for item in rating.each("IncludedMasterConsignmentItem")
    ]
    packages = [
        (item, package) for item in items for package in item.each("TransportLogisticsPackage")
    ]
    for index, (item, package) in enumerate(packages, start=1):
        key = f"{master.text}_package-{index}"
        complain = complainer(message, reading, package.path, key)
        goods = combined([goods_line(item, with_weight=len(packages) == 1)], complain)
        fields = {**bill_fields(consignment, master), **of_parties, **goods}
        fields.update(given(pieces=package.value("ItemQuantity")))
        weight = package.grams("GrossWeightMeasure")
        fields.update(given(declared_weight_g=weight))
        reading.entries.append(
            Entry(
                table="parcels", key=key, message=message,
                place=package.path, fields=fields, stand_in=True,
            )
        )  # fmt: skip
    kind = top.value("MessageHeaderDocument/TypeCode")
    if not packages and kind is not None and kind.text == DIRECT_WAYBILL:
        _direct(consignment, master, items, message, reading)


def _direct(
    consignment: Scope, master: Value, items: list[Scope], message: Message, reading: Reading
) -> None:
    """A waybill without houses and without package lines: the consignment is the parcel."""
    complain = complainer(message, reading, consignment.path, master.text)
    lines = [goods_line(item, with_weight=True) for item in items]
    fields = {
        **bill_fields(consignment, master),
        **parties(consignment),
        **(combined(lines, complain) if lines else {}),
        **totals(consignment),
        **customs_value(consignment),
    }
    reading.entries.append(
        Entry(
            table="parcels", key=f"{master.text}_package-1", message=message,
            place=consignment.path, fields=fields, stand_in=True,
        )
    )  # fmt: skip


def _house_manifest(top: Scope, message: Message, reading: Reading) -> None:
    _houses(top, message, reading, carton_rank=2, house_rank=2)


def _house_waybill(top: Scope, message: Message, reading: Reading) -> None:
    _houses(top, message, reading, carton_rank=1, house_rank=3)


def _houses(
    top: Scope, message: Message, reading: Reading, *, carton_rank: int, house_rank: int
) -> None:
    consignment = top.inner("MasterConsignment")
    number = None if consignment is None else consignment.value("TransportContractDocument/ID")
    master = bill_number(number)
    if consignment is None or master is None:
        _refuse(top, message, reading, "MasterConsignment/TransportContractDocument/ID")
        return
    _carton(consignment, master, message, reading, rank=carton_rank)
    houses = consignment.each("IncludedHouseConsignment")
    for house in houses:
        number = house.value("TransportContractDocument/ID") or house.value("ID")
        if number is None and len(houses) == 1:
            number = top.value("BusinessHeaderDocument/ID")
        if number is None:
            _refuse(house, message, reading, "the number of a house waybill", table="parcels")
            continue
        _house(house, master, number, message, reading, rank=house_rank)
    if not houses:
        _refuse(consignment, message, reading, "an IncludedHouseConsignment", table="parcels")


def _house(
    house: Scope, master: Value, number: Value, message: Message, reading: Reading, *, rank: int
) -> None:
    key = f"{master.text}_{number.text}"
    complain = complainer(message, reading, house.path, key)
    items = house.each("IncludedHouseConsignmentItem")
    lines = [goods_line(item, with_weight=True) for item in items]
    fields = {
        **(combined(lines, complain) if lines else {}),
        **bill_fields(house, master),
        **parties(house),
        **totals(house),
        "house_bill": number,
    }
    summary = house.value("SummaryDescription")
    if summary is not None:
        fields["description"] = summary
    fields.update(customs_value(house))
    _compare_pieces(house, items, message, reading, key)
    reading.entries.append(
        Entry(table="parcels", key=key, message=message, place=house.path, fields=fields, rank=rank)
    )


def _compare_pieces(
    house: Scope, items: list[Scope], message: Message, reading: Reading, key: str
) -> None:
    """Note a house consignment whose items do not add up to its pieces."""
    total = house.value("TotalPieceQuantity")
    texts = [value.text for item in items if (value := item.value("PieceQuantity")) is not None]
    if (
        total is None
        or not texts
        or not all(_WHOLE.fullmatch(text) for text in [*texts, total.text])
    ):
        return
    summed = sum(int(text) for text in texts)
    if summed != int(total.text):
        reading.verdicts.append(
            message.verdict(
                "note", table="parcels", place=house.path, key=key, field="pieces",
                expected=f"items that add up to the {total.text} pieces of the consignment",
                got=f"{summed}",
            )
        )  # fmt: skip


def _carton(
    consignment: Scope, master: Value, message: Message, reading: Reading, *, rank: int
) -> None:
    is_restated = rank < _WAYBILL_RANK
    if is_restated and message.purpose == "deletion":
        return  # a house that is withdrawn leaves its master bill where it is
    stated = totals(consignment)
    fields = given(
        master_bill=master,
        pieces_manifested=stated.get("pieces"),
        declared_weight_g=stated.get("declared_weight_g"),
        lane=lane(consignment),
    )
    reading.entries.append(
        Entry(
            table="cartons", key=master.text, message=message, place=consignment.path,
            fields=fields, rank=rank, is_restated=is_restated,
        )
    )  # fmt: skip


def _of_lines(
    lines: list[GoodsLine], complain: Callable[[str, str, str], None] | None
) -> dict[str, Value]:
    return combined(lines, complain or (lambda field, expected, got: None))


def _refuse(
    scope: Scope, message: Message, reading: Reading, expected: str, *, table: str = ""
) -> None:
    reading.verdicts.append(
        message.verdict("rejected", table=table, place=scope.path, expected=expected, got="none")
    )


_READERS: Final[dict[str, Callable[[Scope, Message, Reading], None]]] = {
    "Waybill": _waybill,
    "HouseManifest": _house_manifest,
    "HouseWaybill": _house_waybill,
}
