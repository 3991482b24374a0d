import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.annotated import SPLITS, Split
from parcelscope.datasets.splits import (
    draw_splits,
    joined_groups,
    straddling,
    to_leave_out,
)

groups = st.lists(st.integers(0, 12), max_size=60)


@pytest.mark.parametrize(
    ("names", "pairs", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([[], []], [], [0, 1], id="strangers"),
        pytest.param([["a"], ["b"], ["a"]], [], [0, 1, 0], id="one sender"),
        pytest.param([["a"], ["a", "c"], ["c"]], [], [0, 0, 0], id="sender and carton chain"),
        pytest.param([[], [], []], [(1, 2)], [0, 1, 1], id="alike"),
        pytest.param([["a"], ["b"], ["b"], []], [(0, 1), (2, 3)], [0, 0, 0, 0], id="all linked"),
    ],
)
def test_what_shares_anything_is_one_group(
    names: list[list[str]], pairs: list[tuple[int, int]], expected: list[int]
) -> None:
    assert joined_groups(names, pairs) == expected


@given(groups=groups, val=st.floats(0, 0.45), test=st.floats(0, 0.45), seed=st.integers(0, 99))
def test_no_group_is_ever_on_both_sides(
    groups: list[int], val: float, test: float, seed: int
) -> None:
    drawn = draw_splits(groups, val_share=val, test_share=test, seed=seed)
    assert len(drawn) == len(groups)
    assert straddling(groups, drawn) == set()
    if val == 0:
        assert "val" not in drawn


def test_shares_are_met_where_groups_are_small() -> None:
    drawn = draw_splits(list(range(200)), val_share=0.2, test_share=0.1, seed=3)
    assert [drawn.count(split) for split in SPLITS] == [140, 40, 20]


def test_a_seed_gives_the_same_split_and_another_a_different_one() -> None:
    first, again, other = (
        draw_splits(list(range(50)), val_share=0.3, test_share=0.0, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


@given(rows=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["train", "val", "test"]))))
def test_leaving_out_is_enough_and_never_touches_the_test(rows: list[tuple[int, Split]]) -> None:
    keys, splits = [group for group, _ in rows], [split for _, split in rows]
    gone = set(to_leave_out(keys, splits))
    kept = [at for at in range(len(rows)) if at not in gone]
    assert straddling([keys[at] for at in kept], [splits[at] for at in kept]) == set()
    assert all(splits[at] != "test" for at in gone)
