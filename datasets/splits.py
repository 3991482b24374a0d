"""Which pictures are learned from and which are held out, never one group on both sides."""

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

from parcelscope.datasets.annotated import SPLITS, Split


def joined_groups(
    names: Sequence[Iterable[Hashable]], pairs: Iterable[tuple[int, int]]
) -> list[int]:
    """Number of the group of each item; groups that share a name or a pair become one.

    Args:
        names: What each item belongs to: a sender, a carton, several at once, or nothing.
        pairs: Items that belong together for another reason, such as looking alike.
    """
    root = list(range(len(names)))

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = root[at]
        return at

    first_of: dict[Hashable, int] = {}
    for at, belongs in enumerate(names):
        for name in belongs:
            _join(root, find(first_of.setdefault(name, at)), find(at))
    for one, other in pairs:
        _join(root, find(one), find(other))
    return [find(at) for at in range(len(names))]


def _join(root: list[int], one: int, other: int) -> None:
    root[max(one, other)] = min(one, other)


def draw_splits(
    groups: Sequence[int], *, val_share: float, test_share: float, seed: int
) -> list[Split]:
    """A split for each item, drawn by group; shares are of items and met as groups allow.

    Large groups go first, each to the split that lacks most of its share, ties drawn by `seed`.
    """
    members: dict[int, list[int]] = {}
    for at, group in enumerate(groups):
        members.setdefault(group, []).append(at)
    keys = sorted(members)
    order = np.random.default_rng(seed).permutation(len(keys))
    total = len(groups)
    wanted: dict[Split, float] = {
        "train": total * (1 - val_share - test_share),
        "val": total * val_share,
        "test": total * test_share,
    }
    lack = dict(wanted)
    drawn: list[Split] = ["train"] * total
    # Large ones first, as what is left must fit; the permutation decides among equals.
    for key in sorted((keys[at] for at in order), key=lambda k: -len(members[k])):
        split = max(SPLITS, key=lambda s: lack[s] / wanted[s] if wanted[s] else -np.inf)
        lack[split] -= len(members[key])
        for at in members[key]:
            drawn[at] = split
    return drawn


def straddling(groups: Sequence[int], splits: Sequence[Split]) -> set[int]:
    """The groups that lie in more than one split."""
    sides: dict[int, set[Split]] = {}
    for group, split in zip(groups, splits, strict=True):
        sides.setdefault(group, set()).add(split)
    return {group for group, found in sides.items() if len(found) > 1}


def to_leave_out(groups: Sequence[int], splits: Sequence[Split]) -> list[int]:
    """Items to drop so that no group straddles: held-out ones stay, test before val."""
    side: dict[int, Split] = {}
    rank: Mapping[Split, int] = {"test": 0, "val": 1, "train": 2}
    for group, split in zip(groups, splits, strict=True):
        side[group] = min(side.get(group, split), split, key=lambda s: rank[s])
    return [at for at, g in enumerate(groups) if splits[at] != side[g]]
