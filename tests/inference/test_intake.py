"""How much damage a run puts up with."""

import pytest

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.intake import ALWAYS_ALLOWED, TRUSTED, Intake


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_what_is_no_share_is_refused(ratio: float) -> None:
    with pytest.raises(ConfigError, match="must be a share from 0 to 1"):
        Intake(max_quarantine_ratio=ratio)


@pytest.mark.parametrize("limit_s", [0, -1, float("inf"), float("nan")])
def test_what_is_no_time_is_refused(limit_s: float) -> None:
    with pytest.raises(ConfigError, match="must be seconds above 0"):
        Intake(limit_s=limit_s)


@pytest.mark.parametrize(
    ("verdicts", "images", "allowed"),
    [
        pytest.param({}, 0, True, id="nothing"),
        pytest.param({"quarantined": 5}, 5, True, id="a small feed, all damaged"),
        pytest.param({"quarantined": ALWAYS_ALLOWED}, 60, True, id="as many as always"),
        pytest.param({"quarantined": 51}, 60, False, id="one more"),
        pytest.param({"quarantined": 200, "degraded": 50}, 1000, True, id="a quarter"),
        pytest.param({"quarantined": 200, "degraded": 51}, 1000, False, id="more than a quarter"),
        pytest.param({"missing": 900, "assessed": 100}, 1000, True, id="what is not there"),
    ],
)
def test_a_quarter_of_the_images_may_be_faulty(
    verdicts: dict[str, int], images: int, allowed: bool
) -> None:
    assert TRUSTED.allows(verdicts.items(), images) is allowed


def test_a_share_of_one_never_stops_a_run() -> None:
    assert Intake(max_quarantine_ratio=1).allows([("quarantined", 1000)], 1000)


def test_the_refusal_names_counts_and_the_commonest_codes() -> None:
    codes = ["truncated"] * 300 + ["corrupt"] * 80 + ["altered"] * 5 + ["timeout"] * 3
    assert str(TRUSTED.refusal(codes, 1200)) == (
        "388 of 1,200 images (32.3%) could not be read or checked, more than"
        " --max-quarantine-ratio 0.25; commonest: truncated 300, corrupt 80, altered 5; what is"
        " done is kept, and the same command with a higher ratio goes on from there"
    )
