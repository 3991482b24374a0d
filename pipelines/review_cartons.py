"""Master cartons in dossiers: manifested against counted, and what travels in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from parcelscope.pipelines.comparisons import Known
from parcelscope.pipelines.review_tables import Key, ReviewTables
from parcelscope.review.dossier import MOST_INSIDE, Carton, DossierImage, Inner, PieceBox
from parcelscope.review.items import item_id_of
from parcelscope.screening.indicators.bands import pooled_bands
from parcelscope.screening.indicators.stations import on_arrival

COUNT = "pieces.count"
PIECE = "pieces.piece"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many pieces the scans of a carton show, all scans on arrival together."""

    counted: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cartons:
    """The cartons that are reviewed, and those that reviewed parcels came in."""

    manifested: Mapping[str, int | None]
    item_ids: Mapping[Key, str]
    """Of all that is reviewed, parcels too."""
    counts: Mapping[str, Count]
    parcels: Mapping[str, Sequence[Inner]]
    """The parcel rows that name the carton, riskiest band first."""
    weights_g: Mapping[str, Sequence[float | None]]
    """Their declared weights."""

    def known(self, known: Known, owner_id: str) -> Known:
        """`known` with what the parcel rows say that name the carton `owner_id`, if it is one."""
        if known.kind != "carton":
            return known
        weights = self.weights_g.get(owner_id, ())
        told = [weight for weight in weights if weight is not None]
        complete = len(told) == len(weights) > 0
        return replace(known, listed=len(weights), listed_weight_g=sum(told) if complete else None)

    def of(self, key: Key, carton_id: str | None, images: Sequence[DossierImage]) -> Carton | None:
        """The carton that `key` is, or that the parcel came in; None for a loose parcel."""
        kind, owner_id = key
        carton = owner_id if kind == "carton" else carton_id
        if carton is None:
            return None
        inside = self.parcels.get(carton, ())
        count = self.counts.get(carton)
        return Carton(
            carton_id=carton,
            item_id=self.item_ids.get(("carton", carton)),
            manifested=self.manifested.get(carton),
            counted=None if count is None else round(count.counted, 2),
            low=None if count is None else round(count.low, 2),
            high=None if count is None else round(count.high, 2),
            boxes=tuple(_boxes(images)) if kind == "carton" else (),
            parcels=tuple(inside[:MOST_INSIDE]),
            more=max(len(inside) - MOST_INSIDE, 0),
        )


def gather_cartons(tables: ReviewTables) -> Cartons:
    """The cartons of `tables`, by id."""
    items = _item_ids(tables)
    parcels = tables.feed.parcels.filter(pl.col("carton_id").is_not_null()).join(
        tables.bands.unique("parcel_id", keep="first"), on="parcel_id", how="left"
    )
    order = {"inspect": 0, "look": 1, "clear": 2}
    inside: dict[str, list[Inner]] = {}
    weights: dict[str, list[float | None]] = {}
    for carton_id, parcel_id, description, band, weight in (
        parcels.select("carton_id", "parcel_id", "description", "band", "declared_weight_g")
        .sort("carton_id", "parcel_id")
        .iter_rows()
    ):
        inside.setdefault(carton_id, []).append(
            Inner(
                item_id=items.get(("parcel", parcel_id)),
                owner_id=parcel_id,
                description=description,
                band=band,
            )
        )
        weights.setdefault(carton_id, []).append(weight)
    for rows in inside.values():
        rows.sort(key=lambda one: order.get(one.band or "", 3))
    return Cartons(
        manifested=dict(tables.feed.cartons.select("carton_id", "pieces_manifested").iter_rows()),
        item_ids=items,
        counts=_counts(tables),
        parcels=inside,
        weights_g=weights,
    )


def _item_ids(tables: ReviewTables) -> dict[Key, str]:
    """The items of the queue among the parcels and cartons, by kind and id."""
    places = {
        (kind, owner_id): facility
        for kind, table, key in (
            ("parcel", tables.feed.parcels, "parcel_id"),
            ("carton", tables.feed.cartons, "carton_id"),
        )
        for owner_id, facility in table.select(key, "facility").iter_rows()
    }
    return {
        (kind, owner_id): item_id_of(places.get((kind, owner_id)), kind, owner_id)
        for kind, owner_id in tables.owners.select("owner_kind", "owner_id").iter_rows()
    }


def _counts(tables: ReviewTables) -> dict[str, Count]:
    counts = tables.findings.filter((pl.col("code") == COUNT) & (pl.col("owner_kind") == "carton"))
    arrived = on_arrival(counts, tables.feed.images)
    middles = arrived.group_by("owner_id").agg(pl.col("observed").mean())
    bands = pooled_bands(arrived, COUNT).join(middles, on="owner_id", how="left")
    return {
        owner_id: Count(counted=counted, low=low, high=high)
        for owner_id, counted, low, high in bands.select(
            "owner_id", "observed", "low", "high"
        ).iter_rows()
    }


def _boxes(images: Sequence[DossierImage]) -> list[PieceBox]:
    """The inner parcels drawn on the scans, numbered on each as its marks are."""
    boxes = []
    for image in images:
        pieces = [mark for mark in image.marks if mark.code == PIECE]
        boxes += [
            PieceBox(n=image.n, number=number, box_xyxy=mark.box_xyxy)
            for number, mark in enumerate(pieces, start=1)
        ]
    return boxes
