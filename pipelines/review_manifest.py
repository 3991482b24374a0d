"""The manifest of one flagged parcel or carton, line by line, beside what was seen of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from parcelscope.inference.photo_authenticity import AUTHENTICITY
from parcelscope.pipelines.comparisons import Known, comparisons, grams
from parcelscope.review.dossier import ManifestLine

Row = Mapping[str, Any]

MOST_CHARACTERS: Final = 400
"""Of one value. Manifests come from outside, and some fields are a page long."""

_PARCEL_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("description", "Description"),
    ("quantity", "Quantity"),
    ("pieces", "Pieces"),
    ("declared_weight_g", "Weight"),
    ("value", "Value"),
    ("brand", "Brand"),
    ("sku", "Article (SKU)"),
    ("hs_code", "HS code"),
    ("origin_country", "Country of origin"),
    ("tracking_number", "Tracking number"),
    ("house_bill", "House bill"),
    ("master_bill", "Master bill"),
    ("receptacle_id", "Receptacle"),
    ("entry_number", "Entry number"),
    ("carton_id", "Master carton"),
    ("channel", "Channel"),
    ("shipper_name", "Shipper"),
    ("shipper_address", "Shipper's address"),
    ("shipper_city", "Shipper's city"),
    ("shipper_country", "Shipper's country"),
    ("consignee_name", "Consignee"),
    ("consignee_address", "Consignee's address"),
    ("consignee_city", "Consignee's city"),
    ("consignee_postcode", "Consignee's postcode"),
    ("consignee_country", "Consignee's country"),
    ("trader_id", "Trader"),
    ("trader_tier", "Trader's tier"),
    ("arrived_at", "Arrived"),
    ("data_received_at", "Data received"),
)
_CARTON_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("pieces_manifested", "Pieces"),
    ("declared_weight_g", "Weight"),
    ("receptacle_id", "Receptacle"),
    ("master_bill", "Master bill"),
    ("seal_id", "Seal"),
)
_SEEN_AS: Final[Mapping[str, str]] = {
    "description": "Goods",
    "declared_weight_g": "Weight",
    "pieces_manifested": "Pieces",
    "tracking_number": "Numbers",
    "receptacle_id": "Numbers",
}
"""Field by the line of the report's comparison that says what was seen of it."""
_DIFFERS_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "description": ("U8.description", "contents.contradicts", "U12."),
    "pieces_manifested": ("U1.count", "U2.pieces", "U13.count", "U14.count"),
    "declared_weight_g": ("U3.mass", "U3.xray_scale", "U3.scale", "U2.weight", "U2.packaging"),
    "value": ("U8.value", "U9.day", "P.entry"),
    "sku": (AUTHENTICITY,),
    "tracking_number": ("U4.", "ID.", "U6.reuse", "U6.entries", "U7.number"),
    "receptacle_id": ("U13.weight", "U13.class"),
    "entry_number": ("U7.entry",),
    "carton_id": ("U15.mixed",),
    "seal_id": ("U6.seal", "U15.missing"),
    "consignee_name": ("U10.names", "U10.cluster", "U17."),
    "consignee_address": ("U9.address", "U10.addresses", "U10.split"),
}
"""Field by the beginnings of the codes whose findings say that what was declared does not fit.
`U1.leaning` and `U3.leaning` are not among them: they lie within the error of a count or scale."""


def manifest_lines(
    known: Known, told: Sequence[tuple[str, str]], personal: frozenset[str]
) -> tuple[ManifestLine, ...]:
    """The declared fields, those that hold or miss something, in the order analysts ask for them.

    A field that differs for a reason of the owner does not say the sentence of that reason again.

    Args:
        known: What feed and run hold of the owner.
        told: Code and sentence of each of its reasons.
        personal: Columns that are personal.
    """
    codes, said_above = {code for code, _ in told}, {sentence for _, sentence in told}
    fields = _PARCEL_FIELDS if known.kind == "parcel" else _CARTON_FIELDS
    seen_by_line = {line.name: line.seen for line in comparisons(known)}
    # A measurement of every photo is a reason only where it stands among the reasons.
    against = [
        (finding["code"], finding["sentence"])
        for finding in known.findings
        if finding["source"] == "indicator" or finding["code"] in codes
    ]
    lines = []
    for field, label in fields:
        declared = _declared(field, known.row)
        prefixes = _DIFFERS_BY.get(field)
        reasons = [said for code, said in against if code.startswith(prefixes)] if prefixes else []
        every = dict.fromkeys([*_seen(known, field, seen_by_line), *reasons])
        if declared is None and not every:
            continue
        seen = [sentence for sentence in every if sentence not in said_above]
        shapes = field == "description" and bool(known.item_shapes)
        lines.append(
            ManifestLine(
                field=field,
                label=label,
                declared=declared,
                seen=_shortened("; ".join(seen)) if seen else None,
                differs=bool(reasons) or shapes,
                personal=field in personal,
            )
        )
    return tuple(lines)


def _seen(known: Known, field: str, seen_by_line: Mapping[str, Sequence[str]]) -> Sequence[str]:
    # The codes on a carton name its receptacle; those on a parcel its tracking number.
    if field == "receptacle_id" and known.kind == "parcel":
        return ()
    if field == "sku":
        return [finding["sentence"] for finding in known.of(AUTHENTICITY)]
    return seen_by_line.get(_SEEN_AS.get(field, ""), ())


def _declared(field: str, row: Row) -> str | None:
    value = row.get(field)
    if value is None or value == "":
        return None
    if field.endswith("_g"):
        return grams(value)
    if field == "value":
        return f"{value:,.2f} {row.get('currency') or ''}".strip()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M UTC")
    return _shortened(f"{value:g}" if isinstance(value, float) else str(value))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS].rstrip()}…"
