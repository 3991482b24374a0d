"""U10: many names at one address, one name at many, and one line split over many consignees."""

from typing import Final

import numpy as np
import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_findings,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
)
from parcelscope.screening.indicators.wording import counted, plain, quoted
from parcelscope.screening.parties import alike, components, street_of
from parcelscope.screening.word_types import Expression

NAMES: Final = "U10.names"
ADDRESSES: Final = "U10.addresses"
CLUSTER: Final = "U10.cluster"
SPLIT: Final = "U10.split"

_OWNER = ["owner_id", "owner_kind"]
_LINE = ["shipper", "line", "value", "currency", "day"]
_LINKING: Final = 0.5
"""A name that chance puts at more than half an address besides its own links nobody."""


class Cluster(BaseModel, frozen=True, extra="forbid"):
    """From when on a number is more than the window usually shows."""

    at_least: int = Field(ge=2)
    """Fewer are never told."""
    times_usual: float = Field(ge=1)
    """By how many times it must exceed what `usual` of the others reach."""
    grades: Grades
    """By how many times it exceeds that again; the first is 1."""


class ClusterParameters(BaseModel, frozen=True, extra="forbid"):
    """U10: consignees that go together."""

    names: Cluster
    """Names at one address."""
    addresses: Cluster
    """Addresses of one name, beyond those that chance gives a common one."""
    cluster: Cluster
    """Consignees that are joined by addresses and rare names."""
    split: Cluster
    """Consignees of one line of one shipper and day."""
    usual: float = Field(default=0.99, gt=0, lt=1)
    """Share of the addresses, names and clusters, and of the parcels of a line, that show no more
    than what counts as usual."""
    alike: float = Field(default=90.0, gt=50, le=100)
    """Similarity from which two names at one address, or two addresses of one name, are one."""
    hubs: tuple[Expression, ...] = ()
    """Regular expressions of consignee names and streets, in lower case, where many names are
    usual: parcel lockers, forwarders."""


def address_clusters(evidence: Evidence, parameters: ClusterParameters) -> Outcome:
    """U10.names, U10.addresses, U10.cluster and U10.split.

    Names and addresses are compared as `screening.parties` has them. What is usual is taken from
    the window itself, so that a feed of forwarders is not held against one of households.
    """
    rows = _placed(evidence, parameters)
    reason = (
        pl.when(pl.col("name").is_null())
        .then(pl.lit("the manifest gives no consignee name"))
        .when(pl.col("address").is_null())
        .then(pl.lit("the manifest gives no consignee address"))
        .otherwise(pl.lit("listed as a hub, where many names are usual"))
    )
    missing = rows.filter(~pl.col("usable"))
    usable = rows.filter("usable")
    silent = Outcome(
        findings=as_findings(pl.DataFrame()),
        not_assessed=pl.concat(
            [as_not_assessed(missing, code, reason) for code in (NAMES, ADDRESSES, CLUSTER)]
        ),
    )
    # Nothing is larger than the window, such as one parcel that is scored by itself.
    sizes = (parameters.names, parameters.addresses, parameters.cluster, parameters.split)
    if usable.height < min(size.at_least for size in sizes):
        alone = usable.with_columns(pl.col("name").alias("entity"))
        return merged([silent, _split_lines(evidence, rows, alone, parameters)])
    persons = usable.select("address", "name").unique()
    persons = alike(persons, "address", "name", least=parameters.alike)
    usable = usable.join(persons, on=["address", "name"], how="left", maintain_order="left")
    homes = _homes(persons, parameters)
    return merged(
        [
            silent,
            _many_names(usable, persons, parameters),
            _many_addresses(usable, homes, parameters),
            _clusters(usable, persons, homes, parameters),
            _split_lines(evidence, rows, usable, parameters),
        ]
    )


def _placed(evidence: Evidence, parameters: ClusterParameters) -> pl.DataFrame:
    """Each parcel with its consignee's name and address, and whether they are `usable`."""
    known = evidence.parties("consignee")
    rows = evidence.owners("parcel").select(
        *_OWNER,
        pl.col("consignee_name").alias("said_name"),
        pl.col("consignee_address").alias("said_address"),
    )
    rows = rows.with_columns(known["name"], known["address"])
    is_hub = pl.lit(value=False)
    if parameters.hubs:
        hubs = f"(?:{'|'.join(f'(?:{hub})' for hub in parameters.hubs)})"
        places = rows.select("address").unique().drop_nulls()
        hub_places = places.filter(street_of(pl.col("address")).str.contains(hubs))["address"]
        names = rows.select("name").unique().drop_nulls()
        hub_names = names.filter(pl.col("name").str.contains(hubs))["name"]
        is_hub = pl.col("address").is_in(hub_places.implode()) | pl.col("name").is_in(
            hub_names.implode()
        )
    both = pl.col("name").is_not_null() & pl.col("address").is_not_null()
    return rows.with_columns((both & ~is_hub.fill_null(value=False)).alias("usable"))


