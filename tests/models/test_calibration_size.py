"""How many compliant scans a threshold takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from tests.inference.sound_bundle import TAIL

from parcelscope.models.bundle import (
    CountCalibration,
    DetectorCard,
    GenuineScores,
    ScannerCalibration,
)
from parcelscope.models.calibration_size import calibration_checks, scans_needed, upper_bound


def card(**facts: object) -> DetectorCard:
    return DetectorCard.model_validate(
        {
            "detector": "xray.items",
            "input": "dual",
            "file": "items.onnx",
            "sha256": "0" * 64,
            "width_px": 64,
            "height_px": 48,
            "mm_per_px": 2.0,
            "classes": ("knife",),
            **facts,
        }
    )


def told(one: DetectorCard) -> list[tuple[bool | None, str]]:
    return list(calibration_checks(one, max_alarm_share=0.02))


@given(st.integers(1, 3000), st.data())
def test_the_bound_is_that_of_clopper_and_pearson(count: int, data: st.DataObject) -> None:
    reach = data.draw(st.integers(0, count - 1))
    assert upper_bound(reach, count) == pytest.approx(
        beta.ppf(0.95, reach + 1, count - reach), abs=1e-6
    )


def test_everything_reaching_it_proves_nothing() -> None:
    assert upper_bound(5, 5) == pytest.approx(1)


@pytest.mark.parametrize(("reach", "scans"), [(0, 149), (1, 236), (4, 456)])
def test_the_scans_needed_are_the_fewest_that_prove_it(reach: int, scans: int) -> None:
    assert scans_needed(reach, 0.02) == scans
    assert upper_bound(reach, scans) <= 0.02 < upper_bound(reach, scans - 1)


def test_enough_scans_behind_a_threshold_pass() -> None:
    ((passed, said),) = told(card(thresholds={"knife": 0.5}, genuine={"knife": TAIL}))
    assert passed
    assert said.startswith("knife: 1 of 400 compliant scans reach 0.5, so at most 1.18% of all do")


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        pytest.param(
            {
                "thresholds": {"knife": 0.5},
                "genuine": {"knife": GenuineScores(count=100, top=(0.6, 0.1))},
            },
            "at most 4.66% of all do (95% sure; allowed 2%, which takes 236 scans)",
            id="too few",
        ),
        pytest.param(
            {"thresholds": {"knife": 0.5}}, "no compliant scans behind it", id="none at all"
        ),
        pytest.param(
            {
                "thresholds": {"knife": 0.01},
                "genuine": {"knife": GenuineScores(count=400, top=(0.6, 0.1))},
            },
            "all 2 stored scores of compliant scans reach 0.01",
            id="a threshold below the tail",
        ),
        pytest.param(
            {"genuine": {"spoon": TAIL}}, "calibrated for spoon, which is none", id="no such class"
        ),
        pytest.param(
            {"detector": "xray.anomaly", "classes": ()},
            "an anomaly score without a p-value says nothing",
            id="anomaly without",
        ),
        pytest.param(
            {
                "detector": "xray.anomaly",
                "classes": (),
                "genuine": {"scan": GenuineScores(count=20, top=(0.6,))},
            },
            "reported from 0.02, which takes 49 scans",
            id="anomaly with too few",
        ),
        pytest.param(
            {
                "detector": "xray.pieces",
                "count": CountCalibration(
                    raw=(0, 9), middle=(0, 9), low=(1, 8), high=(2, 10), coverage=0.9
                ),
            },
            "expected low <= middle <= high",
            id="an interval beside its middle",
        ),
    ],
)
def test_too_little_behind_a_statement_is_said(facts: dict[str, object], says: str) -> None:
    ((passed, said),) = told(card(**facts))
    assert passed is False
    assert says in said


def test_a_scanners_own_thresholds_stand_on_its_own_scans() -> None:
    own = ScannerCalibration(
        scanner_model="Acme 1",
        scanner_software="2.0",
        scans=60,
        source="a test",
        thresholds={"knife": 0.5},
        genuine={"knife": GenuineScores(count=60, top=(0.4,))},
    )
    first, second = told(
        card(thresholds={"knife": 0.5}, genuine={"knife": TAIL}, calibrations=(own,))
    )
    assert first[0]
    assert second[0] is False
    assert second[1].startswith("scanner Acme 1 2.0: knife: 0 of 60 compliant scans")
