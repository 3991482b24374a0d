"""Names of firms and persons as they are compared, and which of two sets resemble each other."""

from typing import Final

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

_LEGAL_FORMS: Final = (
    "ab", "ag", "as", "aps", "bhd", "bv", "co", "company", "corp", "corporation", "doo", "eood",
    "fze", "fzco", "gmbh", "inc", "incorporated", "jsc", "kft", "kg", "limited", "llc", "llp",
    "lp", "ltd", "ltda", "nv", "ooo", "oy", "oyj", "pjsc", "plc", "private", "pt", "pte", "pty",
    "pvt", "sa", "sarl", "sas", "sdn", "sl", "spa", "spzoo", "srl", "sro", "the", "and", "of",
)  # fmt: skip
"""Words that say how a firm is organised, or join other words, and nothing of which firm it is."""
_KEY_LETTERS: Final = 4
_MAX_BLOCK: Final = 200
"""A key that more listed names share than this picks none of them: `trading` names half a list."""
_SLICE: Final = 50_000
"""Names that are compared at a time: bounds the memory."""


def compared_name(name: pl.Expr) -> pl.Expr:
    """`name` as it is compared: words in order of the alphabet, without accents or legal forms.

    Empty becomes null. Letters of other scripts than Latin stay as they are.
    """
    return telling_words(all_words(name)).list.sort().list.join(" ").replace("", None)


def all_words(name: pl.Expr) -> pl.Expr:
    """All words of `name` in their own order, as they are compared."""
    plain = (
        name.str.normalize("NFKD")
        .str.replace_all(r"\p{M}", "")
        .str.to_lowercase()
        .str.replace_all("ß", "ss", literal=True)
        .str.replace_all(r"\b(\p{L})\.(?:(\p{L})\.)?(?:(\p{L})\.)?", "$1$2$3 ")  # s.r.l. is one
        .str.replace_all("'", "", literal=True)
        .str.replace_all("\u2019", "", literal=True)
        .str.replace_all("`", "", literal=True)
        .str.replace_all(r"[^\p{L}\p{N}]+", " ")
        .str.strip_chars()
    )
    return plain.str.split(" ")


def telling_words(words: pl.Expr) -> pl.Expr:
    """Those of a name's `words` that do not only say how a firm is organised.

    `words` should be a column: what stands twice in an expression is computed twice.
    """
    kept = words.list.filter(~pl.element().is_in(list(_LEGAL_FORMS)))
    # A name of legal forms alone (`The Company`) keeps them: it is all there is.
    return pl.when(kept.list.len() > 0).then(kept).otherwise(words)


def resembling(names: pl.Series, listed: pl.Series, *, least: float) -> pl.DataFrame:
    """Pairs of `names` and `listed` that are alike: name, listed, similarity.

    Similarity is 100 times twice the letters in common over the letters of both (the normalised
    indel similarity of rapidfuzz), of the words in order. Only pairs that share the first or last
    letters of a third of their words are compared, so the work grows with the rows and not with
    rows times list.

    Args:
        names: As `compared_name` gives them, each once.
        listed: As `compared_name` gives them, each once.
        least: Similarity from which a pair is given, above 0 to 100.
    """
    ours, theirs = names.drop_nulls(), listed.drop_nulls()
    known = _keys(theirs)
    sizes = known.group_by("key").agg(pl.col("id").n_unique().alias("block"))
    known = known.join(sizes.filter(pl.col("block") <= _MAX_BLOCK), on="key", how="semi")
    found = [_exact(ours, theirs)]
    for start in range(0, len(ours), _SLICE):
        some = ours.slice(start, _SLICE)
        pairs = _candidates(_keys(some), known, least)
        found.append(_scored(some, theirs, pairs, least))
    return pl.concat(found).unique(["name", "listed"], keep="first", maintain_order=True)


def _exact(names: pl.Series, listed: pl.Series) -> pl.DataFrame:
    same = pl.DataFrame({"name": names}).join(pl.DataFrame({"name": listed}), on="name", how="semi")
    return same.select("name", pl.col("name").alias("listed"), pl.lit(100.0).alias("similarity"))


def _keys(names: pl.Series) -> pl.DataFrame:
    """Each key of each name once: id (its row), key, word (its place), words, letters."""
    text = pl.col("text")
    split = (
        pl.DataFrame({"text": names})
        .with_row_index("id")
        .with_columns(
            text.str.len_chars().cast(pl.Int32).alias("letters"), text.str.split(" ").alias("part")
        )
        .with_columns(pl.col("part").list.len().cast(pl.Int32).alias("words"))
        .drop("text")
        .explode("part")
        .with_columns(pl.int_range(pl.len()).over("id").cast(pl.Int32).alias("word"))
    )
    head = pl.concat_str(pl.lit("<"), pl.col("part").str.head(_KEY_LETTERS))
    tail = pl.concat_str(pl.lit(">"), pl.col("part").str.tail(_KEY_LETTERS))
    columns = ("id", "words", "letters", "word")
    return pl.concat(
        [split.select(*columns, key.hash().alias("key")) for key in (head, tail)]
    ).unique(["id", "key"], keep="first", maintain_order=True)


def _candidates(names: pl.DataFrame, listed: pl.DataFrame, least: float) -> pl.DataFrame:
    """Pairs that share rare keys of a third of the longer one's words: id, id_listed."""
    shared = names.join(listed, on="key", how="inner", suffix="_listed")
    longer = pl.max_horizontal("letters", "letters_listed")
    # The letters of the shorter one are all that both can have in common.
    near = shared.filter(
        (longer - pl.min_horizontal("letters", "letters_listed"))
        <= longer * (1 - least / (200 - least))
    )
    met = near.group_by("id", "id_listed").agg(
        pl.col("word").n_unique().alias("met"),
        pl.max_horizontal("words", "words_listed").first().alias("longest"),
    )
    return met.filter(pl.col("met") * 3 >= pl.col("longest")).select("id", "id_listed")


def _scored(names: pl.Series, listed: pl.Series, pairs: pl.DataFrame, least: float) -> pl.DataFrame:
    """Those of `pairs` (rows of both) that are alike enough."""
    one, other = names.gather(pairs["id"]), listed.gather(pairs["id_listed"])
    alike = process.cpdist(
        one.to_list(),
        other.to_list(),
        scorer=fuzz.ratio,  # the words are in order already
        score_cutoff=least,
        dtype=np.float32,
        workers=1,
    )
    similarity = pl.Series(np.asarray(alike, np.float64))
    told = pl.DataFrame({"name": one, "listed": other, "similarity": similarity})
    return told.filter((pl.col("similarity") >= least) & (pl.col("similarity") > 0))
