"""The tables of a feed: their columns, once, for reading, writing, printing and documenting."""

from collections.abc import Iterable

from parcelscope.datasets.columns import (
    ID_PATTERN,
    PATH_PATTERN,
    SHA256_PATTERN,
    Column,
    TableSchema,
    expectation,
)

__all__ = [
    "CARTONS",
    "IMAGES",
    "PARCELS",
    "ROW_HEADER",
    "STEP_WEDGES",
    "TABLES",
    "Column",
    "TableSchema",
    "as_json",
    "as_rows",
    "expectation",
]


def _text(name: str, meaning: str) -> Column:
    return Column(name=name, type="text", meaning=meaning)


def _id(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name=name, type="text", meaning=meaning, required=required, pattern=ID_PATTERN)


def _grams(name: str, meaning: str) -> Column:
    return Column(name=name, type="number", meaning=meaning, unit="g", minimum=0)


def _party(role: str, who: str, *, postcode: bool) -> tuple[Column, ...]:
    columns = [
        _text(f"{role}_name", f"Name of the {who}."),
        _text(f"{role}_address", f"Street address of the {who}, as declared."),
        _text(f"{role}_city", f"City of the {who}."),
        _text(f"{role}_country", f"Country of the {who}, ISO 3166-1 alpha-2."),
    ]
    if postcode:
        columns.insert(3, _text(f"{role}_postcode", f"Postal code of the {who}."))
    return tuple(columns)


# Only what makes a row unusable is refused here. A wrong country code or a failing check digit is
# evidence about the declaration: the row is kept, and the indicators judge it.
PARCELS = TableSchema(
    name="parcels",
    meaning="One row per parcel: one addressed item, and what was declared and measured of it.",
    key=("parcel_id",),
    columns=(
        _id(
            "parcel_id",
            "The facility's own name for the parcel, unique in the feed.",
            required=True,
        ),
        _text("tracking_number", "Number on the label: a UPU S10 item identifier or a carrier's."),
        _text("house_bill", "House air waybill that lists the parcel."),
        _text("master_bill", "Master air waybill: three digits of prefix, eight of serial."),
        _text("receptacle_id", "UPU S9 identifier of the mail receptacle that held it."),
        _text("entry_number", "Number of the customs entry, where one was filed."),
        _id("carton_id", "Master carton that held the parcel; a `carton_id` of the cartons table."),
        _text("facility", "Facility that handles the parcel."),
        _text("lane", "Trade lane or sorting lane that the parcel came by; groups for statistics."),
        _text("channel", "How it came, such as `mail`, `express` or `cargo`."),
        Column(
            name="data_received_at",
            type="datetime",
            meaning="When the advance data reached the facility.",
        ),
        Column(name="arrived_at", type="datetime", meaning="When the parcel arrived."),
        *_party("shipper", "shipper", postcode=False),
        *_party("consignee", "consignee", postcode=True),
        _text("origin_country", "Declared country of origin of the goods, ISO 3166-1 alpha-2."),
        _text("description", "Declared description of the goods."),
        _text("hs_code", "Declared tariff code: 6 digits of HS, or up to 10 of a national tariff."),
        _text("brand", "Declared or visible brand; picks the genuine references for photos."),
        _text("sku", "Seller's or brand's article number; picks the genuine references closer."),
        Column(name="quantity", type="number", meaning="Declared units of goods.", minimum=0),
        Column(
            name="pieces",
            type="integer",
            meaning="Manifested pieces: the smallest outside packing units.",
            minimum=0,
        ),
        _grams("declared_weight_g", "Declared gross weight."),
        _grams("measured_weight_g", "Gross weight on the facility's scale."),
        Column(
            name="value",
            type="number",
            meaning="Declared value, in `currency`.",
            unit="currency",
            minimum=0,
        ),
        _text("currency", "Currency of `value`, ISO 4217."),
        _text("trader_id", "Verified identity under a trusted-trader programme."),
        _text("trader_tier", "Tier of that identity, as the screening configuration names it."),
    ),
)

CARTONS = TableSchema(
    name="cartons",
    meaning="One row per master carton: one outer piece, bag or receptacle that holds parcels.",
    key=("carton_id",),
    columns=(
        _id(
            "carton_id",
            "The facility's own name for the carton, unique in the feed.",
            required=True,
        ),
        _text("master_bill", "Master air waybill of the carton."),
        _text("receptacle_id", "UPU S9 identifier or SSCC of the carton."),
        _text("facility", "Facility that handles the carton."),
        _text("lane", "Trade lane or sorting lane that the carton came by."),
        Column(
            name="pieces_manifested",
            type="integer",
            meaning="Parcels that the manifest lists in the carton.",
            minimum=0,
        ),
        _grams("declared_weight_g", "Declared gross weight of the carton."),
        _grams("measured_weight_g", "Gross weight on the facility's scale."),
        _text("seal_id", "Number of the seal or bag tag."),
    ),
)

