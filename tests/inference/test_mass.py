"""Mass from scans, against scenes whose mass is known."""

from dataclasses import astuple, replace

import numpy as np
import pytest

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.xray.acquisition import SCANNERS, Scanner
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.scan import simulate
from parcelscope.datasets.xray.scene import Scene, Solid
from parcelscope.datasets.xray.wedge import step_wedge
from parcelscope.inference import mass
from parcelscope.inference.mass import MassEstimate, MassGauge

FLAT = np.zeros((8, 8), np.float32)


def gauge_of(scanner: Scanner, seed: int = 0) -> MassGauge:
    wedge = step_wedge(scanner, np.random.default_rng(seed))
    return MassGauge.from_wedge(wedge.pe_mm, wedge.steel_mm, wedge.le, wedge.he, AIR_LEVEL)


def weighed(
    scanner: Scanner, material: str, thickness_mm: float, height_mm: float = 50.0
) -> tuple[MassEstimate, float]:
    """Estimated and true mass of a 160 x 120 mm slab."""
    scene = Scene()
    slab = Solid(
        shape="box",
        centre_mm=np.array([10.0, -15.0, height_mm]),
        half_mm=np.array([80.0, 60.0, thickness_mm / 2]),
        material=material,
    )
    scene.add(scene.begin("slab", "goods"), [slab])
    scan = simulate(scene, scanner, np.random.default_rng(1), FLAT)
    pitch = scanner.geometry.pixel_pitch_mm
    return gauge_of(scanner).grams(scan.le, scan.he, AIR_LEVEL, pitch), scan.total_mass_g


@pytest.mark.parametrize("model", ["PS-160", "PS-120", "EV-140C", "EV-180"])
@pytest.mark.parametrize(
    ("material", "thickness_mm"),
    [
        ("water", 50.0),
        ("paper", 60.0),
        ("textile_cotton", 80.0),
        ("cardboard", 80.0),
        ("sugar", 40.0),
        ("glass", 8.0),
        ("al", 10.0),
        ("steel", 1.0),
        ("steel", 4.0),
    ],
)
def test_a_slab_weighs_what_it_does(model: str, material: str, thickness_mm: float) -> None:
    estimate, true_g = weighed(SCANNERS[model], material, thickness_mm)
    # Metal is weighed between steel and brass, so a slab of steel alone reads light.
    tolerance = 0.13 if material == "steel" else 0.10
    assert estimate.grams == pytest.approx(true_g, rel=tolerance)
    assert estimate.low < true_g < estimate.high


def test_an_empty_belt_weighs_next_to_nothing() -> None:
    scanner = SCANNERS["PS-140"]
    scan = simulate(Scene(), scanner, np.random.default_rng(2), FLAT)
    estimate = gauge_of(scanner).grams(scan.le, scan.he, AIR_LEVEL, 1.6)
    assert estimate.grams < 5
    assert estimate.opaque_share == 0


def test_a_drifting_tube_does_not_add_mass() -> None:
    drifting = replace(SCANNERS["PS-160"], drift=0.008)
    estimate, true_g = weighed(drifting, "paper", 10.0)
    assert estimate.grams == pytest.approx(true_g, rel=0.08)


def test_what_lies_at_the_top_of_a_carton_stays_within_the_band() -> None:
    estimate, true_g = weighed(SCANNERS["PS-160"], "paper", 40.0, height_mm=120.0)
    assert estimate.low < true_g < estimate.high


def test_opaque_metal_is_said_to_be_and_opens_the_band_upwards() -> None:
    estimate, true_g = weighed(SCANNERS["PS-160"], "steel", 30.0)
    assert estimate.opaque_share > 0.3
    assert estimate.grams < true_g < estimate.high


def test_a_parcel_without_air_around_it_is_still_weighed() -> None:
    scanner = SCANNERS["PS-160"]
    grey = np.full((64, 64), 30000, np.uint16)
    gauge = gauge_of(scanner)
    full = gauge.grams(grey, grey, AIR_LEVEL, 1.6)
    assert full.grams > 100
    assert full.high - full.low > 0.25 * full.grams


def test_looking_at_the_parcel_alone_weighs_the_same_as_looking_at_the_whole_belt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part, _ = weighed(SCANNERS["PS-160"], "steel", 4.0)
    monkeypatch.setattr(mass, "window", lambda _, **__: (slice(None), slice(None)))
    whole, _ = weighed(SCANNERS["PS-160"], "steel", 4.0)
    assert astuple(part) == pytest.approx(astuple(whole), rel=1e-6)


def test_a_wedge_of_one_material_is_refused() -> None:
    wedge = step_wedge(SCANNERS["PS-160"])
    bare = wedge.steel_mm == 0
    with pytest.raises(ConfigError, match="fewer than 3 thicknesses of steel"):
        MassGauge.from_wedge(
            wedge.pe_mm[bare], wedge.steel_mm[bare], wedge.le[bare], wedge.he[bare], AIR_LEVEL
        )
