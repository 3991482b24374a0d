"""U3 on parcels and cartons."""

from dataclasses import replace

import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import ONE_ENERGY, Finding, NotAssessed, OwnerKind
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.mass import masses_unlike

PARAMETERS = w.parameters("mass")


def weighed(
    *bands: tuple[float, float],
    declared: float | None = None,
    scale: float | None = None,
    kind: OwnerKind = "parcel",
) -> Outcome:
    """U3 on one parcel or carton called X with one mass band per scan."""
    row = {f"{kind}_id": "X", "declared_weight_g": declared, "measured_weight_g": scale}
    of = w.feed([row]) if kind == "parcel" else w.feed(cartons=[row])
    scans = [
        w.band("X", "mass.total", low, high, kind=kind, image=f"{n}.tif")
        for n, (low, high) in enumerate(bands)
    ]
    return masses_unlike(w.evidence(of, scans), PARAMETERS)


@pytest.mark.parametrize("kind", ["parcel", "carton"])
def test_an_xray_mass_away_from_the_manifest_fires(kind: OwnerKind) -> None:
    outcome = weighed((1100, 1400), declared=500, kind=kind)
    assert w.sentences(outcome, "U3.mass") == {
        "X": "By X-ray it weighs 1.1 kg to 1.4 kg; the manifest says 500 g."
    }
    assert outcome.findings["owner_kind"].to_list() == [kind]


def test_an_xray_mass_away_from_the_scale_fires() -> None:
    outcome = weighed((300, 400), declared=900, scale=900)
    assert w.sentences(outcome, "U3.xray_scale") == {
        "X": "By X-ray it weighs 300 g to 400 g; the scale says 900 g."
    }
    assert w.sentences(outcome, "U3.scale") == {}


def test_a_scale_away_from_the_manifest_fires() -> None:
    outcome = weighed(declared=500, scale=800)
    assert w.sentences(outcome, "U3.scale") == {
        "X": "The scale says 800 g; the manifest says 500 g."
    }


@pytest.mark.parametrize(
    ("bands", "declared", "scale"),
    [
        pytest.param([(450, 560)], 500.0, 520.0, id="all agree"),
        pytest.param([(450, 560)], 570.0, 530.0, id="just outside the band"),
        pytest.param([(499, 501)], 515.0, 500.0, id="a band too narrow to be believed"),
        pytest.param([(400, 700), (450, 560)], 500.0, 480.0, id="two scans"),
    ],
)
def test_masses_that_agree_are_silent(
    bands: list[tuple[float, float]], declared: float, scale: float
) -> None:
    outcome = weighed(*bands, declared=declared, scale=scale)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


@pytest.mark.parametrize(
    ("bands", "declared", "scale", "expected"),
    [
        pytest.param(
            [],
            500.0,
            510.0,
            {
                "U3.mass": "no mass was estimated from a scan",
                "U3.xray_scale": "no mass was estimated from a scan",
            },
            id="no scan",
        ),
        pytest.param(
            [(450, 560)],
            None,
            500.0,
            {
                "U3.mass": "the manifest gives no weight",
                "U3.scale": "the manifest gives no weight",
            },
            id="no declared weight",
        ),
        pytest.param(
            [(450, 560)],
            500.0,
            0.0,
            {
                "U3.xray_scale": "no weight from a scale",
                "U3.scale": "no weight from a scale",
            },
            id="a scale that says nothing",
        ),
        pytest.param(
            [(400, 420), (600, 620)],
            500.0,
            500.0,
            {
                "U3.mass": "the scans give masses that contradict each other",
                "U3.xray_scale": "the scans give masses that contradict each other",
            },
            id="scans that contradict each other",
        ),
    ],
)
def test_a_mass_that_is_missing_is_not_assessed(
    bands: list[tuple[float, float]],
    declared: float | None,
    scale: float | None,
    expected: dict[str, str],
) -> None:
    outcome = weighed(*bands, declared=declared, scale=scale)
    said = dict(outcome.not_assessed.select("check", "reason").iter_rows())
    assert said == expected
    assert outcome.findings.is_empty()


def estimated(low: float, high: float, image: str) -> Finding:
    """A band that rests on one energy alone."""
    return replace(
        w.band("X", "mass.total", low, high, kind="parcel", image=image), text=ONE_ENERGY
    )


def test_a_mass_from_one_energy_is_called_so() -> None:
    of = w.feed([{"parcel_id": "X", "declared_weight_g": 500.0}])
    outcome = masses_unlike(w.evidence(of, [estimated(1100, 1400, "grey.png")]), PARAMETERS)
    assert w.sentences(outcome, "U3.mass") == {
        "X": "By X-ray it weighs 1.1 kg to 1.4 kg, estimated from one energy;"
        " the manifest says 500 g."
    }


def test_where_both_energies_were_weighed_one_alone_is_not_asked() -> None:
    of = w.feed([{"parcel_id": "X", "declared_weight_g": 500.0}])
    both = w.band("X", "mass.total", 450, 560, kind="parcel", image="dual.tif")
    outcome = masses_unlike(w.evidence(of, [both, estimated(1100, 1400, "grey.png")]), PARAMETERS)
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U3.mass") == {}


def test_the_gauges_own_reason_is_passed_on() -> None:
    why = NotAssessed(owner_id="X", owner_kind="parcel", check="xray.mass", reason="no pixel pitch")
    of = w.feed([{"parcel_id": "X", "declared_weight_g": 500.0}])
    outcome = masses_unlike(w.evidence(of, [], [why]), PARAMETERS)
    assert w.reasons_not_assessed(outcome, "U3.mass") == {"X": "no pixel pitch"}


def test_a_mass_further_off_counts_for_more() -> None:
    near, far = weighed((900, 1000), declared=800), weighed((900, 1000), declared=300)
    assert w.ratio(far, "U3.mass", "X") > w.ratio(near, "U3.mass", "X") > 1