def _homes(persons: pl.DataFrame, parameters: ClusterParameters) -> pl.DataFrame:
    """Names of two words or more, `homes` (addresses) of each, and how many `chance` gives it.

    By chance a name of several words is as frequent as its words are together: among a million
    consignees there are many called John Smith.
    """
    pairs = persons.select("address", pl.col("entity").alias("name")).unique()
    pairs = pairs.filter(pl.col("name").str.contains(" ", literal=True))
    # Two house numbers are two homes, however alike the rest is.
    digits = pl.col("address").str.extract_all(r"\p{N}+").list.join(" ")
    pairs = pairs.with_columns(pl.concat_str("name", digits, separator="|").alias("within"))
    placed = alike(pairs, "within", "address", least=parameters.alike)
    homes = placed.group_by("name").agg(pl.col("entity").n_unique().alias("homes")).sort("name")
    words = pairs.select(pl.col("name").str.split(" ").alias("word")).explode("word")
    frequency = words.group_by("word").agg((pl.len() / max(pairs.height, 1)).alias("share"))
    several = homes.filter(pl.col("homes") > 1)
    chance = (
        several.select("name", pl.col("name").str.split(" ").alias("word"))
        .explode("word")
        .join(frequency, on="word", how="left")
        .sort("name", "word")
        .group_by("name", maintain_order=True)
        .agg((pl.col("share").log().sum().exp() * pairs.height).alias("chance"))
    )
    return homes.join(chance, on="name", how="left").with_columns(pl.col("chance").fill_null(0.0))


def _large(
    rows: pl.DataFrame, of: Cluster, usual: float, *, besides: str | None = None
) -> pl.DataFrame:
    """Those of `rows` whose `size` is more than usual.

    Args:
        rows: Everything that has a size, each as often as it shall count for what is usual.
        of: From when on it is more.
        usual: Share of the rows whose size is usual.
        besides: Column of what would be usual for another reason.

    Returns:
        The rows with `usual`, and `least`: the size from which they are told.
    """
    nearly_all = pl.lit(float(rows["size"].quantile(usual, "lower") or 1.0))
    known = nearly_all if besides is None else pl.max_horizontal(nearly_all, pl.col(besides).ceil())
    least = pl.max_horizontal(pl.lit(float(of.at_least)), known * of.times_usual)
    return rows.with_columns(known.alias("usual"), least.alias("least")).filter(
        pl.col("size") >= pl.col("least")
    )


def _told(rows: pl.DataFrame, code: str, words: pl.Expr, unit: str, of: Cluster) -> pl.DataFrame:
    """Findings of `rows` with `size`, `usual` and the `least` from which it is told."""
    return findings_of(
        rows,
        lambda: with_ratio(
            rows.select(
                *_OWNER,
                pl.lit(code).alias("code"),
                words.alias("sentence"),
                pl.col("size").alias("observed"),
                pl.col("usual").alias("expected"),
                pl.lit(unit).alias("unit"),
            ),
            of.grades.ratios((rows["size"] / rows["least"]).to_numpy()),
        ),
    )


def _silent(findings: pl.DataFrame) -> Outcome:
    return Outcome(findings=findings, not_assessed=merged([]).not_assessed)


def _many_names(
    usable: pl.DataFrame, persons: pl.DataFrame, parameters: ClusterParameters
) -> Outcome:
    sizes = persons.group_by("address").agg(pl.col("entity").n_unique().alias("size"))
    large = _large(sizes, parameters.names, parameters.usual)
    rows = usable.join(large, on="address", how="inner")
    words = pl.format(
        'The address "{}" stands for {} different consignee names in this window; {} is usual.',
        quoted(pl.col("said_address")),
        pl.col("size"),
        _up_to(pl.col("usual")),
    )
    return _silent(_told(rows, NAMES, words, "names", parameters.names))


def _many_addresses(
    usable: pl.DataFrame, homes: pl.DataFrame, parameters: ClusterParameters
) -> Outcome:
    sizes = homes.rename({"homes": "size"})
    large = _large(sizes, parameters.addresses, parameters.usual, besides="chance")
    rows = usable.join(large, left_on="entity", right_on="name", how="inner")
    words = pl.format(
        'The consignee name "{}" stands at {} addresses in this window; {} is usual.',
        quoted(pl.col("said_name")),
        pl.col("size"),
        _up_to(pl.col("usual")),
    )
    return _silent(_told(rows, ADDRESSES, words, "addresses", parameters.addresses))


