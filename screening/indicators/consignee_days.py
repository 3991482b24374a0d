"""U9: what one consignee receives in a day, and addresses at which nobody can be found."""

from typing import Final

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.exchange_rates import with_converted
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_findings,
    as_not_assessed,
    findings_of,
    with_ratio,
)
from parcelscope.screening.indicators.wording import counted, plain, quoted
from parcelscope.screening.parties import alike
from parcelscope.screening.policy import (
    LIMIT_SCHEMA,
    consignee_day_limits,
    local_day,
)
from parcelscope.screening.policy_rules import Money
from parcelscope.screening.word_types import Expression, Word

DAY: Final = "U9.day"
ADDRESS: Final = "U9.address"

_OWNER = ["owner_id", "owner_kind"]
_PERSON_DAY = ["address", "entity", "day"]


class ConsigneeDayParameters(BaseModel, frozen=True, extra="forbid"):
    """U9.day. The limit is that of the policy pack of the day."""

    over: Grades
    """By how many times the limit one consignee's day is worth."""
    watch: Money | None = None
    """Sum that is looked at on days on which the policy has no limit; None looks at none."""
    min_parcels: int = Field(default=2, ge=2)
    """A single parcel over a limit is its own entry's business."""
    alike: float = Field(default=90.0, gt=50, le=100)
    """Similarity from which two names at one address are one consignee."""


class AddressParameters(BaseModel, frozen=True, extra="forbid"):
    """U9.address: signs that nobody can be found there. Each counts for its likelihood ratio."""

    placeholder: float = Field(ge=1)
    """Words that stand for an address that is not known."""
    placeholder_words: tuple[str, ...] = Field(min_length=1)
    """Lower case; a sign when the street is nothing else."""
    no_number: float = Field(ge=1)
    numbered_countries: tuple[str, ...] = ()
    """Where a street address has a number."""
    box_only: float = Field(ge=1)
    box_words: tuple[Word, ...] = ()
    """Lower case; what post office boxes are called."""
    box_channels: tuple[str, ...] = ()
    """Channels that deliver to the door."""
    postcode: float = Field(ge=1)
    postcode_forms: dict[str, Expression] = {}
    """Regular expression of a postcode by country, of capitals and digits alone."""


def consignee_days(evidence: Evidence, parameters: ConsigneeDayParameters) -> Outcome:
    """U9.day: parcels of one consignee and day that are together worth more than the limit.

    A consignee is a name at an address, as they are compared; names that differ by a letter or two
    are one. Values in another currency count where there is a rate of the day. Where some of a
    day's values are not known, the rest is a lower bound: it may fire, its silence says nothing.
    """
    valued = _valued(evidence, parameters)
    judged = valued.filter(pl.col("reason").is_null())
    unknown = as_not_assessed(valued.filter(pl.col("reason").is_not_null()), DAY, pl.col("reason"))
    if judged.height < parameters.min_parcels:  # such as one parcel that is scored by itself
        return Outcome(findings=as_findings(pl.DataFrame()), not_assessed=unknown)
    days = (
        judged.sort("owner_id")  # floats add up to the same sum in any order of the feed
        .group_by(_PERSON_DAY, maintain_order=True)
        .agg(
            pl.len().alias("parcels"),
            pl.col("worth").sum().alias("sum"),
            pl.col("worth").null_count().alias("unvalued"),
            pl.col("currency").drop_nulls().n_unique().alias("currencies"),
        )
    )
    rows = judged.join(days, on=_PERSON_DAY, how="left").with_columns(
        (pl.col("sum") / pl.col("limit")).alias("times")
    )
    several = pl.col("parcels") >= parameters.min_parcels
    fired = rows.filter(several & (pl.col("times") > parameters.over.at[0]))
    unsure = rows.filter(
        several & (pl.col("unvalued") > 0) & ~(pl.col("times") > parameters.over.at[0])
    )
    why = (
        pl.when(pl.col("currencies") > 1)
        .then(
            pl.lit(
                "values of this consignee's day are in several currencies, and no rate of the day"
                " is known"
            )
        )
        .otherwise(
            pl.format(
                "{} of this consignee's day without a value in {}",
                counted(pl.col("unvalued"), "parcel"),
                pl.col("unit"),
            )
        )
    )
    return Outcome(
        findings=findings_of(fired, lambda: _days_told(fired, parameters)),
        not_assessed=pl.concat(
            [
                unknown,
                as_not_assessed(unsure, DAY, why),
            ]
        ),
    )


