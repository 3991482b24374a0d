"""Shippers and consignees: names and addresses as they are compared, and who is one and the same.

Everything here goes by what was declared. Work grows with the rows: names are compared only within
one address, addresses only within one name.
"""

from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from parcelscope.screening.entity_names import all_words, telling_words

Role = Literal["consignee", "shipper"]

_TITLES: Final = ("mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "sr", "sra", "mme")
_WORDS: Final = {
    "street": "st", "str": "st", "strasse": "st", "avenue": "ave", "av": "ave", "road": "rd",
    "boulevard": "blvd", "drive": "dr", "lane": "ln", "court": "ct", "place": "pl",
    "square": "sq", "highway": "hwy", "parkway": "pkwy", "terrace": "ter", "circle": "cir",
    "north": "n", "south": "s", "east": "e", "west": "w", "suite": "unit", "ste": "unit",
    "apartment": "unit", "apt": "unit", "flat": "unit", "room": "unit", "rm": "unit",
    "number": "no", "floor": "fl", "building": "bldg", "house": "hse",
}  # fmt: skip
"""Words of addresses and their short forms, as USPS Publication 28 and usage abroad have them."""
_WIDEST: Final = 60
"""Up to so many names at one address are all compared with each other."""
_NEIGHBOURS: Final = 4
"""Where there are more, each is compared with so many that follow it in the alphabet."""
_UNIT: Final = "\x1f"


def parties(parcels: pl.DataFrame, role: Role) -> pl.DataFrame:
    """Who each parcel is from or for: name and address as they are compared, in the rows' order.

    Returns:
        parcel_id, `name` and `address`, null where the manifest gives none. The address has the
        postcode in it, or the city where there is none, and the country; an address of a postcode
        alone is none.
    """
    postcode = pl.col("consignee_postcode") if role == "consignee" else pl.lit(None, pl.String)
    rows = parcels.select(
        "parcel_id",
        pl.col(f"{role}_name").alias("name"),
        pl.col(f"{role}_address").alias("street"),
        pl.col(f"{role}_city").alias("city"),
        postcode.alias("postcode"),
        pl.col(f"{role}_country").alias("country"),
    )
    # Windows repeat themselves: work on each wording once.
    named = _with_compared_name(rows.select("name").unique())
    places = ["street", "city", "postcode", "country"]
    placed = _with_compared_place(rows.select(places).unique())
    return (
        rows.join(named, on="name", how="left", nulls_equal=True, maintain_order="left")
        .join(placed, on=places, how="left", nulls_equal=True, maintain_order="left")
        .select("parcel_id", pl.col("to").alias("name"), "address")
    )


def compared_address(street: pl.Expr) -> pl.Expr:
    """`street` as it is compared: short forms of words, its number last; empty becomes null."""
    plain = (
        street.str.normalize("NFKD")
        .str.replace_all(r"\p{M}", "")
        .str.to_lowercase()
        .str.replace_all("ß", "ss", literal=True)
        .str.replace_all(r"[^\p{L}\p{N}]+", " ")
        .str.strip_chars()
    )
    # Each word between two blanks of its own, so that neighbours are both replaced.
    spaced = pl.concat_str(pl.lit(" "), plain.str.replace_all(" ", "  ", literal=True), pl.lit(" "))
    short = spaced.str.replace_many(
        [f" {word} " for word in _WORDS], [f" {word} " for word in _WORDS.values()]
    )
    bare = short.str.replace_all("  ", " ", literal=True).str.strip_chars()
    # `12 Main St` is `Main St 12`.
    return bare.str.replace(r"^(\d+\p{L}?) (.+)$", "$2 $1").replace("", None)


def alike(groups: pl.DataFrame, within: str, what: str, *, least: float) -> pl.DataFrame:
    """`groups` with `entity`: which of its `what` are written so alike that they are one.

    Args:
        groups: Each pair of `within` and `what` once, neither null.
        within: Only what shares this is compared.
        what: As it is compared.
        least: Similarity (rapidfuzz's ratio, 0 to 100) from which two are one.

    Returns:
        `groups` sorted by both, with `entity`: the least `what` of those that are one. The same for
        any order of the rows.
    """
    ordered = groups.sort(within, what)
    if ordered.height < 2:
        return ordered.with_columns(pl.col(what).alias("entity"))
    size = pl.len().over(within)
    crowded = (
        ordered.with_row_index("node").with_columns(size.alias("size")).filter(pl.col("size") > 1)
    )
    pairs = _neighbours(crowded, within)
    texts = ordered[what]
    one, other = pairs
    scores = process.cpdist(
        texts.gather(one).to_list(),
        texts.gather(other).to_list(),
        scorer=fuzz.ratio,
        score_cutoff=least,
        dtype=np.float32,
        workers=1,
    )
    near = np.asarray(scores) >= least
    label = components(one[near], other[near], ordered.height)
    return ordered.with_columns(texts.gather(label).alias("entity"))


def components(one: NDArray[np.int64], other: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """The connected components of a graph: for each of `nodes`, the least node it is joined to.

    Args:
        one: (E,) nodes at one end of the edges.
        other: (E,) nodes at the other.
        nodes: How many there are.
    """
    label = np.arange(nodes)
    while True:
        least = np.minimum(label[one], label[other])
        before = label.copy()
        # To the roots of both ends, so that whole trees join at once.
        np.minimum.at(label, before[one], least)
        np.minimum.at(label, before[other], least)
        np.minimum.at(label, one, least)
        np.minimum.at(label, other, least)
        while (label[label] != label).any():
            label = label[label]
        if np.array_equal(label, before):
            return label


def _with_compared_name(named: pl.DataFrame) -> pl.DataFrame:
    """`named` with `to`: the words of its `name` in order, without titles; null where none."""
    # Step by step: what stands twice in an expression is computed twice.
    worded = (
        named.with_columns(all_words(pl.col("name")).alias("w"))
        .with_columns(telling_words(pl.col("w")))
        .with_columns(pl.col("w").list.filter(~pl.element().is_in(list(_TITLES))).alias("bare"))
        .with_columns(pl.when(pl.col("bare").list.len() > 0).then("bare").otherwise("w").alias("w"))
    )
    first, second = pl.col("w").list.get(0), pl.col("w").list.get(1, null_on_oob=True)
    # Most names have two words; sorting lists one by one takes ten times as long.
    count = pl.col("w").list.len()
    few = worded.filter(count <= 2).with_columns(
        pl.when(second.is_null())
        .then(first)
        .when(first <= second)
        .then(pl.concat_str(first, second, separator=" "))
        .otherwise(pl.concat_str(second, first, separator=" "))
        .alias("to")
    )
    parts = [few]
    if few.height < worded.height:
        many = worded.filter(count > 2)
        none = worded.filter(pl.col("w").is_null())
        parts += [
            many.with_columns(pl.col("w").list.sort().list.join(" ").alias("to")),
            none.with_columns(pl.lit(None, pl.String).alias("to")),
        ]
    to = pl.when(pl.col("to") != "").then(pl.col("to"))
    return pl.concat(parts).select("name", to.alias("to"))


def _with_compared_place(placed: pl.DataFrame) -> pl.DataFrame:
    """`placed` with `address`: street, postcode or city, and country as one text; null without."""
    worked = placed.select(
        compared_address(pl.col("street")).alias("street"),
        pl.col("country").str.strip_chars().str.to_uppercase().fill_null("").alias("country"),
        pl.col("postcode").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "").alias("code"),
        pl.col("city").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "").alias("city"),
    )
    code = pl.col("code")
    # The four digits after a ZIP code are often left out.
    code = pl.when(pl.col("country") == "US").then(code.str.slice(0, 5)).otherwise(code)
    town = pl.when(code.str.len_chars() > 0).then(code).otherwise("city").fill_null("")
    whole = pl.concat_str("street", town, "country", separator=_UNIT)
    address = worked.select(pl.when(pl.col("street").is_not_null()).then(whole)).to_series()
    return placed.with_columns(address.alias("address"))


def _neighbours(crowded: pl.DataFrame, within: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of `node` of the same `within` that are to be compared."""
    ones, others = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    rows = crowded.select("node", "size", group=pl.col(within).rle_id())
    for step in range(1, _WIDEST):
        # Groups too small for this step have no pair so far apart; crowds only have near ones.
        fits = pl.col("size") > step
        rows = rows.filter(fits if step <= _NEIGHBOURS else fits & (pl.col("size") <= _WIDEST))
        if rows.is_empty():
            break
        paired = rows.select(
            "node",
            pl.col("node").shift(-step).alias("next"),
            (pl.col("group") == pl.col("group").shift(-step)).alias("same"),
        ).filter("same")
        ones.append(paired["node"].to_numpy().astype(np.int64))
        others.append(paired["next"].to_numpy().astype(np.int64))
    return np.concatenate(ones), np.concatenate(others)


def street_of(address: pl.Expr) -> pl.Expr:
    """The street of an address as `parties` gives it."""
    return address.str.split(_UNIT).list.first()
