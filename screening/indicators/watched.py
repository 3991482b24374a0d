"""U17: names on a declaration that resemble an entry of a list that the facility watches."""

import polars as pl
from pydantic import BaseModel, Field, field_validator

from parcelscope.screening.config import Grades
from parcelscope.screening.entity_names import compared_name, resembling
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_findings,
    as_not_assessed,
    with_ratio,
)
from parcelscope.screening.indicators.wording import plain, quoted
from parcelscope.screening.watch_list import WatchLists

ENTITY = "U17.entity"

_KEYS = ["owner_id", "owner_kind"]
_ROLES = ("shipper", "consignee")


class WatchedParameters(BaseModel, frozen=True, extra="forbid"):
    """U17: how alike a name must be, and what a resemblance counts for."""

    similarity: Grades
    """By similarity of the names, 50 to 100; the first is where it fires."""
    same_country: float = Field(ge=1)
    """Factor on the ratio where both name the same country."""
    other_country: float = Field(gt=0, le=1)
    """Factor on the ratio where they name different countries."""
    min_letters: int = Field(ge=1)
    """A shorter name, without its legal form, is not compared: too many are alike by chance."""

    @field_validator("similarity")
    @classmethod
    def _a_similarity(cls, grades: Grades) -> Grades:
        # Below half, most names of a language are alike, and all of them would be compared.
        if grades.at[0] < 50 or grades.at[-1] > 100:
            raise ValueError(f"at must lie between 50 and 100, got {list(grades.at)}")
        return grades


def resembles_watched(evidence: Evidence, parameters: WatchedParameters) -> Outcome:
    """U17.entity: a shipper or consignee whose name resembles an entry of a watch list.

    A resemblance of names is no identity, and the sentence says so. Names of many rows are compared
    once. Each list and each role speaks for itself: the closest entry of a list is told.
    """
    lists = None if evidence.standing is None else evidence.standing.watch_lists
    parcels = evidence.owners("parcel")
    if lists is None:
        reason = pl.lit("no watch list is configured")
        return Outcome(
            findings=as_findings(pl.DataFrame()),
            not_assessed=as_not_assessed(parcels, ENTITY, reason),
        )
    named = pl.concat([_of_role(parcels, role) for role in _ROLES]).filter(
        pl.col("compared").str.len_chars() >= parameters.min_letters
    )
    closest = _closest(named, lists, parameters)
    fired = named.join(closest, on=["compared", "country"], how="inner", nulls_equal=True)
    ratios = parameters.similarity.ratios(fired["similarity"].to_numpy())
    findings = with_ratio(_findings(fired, parameters), ratios * fired["factor"].to_numpy())
    nameless = parcels.join(named.select(_KEYS).unique(), on=_KEYS, how="anti")
    return Outcome(
        findings=as_findings(
            findings.with_columns(pl.col("likelihood_ratio").clip(lower_bound=1.0))
        ),
        not_assessed=as_not_assessed(
            nameless, ENTITY, pl.lit("the manifest gives no name long enough to compare")
        ),
    )


def _of_role(parcels: pl.DataFrame, role: str) -> pl.DataFrame:
    """The name and country of the party in `role`: its text, as it is compared, and the role."""
    name = pl.col(f"{role}_name")
    # Windows repeat themselves: work each name out once.
    unique = parcels.select(name).unique().with_columns(compared_name(name).alias("compared"))
    country = pl.col(f"{role}_country").str.strip_chars().str.to_uppercase()
    return (
        parcels.select(*_KEYS, name, pl.when(country != "").then(country).alias("country"))
        .join(unique, on=f"{role}_name", how="left")
        .rename({f"{role}_name": "text"})
        .with_columns(pl.lit(role).alias("role"))
        .drop_nulls("compared")
    )


def _closest(named: pl.DataFrame, lists: WatchLists, parameters: WatchedParameters) -> pl.DataFrame:
    """For each name and country the entry of each list that counts for most."""
    listed = lists.names.with_columns(compared_name(pl.col("name")).alias("listed")).filter(
        pl.col("listed").str.len_chars() >= parameters.min_letters
    )
    pairs = resembling(
        named["compared"].unique(), listed["listed"].unique(), least=parameters.similarity.at[0]
    )
    countries = named.select("compared", "country").unique()
    matched = countries.join(pairs, left_on="compared", right_on="name", how="inner").join(
        listed, on="listed", how="inner", suffix="_listed"
    )
    both = pl.col("country").is_not_null() & pl.col("country_listed").is_not_null()
    same = pl.col("country") == pl.col("country_listed")
    return (
        matched.with_columns(
            pl.when(both & same)
            .then(parameters.same_country)
            .when(both)
            .then(parameters.other_country)
            .otherwise(1.0)
            .alias("factor")
        )
        .sort(
            "compared",
            "country",
            "list_name",
            "similarity",
            "factor",
            "list_date",
            "entity",
            "name",
            "programme",
            descending=[False, False, False, True, True, True, False, False, False],
            nulls_last=True,
        )
        .unique(["compared", "country", "list_name"], keep="first", maintain_order=True)
        .rename({"name": "entry"})
    )


def _findings(fired: pl.DataFrame, parameters: WatchedParameters) -> pl.DataFrame:
    factor = pl.col("factor")
    country = (
        pl.when(factor > 1)
        .then(pl.lit(", in the same country"))
        .when(factor < 1)
        .then(pl.lit(", in another country"))
        .otherwise(pl.lit(""))
    )
    programme = (
        pl.when(pl.col("programme").is_null())
        .then(pl.lit(""))
        .otherwise(pl.format(", {}", quoted(pl.col("programme"))))
    )
    return fired.select(
        *_KEYS,
        pl.lit(ENTITY).alias("code"),
        pl.format(
            'The {} "{}" resembles the entry "{}" of {} ({}{}){}: {} of 100 alike.',
            "role",
            quoted(pl.col("text")),
            quoted(pl.col("entry")),
            quoted(pl.col("list_name")),
            "list_date",
            programme,
            country,
            plain(pl.col("similarity"), 0),
        ).alias("sentence"),
        pl.col("similarity").alias("observed"),
        pl.lit(parameters.similarity.at[0]).alias("expected"),
        pl.lit("of 100").alias("unit"),
        pl.col("text"),
    )
