"""Chords, nesting and masks of projected scenes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.scene import Scene, Shape, Solid

FLAT = np.zeros((8, 8), np.float32)
GEOMETRY = Geometry.square(120, 96, 1.6)


def solid(
    shape: Shape,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    material: str = "pe",
    replaces: str | None = None,
    rotation: np.ndarray | None = None,
) -> Solid:
    turned = {} if rotation is None else {"rotation": rotation}
    return Solid(
        shape=shape,
        centre_mm=np.array(centre, float),
        half_mm=np.array(half, float),
        material=material,
        replaces=replaces,
        **turned,
    )


def scene_of(*solids: Solid) -> Scene:
    scene = Scene()
    scene.add(scene.begin("thing", "item"), solids)
    return scene


def rotation_of(angles: tuple[float, float, float]) -> np.ndarray:
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = [k for k in range(3) if k != axis]
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        turned = step @ turned
    return turned


def sampled_chord(one: Solid, row: int, column: int) -> float:
    """Length inside the solid, by walking along the ray in 0.01 mm steps."""
    slope = float(GEOMETRY.slope_of(np.array([row]))[0])
    direction = np.array([0.0, slope, 1.0]) / np.hypot(1.0, slope)
    origin = np.array([GEOMETRY.x_of(np.array([column]))[0], 0.0, GEOMETRY.source_z_mm])
    reach = float(np.linalg.norm(one.half_mm)) + 5
    middle = float(direction @ (one.centre_mm - origin))
    walk = np.arange(middle - reach, middle + reach, 0.01)
    points = one.rotation.T @ (origin - one.centre_mm)[:, None]
    points = (points + (one.rotation.T @ direction)[:, None] * walk) / one.half_mm[:, None]
    inside = {
        "ellipsoid": (points**2).sum(0) <= 1,
        "box": np.abs(points).max(0) <= 1,
        "cylinder": ((points[:2] ** 2).sum(0) <= 1) & (np.abs(points[2]) <= 1),
    }[one.shape]
    return float(inside.sum()) * 0.01


def test_an_empty_scene_projects_to_no_material() -> None:
    projection = render(Scene(), GEOMETRY, texture=FLAT)
    assert projection.materials == ()
    assert projection.thickness_mm.shape == (0, 96, 120)


@settings(max_examples=60)
@given(
    shape=st.sampled_from(["ellipsoid", "box", "cylinder"]),
    half=st.tuples(*[st.floats(0.8, 45)] * 3),
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    centre=st.tuples(st.floats(-40, 40), st.floats(-30, 30), st.floats(20, 160)),
    spot=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_chord_is_the_length_walked_inside_the_solid(
    shape: Shape,
    half: tuple[float, float, float],
    angles: tuple[float, float, float],
    centre: tuple[float, float, float],
    spot: tuple[float, float],
) -> None:
    one = solid(shape, centre, half, rotation=rotation_of(angles))
    projection = render(scene_of(one), GEOMETRY, texture=FLAT)
    if 0 not in projection.boxes_xyxy:
        return  # falls between the rays
    x0, y0, x1, y1 = projection.boxes_xyxy[0]
    row, column = y0 + int(spot[0] * (y1 - y0 - 1)), x0 + int(spot[1] * (x1 - x0 - 1))
    chord = projection.thickness_mm[0, row, column]
    # A ray along a face may count as in or out: a smaller and a larger solid bound the truth.
    smaller, larger = (
        sampled_chord(replace(one, half_mm=one.half_mm * k), row, column) for k in (0.999, 1.001)
    )
    assert smaller - 0.05 < chord < larger + 0.05


@given(radius=st.floats(4, 40), height=st.floats(45, 150))
def test_the_middle_of_a_sphere_shows_its_diameter(radius: float, height: float) -> None:
    geometry = Geometry.square(61, 61, 1.6)
    projection = render(
        scene_of(solid("ellipsoid", (0, 0, height), (radius,) * 3)), geometry, texture=FLAT
    )
    assert projection.thickness_mm[0, 30, 30] == pytest.approx(2 * radius, rel=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["along belt", "across belt", "upright"])
def test_rays_parallel_to_a_cylinder_or_its_faces_are_exact(axis: int) -> None:
    geometry = Geometry.square(61, 61, 1.6)
    quarter = np.roll(np.eye(3), axis - 2, axis=0)
    projection = render(
        scene_of(solid("cylinder", (0, 0, 60), (10, 10, 25), rotation=quarter)),
        geometry,
        texture=FLAT,
    )
    assert projection.thickness_mm[0, 30, 30] == pytest.approx(50 if axis == 2 else 20, rel=1e-4)


def test_nested_solids_share_the_path_without_overlap() -> None:
    shell = solid("box", (3, -5, 60), (30, 20, 25), "abs")
    hollow = solid("box", (3, -5, 60), (27, 17, 22), "air", replaces="abs")
    core = solid("ellipsoid", (3, -5, 60), (12, 9, 14), "steel")
    pin = solid("cylinder", (3, -5, 60), (3, 3, 6), "copper", replaces="steel")
    projection = render(scene_of(shell, hollow, core, pin), GEOMETRY, texture=FLAT)
    alone = {
        name: render(scene_of(one), GEOMETRY, texture=FLAT).thickness_mm
        for name, one in {
            "shell": shell,
            "core": core,
            "pin": pin,
            "hollow": solid("box", (3, -5, 60), (27, 17, 22), "abs"),
        }.items()
    }
    shown = dict(zip(projection.materials, projection.thickness_mm, strict=True))
    assert set(shown) == {"abs", "steel", "copper"}
    np.testing.assert_allclose(shown["abs"], alone["shell"][0] - alone["hollow"][0], atol=1e-4)
    np.testing.assert_allclose(shown["steel"], alone["core"][0] - alone["pin"][0], atol=1e-4)
    assert min(image.min() for image in shown.values()) > -1e-3


def test_an_inner_parcel_s_mask_includes_what_it_holds() -> None:
    scene = Scene()
    parcel = scene.begin("inner", "inner_parcel")
    scene.add(parcel, [solid("box", (0, 0, 40), (10, 10, 10), "cardboard")])
    goods = scene.begin("shirt", "goods", parent=parcel)
    scene.add(goods, [solid("box", (20, 0, 40), (5, 5, 5), "textile_cotton")])
    item = scene.begin("knife", "item", parent=parcel)
    scene.add(item, [solid("box", (-30, 0, 40), (4, 4, 1), "steel")])
    projection = render(scene, GEOMETRY, texture=FLAT)
    assert set(projection.masks) == {parcel, item}
    assert projection.boxes_xyxy[parcel][0] == projection.boxes_xyxy[item][0]
    assert projection.boxes_xyxy[parcel][2] > 120 / 2 + 20 / 1.6


def test_an_object_out_of_view_has_no_box() -> None:
    projection = render(scene_of(solid("box", (500, 0, 40), (10, 10, 10))), GEOMETRY, texture=FLAT)
    assert projection.boxes_xyxy == {}


def test_a_textured_wall_is_uneven_but_its_hollow_stays_empty() -> None:
    texture = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    uneven = {"texture": 3, "texture_amplitude": 0.1}
    middle = np.array([0.0, 0.0, 50.0])
    wall = Solid(
        shape="box",
        centre_mm=middle,
        half_mm=np.array([40.0, 30, 40]),
        material="cardboard",
        **uneven,
    )
    hollow = Solid(
        shape="box",
        centre_mm=middle,
        half_mm=np.array([37.0, 27, 37]),
        material="air",
        replaces="cardboard",
        **uneven,
    )
    inside = render(scene_of(wall, hollow), GEOMETRY, texture=texture).thickness_mm[0, 40:56, 50:70]
    assert inside.mean() == pytest.approx(6, rel=0.03)
    assert 0.05 < inside.std() / inside.mean() < 0.15
