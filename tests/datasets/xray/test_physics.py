"""Attenuation, energy groups, effective atomic numbers."""

import numpy as np
import pytest

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.xray.physics import (
    AIR_LEVEL,
    Counts,
    attenuation,
    detected,
    load_tables,
    spectrum,
)
from parcelscope.datasets.xray.zeff import effective_z

SPECTRA = load_tables().spectra


def slab(material: str, thickness_mm: float, name: str = "160kv_al3") -> tuple[Counts, Counts]:
    beam = spectrum(name, groups=0)
    signal = detected(np.full((1, 24, 24), thickness_mm, np.float32), (material,), beam)
    share = signal[:2] / beam.weights[:2].sum(1)[:, None, None]
    low, high = np.rint(share * AIR_LEVEL).astype(np.uint16)
    return low, high


@pytest.mark.parametrize("name", SPECTRA)
def test_no_material_lets_everything_through(name: str) -> None:
    beam = spectrum(name)
    signal = detected(np.zeros((0, 2, 3), np.float32), (), beam, exposure=2.0)
    np.testing.assert_allclose(signal[:, 1, 2], 2 * beam.weights.sum(1), rtol=1e-5)


def test_a_slab_follows_beer_and_lambert_at_every_energy() -> None:
    tables, beam = load_tables(), spectrum("160kv_al3", groups=0)
    signal = detected(np.full((1, 1, 1), 7.0, np.float32), ("al",), beam)
    mu = beam.mu_per_mm[tables.row("al")]
    np.testing.assert_allclose(signal[:, 0, 0], beam.weights @ np.exp(-7.0 * mu), rtol=1e-4)


def test_two_slabs_attenuate_like_their_paths_added() -> None:
    beam = spectrum("140kv_al2")
    both = detected(np.full((2, 1, 1), 5.0, np.float32), ("water", "steel"), beam)
    halves = detected(
        np.full((4, 1, 1), 2.5, np.float32), ("water", "steel", "steel", "water"), beam
    )
    np.testing.assert_allclose(both, halves, rtol=1e-5)


@pytest.mark.parametrize("material", ["water", "pet", "al", "liion", "steel", "copper", "lead"])
def test_twenty_energy_groups_stay_within_one_percent_of_air(material: str) -> None:
    thickness = np.geomspace(0.05, 100, 40, dtype=np.float32).reshape(1, 1, 40)
    shares = []
    for groups in (0, 20):
        beam = spectrum("160kv_al3", groups=groups)
        signal = detected(thickness, (material,), beam)[:2, 0]
        shares.append(signal / beam.weights[:2].sum(1)[:, None])
    assert np.abs(shares[0] - shares[1]).max() < 0.01


@pytest.mark.parametrize("name", ["160kv_al3", "140kv_al4cu02"])
@pytest.mark.parametrize(
    ("material", "thicknesses_mm", "expected"),
    [
        ("pe", (10, 30, 80), 5.4),
        ("pmma", (10, 30, 80), 6.5),
        ("water", (10, 30, 80), 7.5),
        ("talc", (10, 30, 80), 11.3),
        ("glass", (2, 10, 30), 12.8),
        ("al", (2, 10, 30), 13.0),
        ("ti", (1, 3, 8), 22.0),
        ("steel", (1, 3, 8), 26.0),
        ("copper", (1, 3), 29.0),
    ],
)
def test_effective_z_is_that_of_the_material_at_any_thickness(
    material: str, thicknesses_mm: tuple[float, ...], expected: float, name: str
) -> None:
    for thickness in thicknesses_mm:
        number = effective_z(*slab(material, thickness, name), name)
        assert number[12, 12] == pytest.approx(expected, abs=0.25)


def test_effective_z_of_next_to_nothing_is_undefined() -> None:
    assert (effective_z(*slab("paper", 0.1), "160kv_al3") == 0).all()


def test_attenuation_of_black_is_the_floor_and_of_air_zero() -> None:
    depth = attenuation(np.array([[0, AIR_LEVEL]], np.uint16))
    assert depth[0, 0] == pytest.approx(-np.log(2e-4))
    assert depth[0, 1] == 0


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no spectrum '90kv'; known: 120kv_al3"):
        spectrum("90kv")
    with pytest.raises(ConfigError, match=r"no material 'unobtainium'"):
        load_tables().row("unobtainium")
    with pytest.raises(ConfigError, match=r"no spectrum '90kv'"):
        effective_z(*slab("pe", 1), "90kv")
