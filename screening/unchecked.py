"""What was not assessed, of many parcels: put in order by numbers instead of by text.

A window of a million manifest rows without pictures has ten million such rows, of a few hundred
different wordings.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

Codes = npt.NDArray[np.uint64]
_FEW: Final = 200
"""Rows up to which Python's own sort takes less than the six operations on tables."""


def not_assessed_lists(rows: pl.DataFrame, checks: Sequence[str]) -> pl.DataFrame:
    """What was not assessed of each owner, as texts.

    Args:
        rows: Columns as `NOT_ASSESSED_SCHEMA`, of one kind of owner; some may stand twice.
        checks: The checks that count.

    Returns:
        owner_id, not_assessed (`check: reason`, each once, in order), and how many of `checks` were
        `missed`; sorted by owner_id.
    """
    owner, owners = _ranked(rows["owner_id"])
    check, check_names = _ranked(rows["check"])
    reason, reasons = _ranked(rows["reason"])
    wordings = max(len(check_names) * len(reasons), 1)
    key = np.sort(owner * wordings + check * len(reasons) + reason)
    key = key[np.flatnonzero(np.diff(key, prepend=np.uint64(2**64 - 1)))]
    owner, wording = np.divmod(key, np.uint64(wordings))
    present = np.zeros(wordings, np.bool_)
    present[wording] = True
    used, which = np.flatnonzero(present), (np.cumsum(present) - 1)[wording]
    of_check = used // max(len(reasons), 1)
    texts = pl.select(
        pl.format(
            "{}: {}",
            pl.lit(check_names.gather(of_check)),
            pl.lit(reasons.gather(used % max(len(reasons), 1))),
        )
    ).to_series()
    counts = check_names.is_in(list(checks)).to_numpy()[of_check]
    # A check with several reasons counts once.
    first = np.ones(len(key), np.bool_)
    first[1:] = (owner[1:] != owner[:-1]) | (of_check[which[1:]] != of_check[which[:-1]])
    listed = pl.DataFrame(
        {
            "owner": pl.Series(owner).set_sorted(),
            "text": texts.gather(which),
            "missed": first & counts[which],
        }
    )
    found = listed.group_by("owner", maintain_order=True).agg(
        pl.col("text").alias("not_assessed"), pl.col("missed").sum()
    )
    return found.select(
        pl.lit(owners.gather(found["owner"])).alias("owner_id"), "not_assessed", "missed"
    )


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows`, columns as `NOT_ASSESSED_SCHEMA`, by owner_kind, owner_id, check and reason."""
    columns = ["owner_kind", "owner_id", "check", "reason"]
    key, parts = np.zeros(rows.height, np.uint64), []
    for name in columns:
        codes, values = _ranked(rows[name])
        key = key * np.uint64(max(len(values), 1)) + codes
        parts.append((name, values))
    key.sort()
    found = {}
    for name, values in reversed(parts):
        key, code = np.divmod(key, np.uint64(max(len(values), 1)))
        found[name] = values.gather(code.astype(np.uint32))
    return pl.DataFrame(found).select(rows.columns)


def _ranked(values: pl.Series) -> tuple[Codes, pl.Series]:
    """The place of each of `values` (text) among those that there are, and these in order."""
    if len(values) <= _FEW:
        texts = [text or "" for text in values]
        names = sorted(set(texts))
        rank = {text: place for place, text in enumerate(names)}
        return (
            np.array([rank[text] for text in texts], np.uint64),
            pl.Series(values.name, names, pl.String()),
        )
    values = values.fill_null("")
    codes = values.cast(pl.Categorical()).to_physical()
    firsts = pl.DataFrame({"code": codes, "text": values}).unique("code").sort("text")
    place = np.zeros(int(firsts.select(pl.col("code").max()).item() or 0) + 1, np.uint64)
    place[firsts["code"].to_numpy()] = np.arange(firsts.height)
    return place[codes.to_numpy()], firsts["text"]
