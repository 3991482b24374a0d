"""Postal declarations as JSON: one object, a list of them, or one a line."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from parcelscope.datasets.manifests.declarations import ContentLine, Declaration, Party, validated
from parcelscope.datasets.manifests.entries import Entry, Message, Reading, Value, text_value
from parcelscope.datasets.manifests.goods_lines import GoodsLine, combined, complainer
from parcelscope.datasets.manifests.limits import Limits
from parcelscope.datasets.manifests.units import in_grams
from parcelscope.datasets.manifests.verdicts import shown

_CHANNEL = "mail"


def read_postal_json(data: bytes, file: str, limits: Limits) -> Reading:
    """The declarations of one file, each a parcel, and verdicts on what was not taken."""
    reading = Reading()
    whole = Message(file=file, format="postal-json")
    if len(data) > limits.message_bytes:
        expected, got = f"at most {limits.message_bytes:,} bytes", f"{len(data):,} bytes"
        reading.messages = 1
        reading.verdicts.append(whole.verdict("rejected", place="$", expected=expected, got=got))
        return reading
    for place, raw in _declarations(data):
        reading.messages += 1
        if isinstance(raw, dict):
            _take(raw, place, whole, reading)
            continue
        got = raw if isinstance(raw, str) else f"a {type(raw).__name__}"
        reading.verdicts.append(
            whole.verdict(
                "rejected", table="parcels", place=place, expected="a JSON object", got=got
            )
        )
    return reading


def _declarations(data: bytes) -> Iterator[tuple[str, Any]]:
    """Each declaration with its place; text in the stead of one that is no JSON."""
    body = data.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        found = _parsed(body)
    except ValueError as error:
        lines = body.splitlines()
        if len(lines) < 2 or not lines[0].rstrip().endswith(b"}"):
            yield "$", f"no JSON: {error}"
            return
    else:
        if isinstance(found, list):
            for index, one in enumerate(found):
                yield f"$[{index}]", one
        else:
            yield "$", found
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", _parsed(line)
        except ValueError as error:
            yield f"line {number}", f"no JSON: {error}"


def _parsed(text: bytes) -> Any:
    # Nesting is limited by the parser itself, and numbers of any length stay numbers.
    return from_json(text, allow_inf_nan=False)


def _take(raw: dict[str, Any], place: str, whole: Message, reading: Reading) -> None:
    declaration, faults = validated(raw)
    key = declaration.item_id if declaration is not None else ""
    message = Message(
        file=whole.file,
        format="postal-json",
        message_id=declaration.message_id if declaration is not None else None,
    )
    for index, fault in enumerate(faults):
        last = declaration is None and index == len(faults) - 1
        reading.verdicts.append(
            message.verdict(
                "rejected" if last else "note" if fault.is_unknown else "without_value",
                table="parcels", key=key,
                place=shown(place + fault.path[1:]), field=shown(fault.field),
                expected=fault.expected, got=fault.got,
            )
        )  # fmt: skip
    if declaration is None:
        return

    complain = complainer(message, reading, f"{place}.lines", key)
    fields = _fields(declaration, place, combined(_lines(declaration, place), complain))
    _check_total(declaration, place, message, reading, fields)
    reading.entries.append(
        Entry(
            table="parcels", key=key, message=message, place=place, fields=fields,
            is_key_derived=True,
        )
    )  # fmt: skip


def _fields(declaration: Declaration, place: str, goods: dict[str, Value]) -> dict[str, Value]:
    fields = dict(goods)

    def put(name: str, of: str, written: object, *, as_written: str | None = None) -> None:
        if written is not None and written != "":
            fields[name] = text_value(_text(written), f"{place}.{of}", as_written=as_written)

    put("tracking_number", "item_id", declaration.item_id)
    for name in ("receptacle_id", "pieces", "data_received_at", "arrived_at", "facility", "lane"):
        put(name, name, getattr(declaration, name))
    put("carton_id", "receptacle_id", declaration.receptacle_id)
    fields["channel"] = text_value(_CHANNEL, "the format of the file")
    if declaration.gross_weight is not None:
        written = _text(declaration.gross_weight)
        grams = in_grams(written, declaration.weight_unit)
        fields["declared_weight_g"] = text_value(
            grams if grams is not None else written,
            f"{place}.gross_weight",
            as_written=f"{written} {declaration.weight_unit}",
        )
    if declaration.total_value is not None:
        put("value", "total_value", declaration.total_value)
        if declaration.currency:
            put("currency", "currency", declaration.currency)
    for role, of in (("shipper", "sender"), ("consignee", "addressee")):
        party: Party | None = getattr(declaration, of)
        if party is None:
            continue
        put(f"{role}_name", f"{of}.name", party.name or party.business)
        put(f"{role}_address", f"{of}.street", party.street)
        put(f"{role}_city", f"{of}.city", party.city)
        put(f"{role}_country", f"{of}.country", party.country)
        if role == "consignee":
            put("consignee_postcode", f"{of}.postcode", party.postcode)
    return fields


def _lines(declaration: Declaration, place: str) -> list[GoodsLine]:
    return [
        _line(line, f"{place}.lines[{index}]", declaration)
        for index, line in enumerate(declaration.lines)
        if line != ContentLine()
    ]


def _line(line: ContentLine, path: str, declaration: Declaration) -> GoodsLine:
    def value(name: str) -> Value | None:
        written = getattr(line, name)
        return None if written in (None, "") else text_value(_text(written), f"{path}.{name}")

    weight = None
    if line.net_weight is not None:
        written = _text(line.net_weight)
        grams = in_grams(written, declaration.weight_unit)
        weight = text_value(
            grams if grams is not None else written,
            f"{path}.net_weight",
            as_written=f"{written} {declaration.weight_unit}",
        )
    currency = value("currency")
    if currency is None and declaration.currency and line.value is not None:
        currency = text_value(declaration.currency, "$.currency")
    return GoodsLine(
        description=value("description"),
        hs_code=value("hs_code"),
        origin_country=value("origin_country"),
        quantity=value("quantity"),
        weight_g=weight,
        value=value("value"),
        currency=currency,
    )


def _check_total(
    declaration: Declaration,
    place: str,
    message: Message,
    reading: Reading,
    fields: dict[str, Value],
) -> None:
    """Note a total that is not the sum of its lines; take it out where it has no one currency."""
    if declaration.total_value is None or not declaration.lines:
        return
    currencies = {line.currency or declaration.currency for line in declaration.lines if line.value}
    if len(currencies) > 1:
        # The lines were told of already; a total over several currencies says nothing.
        fields.pop("value", None)
        fields.pop("currency", None)
        return
    if not declaration.currency and (only := next(iter(currencies), None)):
        fields["currency"] = text_value(only, f"{place}.lines[0].currency")
    values = [line.value for line in declaration.lines if line.value is not None]
    total = math.fsum(values)
    if len(values) == len(declaration.lines) and abs(total - declaration.total_value) > 0.005:
        reading.verdicts.append(
            message.verdict(
                "note", table="parcels", place=f"{place}.total_value", key=declaration.item_id,
                field="value", expected=f"the sum of its lines, {total:g}",
                got=f"{declaration.total_value:g}",
            )
        )  # fmt: skip


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)