def _clusters(
    usable: pl.DataFrame,
    persons: pl.DataFrame,
    homes: pl.DataFrame,
    parameters: ClusterParameters,
) -> Outcome:
    """Consignees joined by what they share: an address, or a name too rare to be two persons'."""
    who = persons.select("address", "entity").unique().sort("address", "entity")
    rare = homes.filter((pl.col("homes") > 1) & (pl.col("chance") < _LINKING)).select("name")
    # A graph of addresses and of rare names; a consignee is an edge of it.
    edges = who.with_columns(pl.col("address").rle_id().cast(pl.Int64).alias("place")).join(
        rare.sort("name").with_row_index("rare"), left_on="entity", right_on="name", how="inner"
    )
    places = int(who["address"].n_unique())
    one = edges["place"].to_numpy()
    other = places + edges["rare"].to_numpy().astype(np.int64)
    label = components(one, other, places + rare.height)
    placed = who.with_columns(pl.col("address").rle_id().alias("place"))
    joined = placed.with_columns(pl.Series("component", label[placed["place"].to_numpy()]))
    sizes = joined.group_by("component").agg(
        pl.len().alias("size"),
        pl.col("address").n_unique().alias("places"),
        pl.col("entity").n_unique().alias("people"),
    )
    large = _large(sizes, parameters.cluster, parameters.usual).filter(
        (pl.col("places") > 1) & (pl.col("people") > 1)
    )
    members = joined.join(large, on="component", how="inner").drop("place", "component")
    rows = usable.join(members, on=["address", "entity"], how="inner")
    words = pl.format(
        "This consignee is one of {} that share addresses or rare names: {} and {}; {} is usual.",
        pl.col("size"),
        counted(pl.col("people"), "name"),
        pl.format("{} addresses", pl.col("places")),
        _up_to(pl.col("usual")),
    )
    return _silent(_told(rows, CLUSTER, words, "consignees", parameters.cluster))


def _split_lines(
    evidence: Evidence, rows: pl.DataFrame, usable: pl.DataFrame, parameters: ClusterParameters
) -> Outcome:
    """One line (shipper, description, value) of one day, for many consignees."""
    text = pl.col("description").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ")
    line = text.str.strip_chars()
    shipper = evidence.parties("shipper")
    lines = evidence.owners("parcel").select(
        *_OWNER,
        shipper["name"].alias("shipper"),
        pl.when(line != "").then(line).alias("line"),
        pl.when(pl.col("value") > 0).then("value").alias("value"),
        pl.col("currency").str.strip_chars().str.to_uppercase().alias("currency"),
        pl.col("arrived_at").dt.date().alias("day"),
    )
    whole = pl.all_horizontal(pl.col(*_LINE).is_not_null())
    unknown = rows.select(*_OWNER, "usable", "name", "address").join(
        lines.select("owner_id", whole.alias("whole")), on="owner_id", how="left"
    )
    why = (
        pl.when(~pl.col("whole"))
        .then(pl.lit("the manifest lacks a shipper, description, value, currency or arrival"))
        .when(pl.col("name").is_null() | pl.col("address").is_null())
        .then(pl.lit("the manifest lacks the consignee's name or address"))
        .otherwise(pl.lit("listed as a hub, where many names are usual"))
    )
    return Outcome(
        findings=_split_findings(lines.filter(whole), usable, parameters),
        not_assessed=as_not_assessed(
            unknown.filter(~pl.col("usable") | ~pl.col("whole")), SPLIT, why
        ),
    )


def _split_findings(
    lines: pl.DataFrame, usable: pl.DataFrame, parameters: ClusterParameters
) -> pl.DataFrame:
    """What is found of `lines` that say all that makes a line."""
    if usable.height < parameters.split.at_least:  # no line goes to more than there are
        return as_findings(pl.DataFrame())
    told = lines.join(usable.select("owner_id", "address", "entity"), on="owner_id", how="inner")
    sizes = told.group_by(_LINE).agg(
        pl.struct("address", "entity").n_unique().alias("size"),
        pl.len().alias("parcels"),
    )
    # By parcels and not by lines: what everybody orders is usual, however few lines it is.
    fired = _large(told.join(sizes, on=_LINE, how="inner"), parameters.split, parameters.usual)
    words = pl.format(
        'The line "{}" at {} {} goes from one shipper to {} consignees on {}; {} is usual.',
        quoted(pl.col("line")),
        plain(pl.col("value"), 2),
        pl.col("currency"),
        pl.col("size"),
        pl.col("day"),
        _up_to(pl.col("usual")),
    )
    return _told(fired, SPLIT, words, "consignees", parameters.split)


def _up_to(usual: pl.Expr) -> pl.Expr:
    return pl.when(usual <= 1).then(pl.lit("1")).otherwise(pl.format("up to {}", plain(usual, 0)))
