"""What there is to spend on exams: the settings, and how much falls to which parcels and cartons.

A budget is counted in officer-minutes. It is told as a share of everything, as minutes, or as
minutes per hour, for the whole window or for each facility and lane; whatever shares one budget is
a **pool**.
"""

import math
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

PoolColumn = Literal["facility", "lane"]
UNKNOWN: str = "not known"
"""Pool of what has no facility, lane or hour of arrival, where budgets go by these."""


class Budget(BaseModel, frozen=True, extra="forbid"):
    """Officer-minutes for one window, told in exactly one of three ways."""

    share: float | None = Field(default=None, gt=0, le=1)
    """Share of the parcels, and of the cartons, that may be flagged; each kind has its own."""
    minutes: float | None = Field(default=None, gt=0)
    """For parcels and cartons together, in each pool."""
    per_hour: float | None = Field(default=None, gt=0)
    """Minutes for what arrived within each hour."""
    by: tuple[PoolColumn, ...] = ()
    """Columns of which each combination has a budget of its own."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        told = [name for name in ("share", "minutes", "per_hour") if getattr(self, name)]
        if len(told) != 1:
            raise ValueError(
                "expected exactly one of share, minutes and per_hour, got "
                + (" and ".join(told) or "none")
            )
        return self


def _told_how(value: object) -> str:
    return "settings" if isinstance(value, Budget | dict) else "share"


# By the form it is told in, so that an error is about that form alone.
BudgetSetting = Annotated[
    Annotated[float, Field(gt=0, le=1), Tag("share")] | Annotated[Budget, Tag("settings")],
    Discriminator(_told_how),
]
"""A share, or a `Budget`."""


class ExamMinutes(BaseModel, frozen=True, extra="forbid"):
    """What an exam takes an officer."""

    parcel: float = Field(default=4.0, gt=0)
    carton: float = Field(default=15.0, gt=0)
    parcel_inside: float = Field(default=0.0, ge=0)
    """Added to a carton's for each parcel row that names it."""


class ExamValue(BaseModel, frozen=True, extra="forbid"):
    """What finding a violation is worth, in any unit; only ratios matter."""

    parcel: float = Field(default=1.0, gt=0)
    carton: float = Field(default=1.0, gt=0)
    by_reason: dict[str, float] = Field(default_factory=dict)
    """By code of a reason, or a family such as `item.*`; the highest that applies counts."""

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for code, value in self.by_reason.items():
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"by_reason.{code} must be above 0, got {value}")
        return self


class Doubt(BaseModel, frozen=True, extra="forbid"):
    """How far off a risk may be, as standard deviations of its logit."""

    known: float = Field(default=0.5, gt=0)
    """Where every check could be made."""
    unknown: float = Field(default=2.0, ge=0)
    """More, where none could; in between by the share of checks that could not."""


class ExamConfig(BaseModel, frozen=True, extra="forbid"):
    """What exams cost and are worth, and how they are spread over the arms."""

    minutes: ExamMinutes = ExamMinutes()
    value: ExamValue = ExamValue()
    uncertain_share: float = Field(default=0.05, ge=0, le=0.5)
    """Share of the budget for those about whom knowing would help most."""
    doubt: Doubt = Doubt()


def as_budget(budget: float | Budget) -> Budget:
    """A plain number is a share."""
    return budget if isinstance(budget, Budget) else Budget(share=budget)


def budget_words(budget: float | Budget) -> str:
    """`2%`, or `480 officer-minutes per facility and lane`."""
    told = as_budget(budget)
    each = f" per {' and '.join(told.by)}" if told.by else ""
    if told.share is not None:
        return f"{100 * told.share:.4g}%{each}"
    if told.per_hour is not None:
        return f"{told.per_hour:g} officer-minutes per hour of arrival{each.replace(' per', ',')}"
    return f"{told.minutes:g} officer-minutes{each}"


def pool_names(units: pl.DataFrame, budget: Budget) -> pl.Series:
    """The pool of each of `units` (owner_kind, facility, lane, arrived_at), by name."""
    keys: list[pl.Expr] = []
    if budget.per_hour is not None:
        keys.append(pl.col("arrived_at").dt.truncate("1h").dt.strftime("%Y-%m-%d %H:00"))
    keys += [pl.col(column) for column in budget.by]
    place = pl.concat_str(keys, separator=", ").fill_null(UNKNOWN) if keys else pl.lit("all")
    if budget.share is None:
        return units.with_columns(place.alias("pool")).get_column("pool")
    kind = pl.col("owner_kind") + "s"
    named = pl.concat_str([kind, place], separator=", ") if keys else kind
    return units.with_columns(named.alias("pool")).get_column("pool")


def pool_minutes(units: pl.DataFrame, budget: Budget) -> pl.DataFrame:
    """What each pool may spend: pool, minutes; pools in the order of their names.

    A share is rounded up to whole exams, so that a pool always has at least one. The pool of what
    has no facility, lane or hour gets the share of its own minutes that all others get of theirs.

    Args:
        units: pool, minutes (of one exam).
        budget: What there is.
    """
    pools = (
        units.group_by("pool")
        .agg(pl.len().alias("exams"), pl.col("minutes").sum().alias("most"))
        .sort("pool")
    )
    if budget.share is not None:
        # A product such as 0.07 * 100 lands just above its whole number.
        exams = (pl.lit(budget.share) * pl.col("exams") - 1e-9).ceil()
        return pools.select("pool", (exams * pl.col("most") / pl.col("exams")).alias("minutes"))
    amount = float(budget.minutes or budget.per_hour or 0.0)
    given = pools.with_columns(pl.min_horizontal(pl.lit(amount), "most").alias("minutes"))
    named = given.filter(pl.col("pool") != UNKNOWN)
    if 0 < named.height < given.height:
        usual = float(named["minutes"].sum()) / float(named["most"].sum())
        given = given.with_columns(
            pl.when(pl.col("pool") == UNKNOWN)
            .then(pl.col("most") * usual)
            .otherwise(pl.col("minutes"))
            .alias("minutes")
        )
    return given.select("pool", "minutes")
