import numpy as np
import pytest

from parcelscope.training.scanner_calibration import (
    FEWEST_DECLARED,
    FEWEST_SCANS,
    Scanner,
    Sized,
    calibrate_families,
    calibrate_pieces,
    calibrate_scores,
    scans_needed,
    worth,
)

SCANNER = Scanner(model="PS-160", software="4.2")


@pytest.mark.parametrize(
    ("share", "needed"),
    [
        pytest.param(0.05, 19, id="one in twenty"),
        pytest.param(0.02, 49, id="one in fifty"),
        pytest.param(0.004, 249, id="four in a thousand"),
    ],
)
def test_a_share_is_reached_from_just_enough_scans(share: float, needed: int) -> None:
    assert scans_needed(share) == needed
    assert Sized(scans=needed).reaches(share)
    assert not Sized(scans=needed - 1).reaches(share)


def test_the_worth_of_83_scans_is_said_in_words() -> None:
    said = worth(83, what=("knife",))
    assert said.startswith("83 scans, enough for p >= 0.012")
    assert "p of 0.01 needs 99" in said
    assert "thresholds need 250, so the default ones stay" in said


def test_too_few_scans_are_said_to_be_too_few() -> None:
    assert worth(48).startswith("48 scans, too few: 49 are needed for a p-value of 0.02")
    with pytest.raises(ValueError, match="at least 49 compliant scans are needed, got 48"):
        calibrate_scores({"scan": np.zeros(48)}, SCANNER, source="", with_thresholds=False)


def test_the_share_that_later_scans_reach_is_inside_its_interval() -> None:
    rng = np.random.default_rng(1)
    low, high = Sized(scans=99).true_share(0.05)
    inside = []
    for _ in range(200):
        calibration = calibrate_scores(
            {"scan": rng.random(99)}, SCANNER, source="", with_thresholds=False
        )
        later = [calibration.genuine["scan"].p_value(score) <= 0.05 for score in rng.random(400)]
        inside.append(low - 0.01 <= np.mean(later) <= high + 0.01)
    assert np.mean(inside) > 0.93


def test_thresholds_are_set_only_where_the_scans_allow_it() -> None:
    few = np.random.default_rng(0).random(FEWEST_SCANS)
    many = np.random.default_rng(0).random(250)
    for scores, known in ((few, set()), (many, {"knife"})):
        calibration = calibrate_scores({"knife": scores}, SCANNER, source="", with_thresholds=True)
        assert set(calibration.thresholds) == known


def test_a_piece_count_is_calibrated_on_cartons_of_known_content() -> None:
    rng = np.random.default_rng(2)
    true = rng.integers(1, 20, 80).astype(float)
    calibration = calibrate_pieces(true * 0.8, true, SCANNER, source="feed")
    assert calibration.count is not None
    middle, low, high = calibration.count.interval(8.0)
    assert low <= middle <= high
    assert middle == pytest.approx(10, abs=1.0)
    with pytest.raises(ValueError, match="at least 60 cartons"):
        calibrate_pieces(true[:50], true[:50], SCANNER, source="feed")


def test_a_family_is_calibrated_by_the_parcels_that_declare_it() -> None:
    rng = np.random.default_rng(3)
    count = 3 * FEWEST_DECLARED
    declared = [("textile",) if n % 3 else ("textile", "toys") for n in range(count)]
    support = rng.normal(0, 1, (count, 3))
    own = calibrate_families(
        support, declared, ("food", "textile", "toys"), SCANNER, source="a test"
    )
    assert own is not None
    assert {name: one.count for name, one in own.genuine.items()} == {
        "textile": count,
        "toys": FEWEST_DECLARED,
    }
    # Less support than any of them has gives the smallest p-value, 1 / (n + 1).
    least = own.genuine["toys"].p_value(-float(support[::3, 2].min()) + 0.01)
    assert least == pytest.approx(1 / (FEWEST_DECLARED + 1))
    assert own.genuine["toys"].p_value(-float(support[::3, 2].max()) - 0.01) == 1.0


def test_no_family_with_enough_parcels_gives_no_calibration() -> None:
    declared = [("toys",)] * (FEWEST_DECLARED - 1)
    assert (
        calibrate_families(np.zeros((len(declared), 1)), declared, ("toys",), SCANNER, source="t")
        is None
    )
