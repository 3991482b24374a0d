"""U1.leaning and U3.leaning: evidence that is weaker than an alarm."""

import pytest
from tests.screening import windows as w

from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.leaning import cartons_leaning

PARAMETERS = w.parameters("leaning")


def leaning(
    *, manifested: int | None = 10, band: tuple[float, float] | None = None,
    declared_g: float | None = None, measured_g: float | None = None,
) -> Outcome:  # fmt: skip
    row = {
        "carton_id": "C",
        "pieces_manifested": manifested,
        "declared_weight_g": declared_g,
        "measured_weight_g": measured_g,
    }
    scans = [] if band is None else [w.band("C", "pieces.count", *band, image="c.tif")]
    return cartons_leaning(w.evidence(w.feed(cartons=[row]), scans), PARAMETERS)


def test_a_count_whose_middle_exceeds_the_manifest_leans() -> None:
    assert w.sentences(leaning(band=(9.6, 12.4)), "U1.leaning") == {
        "C": "The X-ray shows 10 to 12 pieces, about 11;"
        " the manifest's 10 is at the low end of that."
    }


@pytest.mark.parametrize(
    "band",
    [
        pytest.param((8.6, 11.4), id="the middle is the manifest"),
        pytest.param((6.0, 9.0), id="fewer, which proves nothing"),
        pytest.param((10.4, 13.0), id="wholly above, which is an alarm of its own"),
    ],
)
def test_other_counts_do_not_lean(band: tuple[float, float]) -> None:
    assert w.sentences(leaning(band=band), "U1.leaning") == {}


def test_a_count_that_leans_further_counts_for_more() -> None:
    ratios = [
        leaning(band=band).findings["likelihood_ratio"].item()
        for band in ((8.8, 12.0), (9.6, 12.4), (9.9, 12.9))
    ]
    assert ratios == sorted(ratios)
    assert ratios[0] < ratios[-1]


def test_a_carton_heavier_than_declared_leans() -> None:
    assert w.sentences(leaning(declared_g=4000, measured_g=4200), "U3.leaning") == {
        "C": "The scale says 4.2 kg, 5 % above the 4 kg of the manifest."
    }


@pytest.mark.parametrize("measured_g", [3500, 4000, 4030])
def test_a_carton_within_a_per_cent_or_lighter_does_not(measured_g: float) -> None:
    assert w.sentences(leaning(declared_g=4000, measured_g=measured_g), "U3.leaning") == {}


def test_without_numbers_nothing_is_assessed() -> None:
    checks = leaning(manifested=None).not_assessed["check"].to_list()
    assert sorted(checks) == ["U1.leaning", "U3.leaning"]
