import numpy as np
import pytest

from parcelscope.datasets.xray import build_tables
from parcelscope.datasets.xray.physics import load_tables


def test_the_shipped_tables_are_what_the_script_builds() -> None:
    pytest.importorskip("xraylib", reason="needs the tables extra")
    tables = load_tables()
    np.testing.assert_allclose(tables.absorbed, build_tables.absorption(), rtol=1e-5)
    for name in ("water", "steel", "cardboard"):
        composition, density = build_tables.MATERIALS[name]
        expected = build_tables.mass_attenuation(composition) * density / 10
        np.testing.assert_allclose(tables.mu_per_mm[tables.row(name)], expected, rtol=1e-5)


def test_a_shipped_spectrum_is_what_the_tube_model_gives() -> None:
    pytest.importorskip("spekpy", reason="needs the tables extra")
    tables = load_tables()
    name = next(iter(build_tables.SPECTRA))
    expected = build_tables.fluence(*build_tables.SPECTRA[name])
    found = tables.fluence[list(tables.spectra).index(name)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=float(expected.max()) * 1e-6)
