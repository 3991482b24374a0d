import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.datasets.xray.packing import HeightMap, orientation, place, posed, profile
from parcelscope.datasets.xray.solids import ball, block, bounds, model


def brick(x: float, y: float, z: float) -> object:
    return model("brick", [block((0, 0, 0), (x / 2, y / 2, z / 2), "wood")])


def test_an_article_larger_than_the_container_finds_no_place() -> None:
    heights = HeightMap((100, 100), 100)
    assert place(brick(150, 150, 10), heights, np.random.default_rng(0)) is None
    assert heights.top_mm == 0


def test_an_article_that_would_rise_over_the_ceiling_finds_no_place() -> None:
    heights = HeightMap((100, 100), 30)
    rng = np.random.default_rng(0)
    assert place(brick(90, 90, 20), heights, rng, square=True) is not None
    assert place(brick(90, 90, 20), heights, rng, square=True) is None


def test_the_second_article_rests_on_the_first() -> None:
    heights = HeightMap((100, 100), 100)
    rng = np.random.default_rng(0)
    first, second = (place(brick(90, 90, 20), heights, rng, square=True) for _ in range(2))
    assert first is not None
    assert second is not None
    assert second.shift_mm[2] - first.shift_mm[2] == pytest.approx(20, abs=0.1)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(*[st.floats(5, 90)] * 3),
    freedom=st.sampled_from(["flat", "any"]),
)
def test_what_is_placed_lies_inside_the_container(
    seed: int, size: tuple[float, float, float], freedom: str
) -> None:
    rng = np.random.default_rng(seed)
    heights = HeightMap((200, 150), 120)
    for _ in range(5):
        article = brick(*size)
        pose = place(article, heights, rng, freedom=freedom)
        if pose is None:
            continue
        low, high = bounds(posed(article, pose))
        assert (low.min(axis=0) >= np.array([-100, -75, 0]) - 1e-6).all()
        assert (high.max(axis=0) <= np.array([100, 75, 120]) + 1e-6).all()


def test_a_profile_knows_where_an_article_is_hollow_below() -> None:
    table = model(
        "table",
        [
            block((0, 0, 20), (40, 40, 2), "wood"),
            *[block((x, y, 9), (3, 3, 9), "wood") for x in (-37, 37) for y in (-37, 37)],
        ],
    )
    outline = profile(table, np.eye(3), 4.0)
    assert outline.under_mm[0, 0] == pytest.approx(0)
    assert outline.under_mm[10, 10] == pytest.approx(18)
    assert outline.over_mm.max() == pytest.approx(22)


@pytest.mark.parametrize("freedom", ["flat", "any"])
def test_an_orientation_is_a_rotation(freedom: str) -> None:
    for seed in range(20):
        turn = orientation(np.random.default_rng(seed), freedom)
        assert np.allclose(turn @ turn.T, np.eye(3))
        assert np.linalg.det(turn) == pytest.approx(1)


def test_bounds_of_a_turned_ellipsoid_are_exact() -> None:
    turn = orientation(np.random.default_rng(3), "any")
    solid = ball((0, 0, 0), (30, 20, 10), "wood")
    sphere = np.random.default_rng(0).normal(size=(20000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    reach = (sphere * solid.half_mm @ turn.T).max(axis=0)
    _, high = bounds([solid], turn)
    assert np.allclose(high[0], reach, rtol=5e-3)
