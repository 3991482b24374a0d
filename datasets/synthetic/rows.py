"""What one owner adds to the tables of a feed and to the tables of its truth."""

from dataclasses import dataclass, field, fields

import polars as pl

Row = dict[str, object]


@dataclass(slots=True, kw_only=True)
class OwnerRows:
    """Rows that one loose parcel, or one carton with its parcels, adds; columns by name."""

    parcels: list[Row] = field(default_factory=list)
    cartons: list[Row] = field(default_factory=list)
    images: list[Row] = field(default_factory=list)
    true_parcels: list[Row] = field(default_factory=list)
    true_cartons: list[Row] = field(default_factory=list)
    true_objects: list[Row] = field(default_factory=list)
    true_photos: list[Row] = field(default_factory=list)

    def extend(self, other: "OwnerRows") -> None:
        """Take over the rows of `other`, behind those here."""
        for table in fields(self):
            getattr(self, table.name).extend(getattr(other, table.name))


_TEXT, _NUMBER, _WHOLE, _YES = pl.String(), pl.Float64(), pl.Int64(), pl.Boolean()
TRUE_PARCELS: dict[str, pl.DataType] = {
    "parcel_id": _TEXT,
    "violative": _YES,
    "violations": pl.List(pl.String()),
    "mass_g": _NUMBER,
    "scanned": _YES,
    "scan_kind": _TEXT,
}
"""`scanned`: whether a readable scan of it is in the feed; `scan_kind` is `dual` or `colour`."""
TRUE_CARTONS: dict[str, pl.DataType] = {
    "carton_id": _TEXT,
    "violative": _YES,
    "pieces_true": _WHOLE,
    "pieces_manifested": _WHOLE,
    "extra": _WHOLE,
    "overlap_setting": _NUMBER,
    "overlap_mean": _NUMBER,
    "mass_g": _NUMBER,
    "true_weight_declared": _YES,
    "scanned": _YES,
    "scan_kind": _TEXT,
}
"""`overlap_mean`: share of an inner parcel's pixels that others also cover, mean over them."""
TRUE_OBJECTS: dict[str, pl.DataType] = {
    "owner_id": _TEXT,
    "image_path": _TEXT,
    "kind": _TEXT,
    "label": _TEXT,
    "x0": _WHOLE,
    "y0": _WHOLE,
    "x1": _WHOLE,
    "y1": _WHOLE,
    "mass_g": _NUMBER,
    "area_px": _WHOLE,
    "overlap": _NUMBER,
}
"""One row per item of interest and inner parcel in a readable scan; ends of boxes exclusive."""
TRUE_PHOTOS: dict[str, pl.DataType] = {
    "owner_id": _TEXT,
    "image_path": _TEXT,
    "view": _TEXT,
    "codes": pl.List(pl.String()),
    "degrade": _TEXT,
    "defects": pl.List(pl.String()),
}
"""What is printed on a label and what is wrong with its photo; in what packaging differs."""