IMAGES = TableSchema(
    name="images",
    meaning="One row per image file of a parcel or master carton.",
    key=("owner_id", "path"),
    columns=(
        _id("owner_id", "The `parcel_id` or `carton_id` that the image shows.", required=True),
        Column(
            name="kind",
            type="text",
            meaning="X-ray scan or photo.",
            required=True,
            choices=("scan", "photo"),
        ),
        Column(
            name="view",
            type="text",
            meaning="What a photo shows, or the side that a scan was taken from.",
            choices=("exterior", "label", "interior", "product", "mark", "top", "side"),
        ),
        Column(
            name="station",
            type="text",
            meaning="Where it was taken; empty means on arrival.",
            choices=("origin", "arrival"),
        ),
        Column(
            name="path",
            type="text",
            meaning="File, relative to the feed folder, with forward slashes.",
            required=True,
            pattern=PATH_PATTERN,
        ),
        Column(
            name="sha256",
            type="text",
            meaning="SHA-256 of the file, 64 hexadecimal digits; checked where given.",
            pattern=SHA256_PATTERN,
        ),
        Column(
            name="energy",
            type="text",
            meaning="What the pixels of a scan hold: one energy, both in one file, or a rendering.",
            choices=("low", "high", "dual", "colour", "grey"),
        ),
        _text("scanner_model", "Make and model of the scanner; calibration goes by it."),
        _text("scanner_software", "Software version of the scanner; calibration goes by it."),
        Column(
            name="pixel_pitch_mm",
            type="number",
            meaning="Size of one pixel at the parcel; without it a scan has no scale.",
            unit="mm",
            minimum=0.001,
            maximum=100,
        ),
        Column(
            name="air_level",
            type="number",
            meaning="Pixel value of unattenuated air; 60000 where the scan does not say otherwise.",
            unit="counts",
            minimum=1,
            maximum=65535,
        ),
        Column(name="taken_at", type="datetime", meaning="When the image was taken."),
    ),
)

STEP_WEDGES = TableSchema(
    name="step_wedges",
    meaning="What the facility's scanners measured through steps of polyethylene and steel; "
    "without it a mass in grams is not assessed.",
    key=("scanner_model", "scanner_software", "pe_mm", "steel_mm"),
    columns=(
        Column(
            name="scanner_model",
            type="text",
            meaning="Make and model, spelt as in the images table.",
            required=True,
        ),
        _text("scanner_software", "Software version; empty means all versions of the model."),
        Column(
            name="pe_mm",
            type="number",
            meaning="Thickness of polyethylene.",
            unit="mm",
            required=True,
            minimum=0,
        ),
        Column(
            name="steel_mm",
            type="number",
            meaning="Thickness of steel.",
            unit="mm",
            required=True,
            minimum=0,
        ),
        Column(
            name="le",
            type="number",
            meaning="Mean pixel value of the low energy behind the step.",
            unit="counts",
            required=True,
            minimum=0,
        ),
        Column(
            name="he",
            type="number",
            meaning="Mean pixel value of the high energy; empty for a single-energy scanner.",
            unit="counts",
            minimum=0,
        ),
        Column(
            name="air_level",
            type="number",
            meaning="Pixel value of unattenuated air in the same measurement.",
            unit="counts",
            required=True,
            minimum=1,
            maximum=65535,
        ),
    ),
)

TABLES: tuple[TableSchema, ...] = (PARCELS, CARTONS, IMAGES, STEP_WEDGES)


def as_json(tables: Iterable[TableSchema] = TABLES) -> dict[str, object]:
    """The schemas as plain values, ready for `json.dumps`."""
    return {
        table.name: {
            "meaning": table.meaning,
            "key": list(table.key),
            "columns": [
                {
                    "name": column.name,
                    "type": column.type,
                    "unit": column.unit,
                    "required": column.required,
                    "minimum": column.minimum,
                    "maximum": column.maximum,
                    "choices": list(column.choices),
                    "pattern": column.pattern,
                    "meaning": column.meaning,
                }
                for column in table.columns
            ],
        }
        for table in tables
    }


ROW_HEADER = ("table", "column", "type", "unit", "required", "allowed", "meaning")


def as_rows(tables: Iterable[TableSchema] = TABLES) -> list[tuple[str, ...]]:
    """The schemas as rows of text under `ROW_HEADER`, for printing as a table."""
    return [
        (
            table.name,
            column.name,
            column.type,
            column.unit or "",
            "yes" if column.required else "",
            expectation(column),
            column.meaning,
        )
        for table in tables
        for column in table.columns
    ]