def _valued(evidence: Evidence, parameters: ConsigneeDayParameters) -> pl.DataFrame:
    """Each parcel with its consignee (address, entity), day, worth, limit, unit, pack and reason.

    `reason` says why it cannot be looked at, and is null where it can.
    """
    standing = evidence.standing
    day = pl.col("arrived_at").dt.date() if standing is None else local_day(standing.policies)
    rows = evidence.owners("parcel").select(
        *_OWNER,
        day.alias("day"),
        pl.when(pl.col("value") > 0).then("value").alias("value"),
        pl.col("currency").str.strip_chars().str.to_uppercase().replace("", None),
    )
    known = evidence.parties("consignee")
    rows = rows.with_columns(known["name"], known["address"])
    complete = rows.drop_nulls(["name", "address"]).select("address", "name").unique()
    entities = alike(complete, "address", "name", least=parameters.alike)
    rows = rows.join(entities, on=["address", "name"], how="left", maintain_order="left")
    limits = (
        pl.DataFrame(schema=LIMIT_SCHEMA)
        if standing is None
        else consignee_day_limits(standing.policies)
    )
    rows = _with_limit(rows, limits, parameters.watch)
    units = rows["unit"].drop_nulls().unique().sort().to_list()
    if standing is not None:
        rows = with_converted(rows, units, standing.rates, max_age_days=standing.max_rate_age_days)
        worth = (
            pl.coalesce(pl.when(pl.col("unit") == unit).then(f"value_{unit}") for unit in units)
            if units
            else pl.lit(None, pl.Float64)
        )
    else:
        worth = pl.when(pl.col("unit") == pl.col("currency")).then("value")
    reason = (
        pl.when(pl.col("name").is_null())
        .then(pl.lit("the manifest gives no consignee name"))
        .when(pl.col("address").is_null())
        .then(pl.lit("the manifest gives no consignee address"))
        .when(pl.col("day").is_null())
        .then(pl.lit("the manifest gives no day of arrival"))
        .when(pl.col("limit").is_null())
        .then(pl.lit("there is no limit per consignee on that day"))
    )
    return rows.with_columns(worth.alias("worth"), reason.alias("reason"))


def _with_limit(rows: pl.DataFrame, limits: pl.DataFrame, watch: Money | None) -> pl.DataFrame:
    """`rows` with limit, unit (its currency) and pack (null where it is the facility's own)."""
    days = rows.select("day").unique().drop_nulls()
    by_day = (
        days.join_where(limits, pl.col("day") >= pl.col("first"), pl.col("day") <= pl.col("last"))
        .sort("day", "amount", "code")
        .unique("day", keep="first", maintain_order=True)
        .select("day", pl.col("amount").alias("limit"), pl.col("currency").alias("unit"), "pack")
    )
    found = rows.join(by_day, on="day", how="left", maintain_order="left")
    if watch is None:
        return found
    return found.with_columns(
        pl.col("limit").fill_null(watch.amount), pl.col("unit").fill_null(watch.currency)
    )


def _days_told(fired: pl.DataFrame, parameters: ConsigneeDayParameters) -> pl.DataFrame:
    least = pl.when(pl.col("unvalued") > 0).then(pl.lit("at least ")).otherwise(pl.lit(""))
    against = (
        pl.when(pl.col("pack").is_null())
        .then(pl.format("sums from {} {} are looked at", plain(pl.col("limit"), 2), pl.col("unit")))
        .otherwise(
            pl.format(
                "the limit of {} is {} {}",
                pl.col("pack"),
                plain(pl.col("limit"), 2),
                pl.col("unit"),
            )
        )
    )
    return with_ratio(
        fired.select(
            *_OWNER,
            pl.lit(DAY).alias("code"),
            pl.format(
                "This consignee's {} of {} are declared at {}{} {} together; {}.",
                counted(pl.col("parcels"), "parcel"),
                pl.col("day"),
                least,
                plain(pl.col("sum"), 2),
                pl.col("unit"),
                against,
            ).alias("sentence"),
            pl.col("sum").alias("observed"),
            pl.col("limit").alias("expected"),
            pl.col("unit"),
        ),
        parameters.over.ratios(fired["times"].to_numpy()),
    )


