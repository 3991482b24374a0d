"""How an imported set is split: as published, cleaned of what straddles, or anew."""

import csv
import io
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parcelscope.datasets.adapters.layout import Entry, read_text
from parcelscope.datasets.annotated import Split
from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.splits import draw_splits, to_leave_out

SplitMode = Literal["auto", "clean", "published", "new"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """How to split."""

    mode: SplitMode = "auto"
    """`clean` keeps the set's own split but leaves out what would straddle, and draws a validation
    part from the training part where there is none; `published` keeps the split as it is; `new`
    draws one; `auto` is `clean` where the set has a split and `new` elsewhere."""
    val_share: float = 0.15
    test_share: float = 0.15
    seed: int = 0
    groups: Path | None = None
    """CSV with a column `file` and others, such as sender or carton, that must not straddle."""


def check_shares(splitting: Splitting) -> None:
    """Refuse shares that leave nothing to learn from.

    Raises:
        DatasetError: If they do.
    """
    val, test = splitting.val_share, splitting.test_share
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise DatasetError(f"val and test must be shares below 1 together, got {val} and {test}")


def group_names(owners: Sequence[Entry], table: Path | None) -> list[list[Hashable]]:
    """What each picture belongs to: its group in the set, and each named column of `table`.

    Raises:
        DatasetError: If `table` has no row for one of them.
    """
    named = {} if table is None else read_groups(table)
    missing = [entry.path for entry in owners if table is not None and entry.path not in named]
    if missing:
        raise DatasetError(
            f"{table}: expected a row for every picture, got none for {missing[0]!r}"
            f" and {len(missing) - 1} others"
        )
    found: list[list[Hashable]] = []
    for entry in owners:
        own: list[Hashable] = [] if entry.group is None else [("group", entry.group)]
        found.append(own + list(named.get(entry.path, ())))
    return found


def read_groups(table: Path) -> dict[str, list[tuple[str, str]]]:
    """Column and value of all that each file belongs to.

    Raises:
        DatasetError: If the table has no column `file`, or no other.
    """
    reader = csv.DictReader(io.StringIO(read_text(table)), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise DatasetError(f"{table}: not a table: {error}") from None
    columns = [name for name in reader.fieldnames or () if name and name != "file"]
    if "file" not in (reader.fieldnames or ()) or not columns:
        raise DatasetError(
            f"{table}: expected a column 'file' and others such as sender or carton,"
            f" got {list(reader.fieldnames or ())[:12]}"
        )
    return {row["file"]: [(name, row[name]) for name in columns if row[name]] for row in rows}


def split_entries(
    own: Sequence[Split | None], groups: Sequence[int], splitting: Splitting
) -> tuple[list[int], list[Split]]:
    """The pictures that are kept, and the split of each.

    Args:
        own: The set's own split of each picture.
        groups: Number of the group of each.
        splitting: What is wanted.

    Raises:
        DatasetError: If a split of its own is wanted and the set has none.
    """
    everyone = list(range(len(own)))
    published = [split for split in own if split is not None]
    mode = splitting.mode
    if mode == "auto":
        mode = "clean" if len(published) == len(own) else "new"
    if mode == "new":
        drawn = draw_splits(
            groups,
            val_share=splitting.val_share,
            test_share=splitting.test_share,
            seed=splitting.seed,
        )
        return everyone, drawn
    if len(published) < len(own):
        raise DatasetError(f"--split {mode} needs a set with a split of its own; use --split new")
    if mode == "clean":
        gone = set(to_leave_out(groups, published))
        everyone = [at for at in everyone if at not in gone]
        if "val" not in published:
            return everyone, _with_val(
                [published[at] for at in everyone], [groups[at] for at in everyone], splitting
            )
    return everyone, [published[at] for at in everyone]


def _with_val(splits: Sequence[Split], groups: Sequence[int], splitting: Splitting) -> list[Split]:
    """`splits` with a part of train, whole groups of it, made val: recipes judge on val."""
    train = [at for at, split in enumerate(splits) if split == "train"]
    drawn = draw_splits(
        [groups[at] for at in train],
        val_share=splitting.val_share,
        test_share=0.0,
        seed=splitting.seed,
    )
    moved = {at for at, split in zip(train, drawn, strict=True) if split == "val"}
    return ["val" if at in moved else split for at, split in enumerate(splits)]
