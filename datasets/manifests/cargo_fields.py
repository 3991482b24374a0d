"""The fields that consignments of all Cargo-XML messages share."""

import re

from parcelscope.datasets.manifests.entries import Origin, Value, text_value
from parcelscope.datasets.manifests.goods_lines import GoodsLine
from parcelscope.datasets.manifests.xml_messages import Scope

_TARIFF_CODE = re.compile(r"[0-9]{6,10}")


def totals(consignment: Scope) -> dict[str, Value]:
    """Pieces, weight and quantity that a consignment states for itself."""
    weight = consignment.grams("GrossWeightMeasure")
    return given(
        pieces=consignment.value("TotalPieceQuantity"),
        declared_weight_g=weight or consignment.grams("IncludedTareGrossWeightMeasure"),
        quantity=consignment.value("PackageQuantity"),
    )


def bill_fields(consignment: Scope, master: Value) -> dict[str, Value]:
    """The master bill of a parcel, which is its carton too, and its lane."""
    return given(master_bill=master, carton_id=master, lane=lane(consignment))


def parties(consignment: Scope) -> dict[str, Value]:
    """Name and address of shipper and consignee."""
    fields: dict[str, Value] = {}
    for role, party in (("shipper", "ConsignorParty"), ("consignee", "ConsigneeParty")):
        address = f"{party}/PostalStructuredAddress"
        found = {
            f"{role}_name": consignment.value(f"{party}/Name"),
            f"{role}_address": consignment.value(f"{address}/StreetName"),
            f"{role}_city": consignment.value(f"{address}/CityName"),
            f"{role}_country": consignment.value(f"{address}/CountryID"),
        }
        if role == "consignee":
            found["consignee_postcode"] = consignment.value(f"{address}/PostcodeCode")
        fields.update(given(**found))
    return fields


def customs_value(consignment: Scope) -> dict[str, Value]:
    """The value declared for customs, where the message gives one."""
    amount = consignment.inner("DeclaredValueForCustomsAmount")
    if amount is None or not amount.text:
        return {}
    currency = amount.element.get("currencyID")
    fields = {"value": text_value(amount.text, amount.path)}
    if currency:
        fields["currency"] = text_value(currency, f"{amount.path}/@currencyID")
    return fields


def goods_line(item: Scope, *, with_weight: bool) -> GoodsLine:
    """One item of a consignment as a line of goods; its weight where it is that of the line."""
    code = item.value("TypeCode")
    return GoodsLine(
        description=item.value("NatureIdentificationTransportCargo/Identification"),
        hs_code=code if code is not None and _TARIFF_CODE.fullmatch(code.text) else None,
        origin_country=item.value("OriginCountry/ID"),
        weight_g=item.grams("GrossWeightMeasure") if with_weight else None,
    )


def lane(consignment: Scope) -> Value | None:
    """The airports of origin and destination, such as `DUB-JFK`."""
    start = consignment.value("OriginLocation/ID")
    end = consignment.value("FinalDestinationLocation/ID")
    if start is None or end is None:
        return None
    return Value(
        text=f"{start.text}-{end.text}",
        origins=tuple(
            Origin(path=value.origins[0].path, as_written=value.text) for value in (start, end)
        ),
    )


def given(**values: Value | None) -> dict[str, Value]:
    """The fields that have a value."""
    return {name: value for name, value in values.items() if value is not None}