def undeliverable_addresses(evidence: Evidence, parameters: AddressParameters) -> Outcome:
    """U9.address: consignee addresses with signs that nobody can be found there.

    Looks at the wording alone; whether an address is there needs an address file that is not here.
    """
    rows = evidence.owners("parcel").select(
        *_OWNER,
        pl.col("consignee_address").alias("street"),
        pl.col("consignee_postcode").alias("postcode"),
        pl.col("consignee_country").str.strip_chars().str.to_uppercase().alias("country"),
        pl.col("channel").str.strip_chars().str.to_lowercase().alias("channel"),
    )
    places = ["street", "postcode", "country", "channel"]
    # Windows repeat themselves: judge each wording once.
    wordings = rows.select(places).unique().filter(pl.col("street").str.strip_chars() != "")
    signs = _signs(wordings, parameters).filter(pl.col("likelihood_ratio") > 1)
    fired = rows.join(signs, on=places, how="inner", nulls_equal=True)
    findings = findings_of(
        fired,
        lambda: fired.select(
            *_OWNER,
            pl.lit(ADDRESS).alias("code"),
            pl.format(
                'The consignee address "{}" {}; a parcel may not find anybody there.',
                quoted(pl.col("street")),
                pl.col("how"),
            ).alias("sentence"),
            pl.col("street").alias("text"),
            pl.col("likelihood_ratio"),
        ),
    )
    nowhere = rows.filter(~(pl.col("street").str.strip_chars() != "").fill_null(value=False))
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(
            nowhere, ADDRESS, pl.lit("the manifest gives no consignee address")
        ),
    )


def _signs(wordings: pl.DataFrame, parameters: AddressParameters) -> pl.DataFrame:
    """`wordings` with `how` the address is odd, and its `likelihood_ratio`, 1 where it is not.

    Expressions about no row of `wordings` are left out: compiling one costs as much as judging a
    thousand rows by it.
    """
    countries, channels = set(wordings["country"]), set(wordings["channel"])
    plain = pl.col("street").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ")
    words, code = pl.col("words"), pl.col("code")
    no_letter = ~words.str.contains(r"\p{L}")
    placeholder = words.is_in(list(parameters.placeholder_words)) | no_letter
    boxes = "|".join(sorted(parameters.box_words, key=len, reverse=True))
    box = rf"^(?:{boxes})(?: no| nr)?(?: \d+\p{{L}}?)*$" if boxes else r"$^"
    to_the_door = channels.intersection(parameters.box_channels)
    box_only = (
        words.str.contains(box) & pl.col("channel").is_in(list(to_the_door))
        if to_the_door
        else pl.lit(value=False)
    )
    no_number = pl.col("country").is_in(list(parameters.numbered_countries)) & ~words.str.contains(
        r"\p{N}"
    )
    wrong = pl.any_horizontal(
        pl.lit(value=False),
        *(
            (pl.col("country") == country) & (code != "") & ~code.str.contains(rf"^(?:{form})$")
            for country, form in parameters.postcode_forms.items()
            if country in countries
        ),
    )
    told = (
        (placeholder, pl.lit("is no address"), parameters.placeholder),
        (
            box_only,
            pl.lit("is a post office box alone, and comes to the door"),
            parameters.box_only,
        ),
        (no_number, pl.lit("has no number"), parameters.no_number),
        (
            wrong,
            pl.format(
                "goes with the postcode {}, which {} has not the form of",
                quoted(pl.col("postcode")),
                pl.col("country"),
            ),
            parameters.postcode,
        ),
    )
    how, ratio = pl.lit(None, pl.String), pl.lit(1.0)
    for n, (_, said, counts) in reversed(list(enumerate(told))):
        held = pl.col(f"held{n}")
        how, ratio = (
            pl.when(held).then(said).otherwise(how),
            pl.when(held).then(counts).otherwise(ratio),
        )
    # Step by step: what stands twice in an expression is computed twice.
    return (
        wordings.with_columns(
            plain.str.strip_chars().alias("words"),
            pl.col("postcode").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "").alias("code"),
        )
        .with_columns(
            holds.fill_null(value=False).alias(f"held{n}") for n, (holds, _, _) in enumerate(told)
        )
        .select(*wordings.columns, how.alias("how"), ratio.alias("likelihood_ratio"))
    )
