"""Spending the inspection budget on a closed window: who is flagged, by which arm, how likely."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.screening.arms import Choice, Plan, draw_exams, plan_exams
from parcelscope.screening.budget import (
    Budget,
    ExamConfig,
    ExamValue,
    as_budget,
    pool_minutes,
    pool_names,
)
from parcelscope.screening.selection import ARMS, WITH_CARTON, Spending, Units

FLAG_SCHEMA = pl.Schema(
    {
        "owner_kind": pl.String(),
        "owner_id": pl.String(),
        "arm": pl.String(),
        "propensity": pl.Float64(),
        "risk": pl.Float64(),
        "rank": pl.Int64(),
        "reasons": pl.List(pl.String()),
        "minutes": pl.Float64(),
        "pool": pl.String(),
        "drawn": pl.Boolean(),
        "draw_propensity": pl.Float64(),
    }
)
"""One row per flag. `arm` is targeted, uncertain or random; `drawn` says whether the random draw
hit it, also where it was chosen anyway, and `draw_propensity` how likely that was."""
CHANCE_SCHEMA = pl.Schema({"arm": pl.String(), "propensity": pl.Float64()})
"""What is said of every parcel and carton, flagged or not: its arm, null where it has none, and its
chance of coming to an exam, by itself or with its carton."""
UNASSESSED = "unassessed"
"""Column that assessments have until flags are chosen: share of the checks not made, 0 to 1."""
_PLACE = pl.Schema(
    {
        "facility": pl.String(),
        "lane": pl.String(),
        "arrived_at": pl.Datetime("us", "UTC"),
        "carton_id": pl.String(),
    }
)
_KEYS: Mapping[OwnerKind, str] = {"parcel": "parcel_id", "carton": "carton_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagging:
    """How the budget of one window was spent."""

    flags: pl.DataFrame
    """Columns as `FLAG_SCHEMA`, riskiest first, cartons after parcels."""
    chances: pl.DataFrame
    """owner_kind, owner_id, then `CHANCE_SCHEMA`; one row per parcel and carton."""

    def onto(self, assessments: pl.DataFrame, kind: OwnerKind) -> pl.DataFrame:
        """`assessments` of one kind, as `owners_of` takes them, with arm and chance."""
        if assessments.is_empty():
            return assessments.drop(UNASSESSED).with_columns(
                pl.lit(None, dtype).alias(name) for name, dtype in CHANCE_SCHEMA.items()
            )
        of_kind = self.chances.filter(pl.col("owner_kind") == kind).drop("owner_kind")
        return assessments.drop(UNASSESSED).join(
            of_kind.rename({"owner_id": _KEYS[kind]}),
            on=_KEYS[kind],
            how="left",
            maintain_order="left",
        )


def choose_flags(
    owners: pl.DataFrame,
    *,
    budget: float | Budget,
    random_share: float,
    seed: int,
    exams: ExamConfig | None = None,
) -> Flagging:
    """The parcels and cartons worth opening, within the budget.

    The **targeted** arm takes those with the highest expected value per officer-minute, the
    **uncertain** arm those whose risk may well lie on the other side of where targeting stops, and
    the **random** arm is drawn from all, whatever their risk, those that could not be read
    included. A flagged carton carries its parcels: they have no flag of their own.

    Args:
        owners: owner_kind, owner_id, verdict, risk (null where not known), reasons; and where they
            are known reason_codes, unassessed (share of the checks that could not be made),
            facility, lane, arrived_at and, of parcels, carton_id. Of rows with the same id the
            assessed one counts.
        budget: What there is; a plain number is a share of the parcels, and of the cartons.
        random_share: Share of the budget that is drawn at random.
        seed: Decides who is drawn. Same seed, same flags, in whatever order the rows come.
        exams: What exams cost and are worth; the usual if None.
    """
    told = as_budget(budget)
    settings = exams or ExamConfig()
    units = _units(owners, told, settings)
    plan = plan_exams(
        as_arrays(units, told),
        Spending(
            random_share=random_share,
            uncertain_share=settings.uncertain_share,
            doubt_known=settings.doubt.known,
            doubt_unknown=settings.doubt.unknown,
        ),
    )
    return _told(units, plan, draw_exams(plan, seed))


def as_arrays(units: pl.DataFrame, budget: Budget) -> Units:
    """`units`, as `prepared` gives them, as arrays."""
    pools = pool_minutes(units, budget)
    pool_of = {name: number for number, name in enumerate(pools["pool"])}
    kinds, ids = units["owner_kind"].to_list(), units["owner_id"].to_list()
    cartons = {name: row for row, (kind, name) in enumerate(zip(kinds, ids, strict=True))
               if kind == "carton"}  # fmt: skip
    return Units(
        names=tuple(f"{kind}\0{name}" for kind, name in zip(kinds, ids, strict=True)),
        is_carton=(units["owner_kind"] == "carton").to_numpy(),
        pool=np.array([pool_of[name] for name in units["pool"]], np.int64),
        minutes=units["minutes"].to_numpy(),
        risk=units["risk"].fill_null(float("nan")).to_numpy(),
        value=units["value"].to_numpy(),
        unassessed=units["unassessed"].to_numpy(),
        carton=np.array([cartons.get(name, -1) for name in units["carton_id"]], np.int64),
        readable=(units["verdict"] == "assessed").to_numpy(),
        pool_names=tuple(pools["pool"]),
        pool_minutes=pools["minutes"].to_numpy(),
    )


def owners_of(feed: Feed, parcels: pl.DataFrame, cartons: pl.DataFrame) -> pl.DataFrame:
    """The assessments of a window with where and when each parcel and carton came.

    Args:
        feed: The manifest tables.
        parcels: Assessments, with `UNASSESSED`.
        cartons: Likewise.
    """
    tables: dict[OwnerKind, pl.DataFrame] = {"parcel": parcels, "carton": cartons}
    told = ["verdict", "risk", "reason_codes", "reasons", UNASSESSED]
    owners = pl.concat(
        [
            table.select(
                pl.lit(kind).alias("owner_kind"), pl.col(_KEYS[kind]).alias("owner_id"), *told
            )
            for kind, table in tables.items()
        ]
    )
    return owners.join(
        _places(feed), on=["owner_kind", "owner_id"], how="left", maintain_order="left"
    )


def _places(feed: Feed) -> pl.DataFrame:
    """Where and when each parcel and carton of `feed` came: owner_kind, owner_id, then the rest.

    A carton arrived when the first of its parcels did.
    """
    parcels = feed.parcels.select(
        pl.lit("parcel").alias("owner_kind"), pl.col("parcel_id").alias("owner_id"), *_PLACE
    ).cast(_PLACE)
    first = parcels.drop_nulls("carton_id").group_by("carton_id").agg(pl.col("arrived_at").min())
    cartons = feed.cartons.join(first, on="carton_id", how="left").select(
        pl.lit("carton").alias("owner_kind"),
        pl.col("carton_id").alias("owner_id"),
        "facility",
        "lane",
        "arrived_at",
        pl.lit(None, pl.String()).alias("carton_id"),
    )
    return pl.concat([parcels, cartons])


def _units(owners: pl.DataFrame, budget: Budget, exams: ExamConfig) -> pl.DataFrame:
    """Each thing that might be examined once, by kind and id, with what its exam costs."""
    unique = owners.sort("owner_kind", "owner_id", "verdict").unique(
        ["owner_kind", "owner_id"], keep="first", maintain_order=True
    )
    given = unique.columns
    absent = [pl.lit(None, of).alias(name) for name, of in _PLACE.items() if name not in given]
    filled = unique.with_columns(
        *absent,
        (pl.col("unassessed") if "unassessed" in given else pl.lit(None, pl.Float64()))
        .fill_null(pl.when(pl.col("risk").is_null()).then(1.0).otherwise(0.0))
        .alias("unassessed"),
        _value(exams.value, "reason_codes" in given).alias("value"),
    )
    minutes = exams.minutes
    inside = (
        filled.drop_nulls("carton_id")
        .group_by("carton_id")
        .agg(pl.len().cast(pl.Float64()).alias("inside"))
        .select(
            pl.lit("carton").alias("owner_kind"), pl.col("carton_id").alias("owner_id"), "inside"
        )
    )
    cost = (
        pl.when(pl.col("owner_kind") == "carton")
        .then(minutes.carton + minutes.parcel_inside * pl.col("inside").fill_null(0.0))
        .otherwise(minutes.parcel)
    )
    costed = filled.join(
        inside, on=["owner_kind", "owner_id"], how="left", maintain_order="left"
    ).with_columns(cost.alias("minutes"))
    return costed.with_columns(pool_names(costed, budget))


def _value(value: ExamValue, has_codes: bool) -> pl.Expr:
    """What finding a violation is worth: by the weightiest reason that says so, or the kind."""
    usual = (
        pl.when(pl.col("owner_kind") == "carton")
        .then(pl.lit(value.carton))
        .otherwise(pl.lit(value.parcel))
    )
    if not (value.by_reason and has_codes):
        return usual
    named = [
        pl.when(
            pl.col("reason_codes")
            .list.eval(
                pl.element().str.starts_with(code[:-1])
                if code.endswith(".*")
                else pl.element() == code
            )
            .list.any()
        ).then(pl.lit(worth))
        for code, worth in value.by_reason.items()
    ]
    return pl.coalesce(pl.max_horizontal(named), usual)


def _told(units: pl.DataFrame, plan: Plan, choice: Choice) -> Flagging:
    """What was planned and drawn, as tables."""
    names = pl.Series("arm", [ARMS[arm] for arm in choice.arm], pl.String())
    known = units.with_columns(
        names,
        pl.Series("propensity", plan.inclusion),
        pl.Series("draw_propensity", plan.draw_chance),
        pl.Series("drawn", choice.drawn),
    )
    own = known.filter(pl.col("arm").is_not_null() & (pl.col("arm") != ARMS[WITH_CARTON]))
    ranked = own.sort(
        pl.col("owner_kind") == "carton",
        "risk",
        pl.col("arm") != "targeted",
        "owner_id",
        descending=[False, True, False, False],
        nulls_last=True,
    ).with_columns(pl.int_range(1, pl.len() + 1).over("owner_kind").alias("rank"))
    return Flagging(
        flags=ranked.select(*FLAG_SCHEMA).cast(FLAG_SCHEMA),
        chances=known.select("owner_kind", "owner_id", *CHANCE_SCHEMA),
    )
