"""The columns that mass is estimated from."""

from dataclasses import replace

import numpy as np
import pytest

from parcelscope.datasets.scans import Scan
from parcelscope.inference.mass_models import input_of
from parcelscope.inference.one_energy import Shadow, columns_of, shadow_of
from parcelscope.models.mass_model import MASS_INPUTS, MassInput

AIR = 60000.0


def block(depth: float, *, side_px: int = 40, pitch_mm: float = 2.0) -> Scan:
    """A square of one depth on an empty belt, in both energies."""
    low = np.full((100, 120), AIR)
    low[30 : 30 + side_px, 40 : 40 + side_px] *= np.exp(-depth)
    counts = low.astype(np.uint16)
    return Scan(kind="dual", low=counts, high=counts, air_level=AIR, pixel_pitch_mm=pitch_mm)


def told(scan: Scan, kind: MassInput = "low") -> Shadow:
    found = shadow_of(scan, kind)
    assert isinstance(found, Shadow), found
    return found


def named(shadow: Shadow) -> dict[str, float]:
    return dict(zip(columns_of("low"), shadow.columns.tolist(), strict=True))


def test_attenuation_is_summed_over_what_is_covered() -> None:
    shadow = told(block(0.6))
    assert shadow.absorption_cm2 == pytest.approx(0.6 * 40 * 40 * 0.04, rel=0.01)
    columns = named(shadow)
    shares = [value for name, value in columns.items() if name.startswith("depth_share")]
    assert sum(shares) == pytest.approx(1.0, abs=1e-5)
    assert max(shares) == columns["depth_share_05"]  # 0.5 to 0.7
    assert columns["opaque_share"] == 0


def test_twice_as_fine_pixels_show_the_same() -> None:
    coarse, fine = block(0.6), block(0.6)
    fine = replace(
        fine,
        low=np.repeat(np.repeat(coarse.low, 2, 0), 2, 1),
        high=None,
        kind="grey16",
        pixel_pitch_mm=1.0,
    )
    assert told(fine).absorption_cm2 == pytest.approx(told(coarse).absorption_cm2, rel=0.01)
    one, other = named(told(fine)), named(told(coarse))
    assert one["log_absorption_cm2"] == pytest.approx(other["log_absorption_cm2"], abs=0.02)
    assert other["log_pitch_mm"] - one["log_pitch_mm"] == pytest.approx(np.log(2))


def test_a_rendering_has_its_tints_among_the_columns() -> None:
    rgb = np.full((100, 120, 3), 255, np.uint8)
    rgb[30:70, 40:80] = (230, 150, 60)  # orange
    scan = Scan(kind="colour", rgb=rgb, pixel_pitch_mm=2.0)
    shadow = told(scan, "colour")
    columns = dict(zip(columns_of("colour"), shadow.columns.tolist(), strict=True))
    assert columns["tint_share_0"] > 0.9
    assert columns["tint"] < -0.3


@pytest.mark.parametrize(
    ("scan", "kind", "reason"),
    [
        pytest.param(replace(block(0.6), pixel_pitch_mm=None), "low", "pixel pitch", id="no pitch"),
        pytest.param(block(0.0), "low", "next to nothing", id="empty belt"),
        pytest.param(block(0.6), "colour", "holds no colour", id="no rendering"),
        pytest.param(replace(block(0.6), high=None), "high", "holds no high", id="no high energy"),
    ],
)
def test_what_tells_nothing_of_mass_says_why(scan: Scan, kind: MassInput, reason: str) -> None:
    found = shadow_of(scan, kind)
    assert isinstance(found, str)
    assert reason in found


@pytest.mark.parametrize("depth", [0.2, 20.0], ids=["thin", "opaque"])
@pytest.mark.parametrize("kind", MASS_INPUTS)
def test_every_column_is_finite(kind: MassInput, depth: float) -> None:
    dual = block(depth)
    assert dual.low is not None
    rgb = np.repeat((dual.low / 257).astype(np.uint8)[..., None], 3, axis=2)
    renderings = {
        "grey8": Scan(kind="grey8", rgb=rgb, pixel_pitch_mm=2.0),
        "colour": Scan(kind="colour", rgb=rgb, pixel_pitch_mm=2.0),
    }
    shadow = told(renderings.get(kind, dual), kind)
    assert shadow.columns.shape == (len(columns_of(kind)),)
    assert np.isfinite(shadow.columns).all()


def test_counts_of_an_unnamed_energy_are_not_taken_for_the_low_one() -> None:
    grey = replace(block(0.6), kind="grey16", high=None)
    assert input_of(grey, "grey") == input_of(grey, None) == "grey16"
    assert input_of(grey, "low") == "low"
    assert input_of(replace(grey, low=None, high=grey.low), "high") == "high"
