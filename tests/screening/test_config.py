"""The screening configuration."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from parcelscope.datasets.errors import ConfigError
from parcelscope.screening.config import Grades, default_config_path, load_screening_config


def changed(folder: Path, **settings: object) -> Path:
    """The configuration that ships, with these settings changed."""
    raw = yaml.safe_load(default_config_path().read_text(encoding="utf-8"))
    path = folder / "screening.yaml"
    path.write_text(yaml.safe_dump({**raw, **settings}), encoding="utf-8")
    return path


def test_the_configuration_that_ships_loads() -> None:
    config = load_screening_config()
    assert config.budget == 0.02
    assert config.random_share == 0.05
    assert config.indicator_packs == ("base",)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        pytest.param(
            {"count": {"grades": {"at": [1], "likelihood_ratio": [2]}}},
            r"count: the parameters of indicators stand in packs now; write a pack with them",
            id="a section of an earlier release",
        ),
        pytest.param({"budgets": 0.1}, r"budgets: Extra inputs", id="a typo"),
        pytest.param(
            {"uncalibrated": {"detectors": {"xray.items": "trust"}}},
            r"uncalibrated\.detectors\.xray\.items: Input should be 'leave_out', 'caution' or",
            id="an unknown treatment",
        ),
        pytest.param(
            {"budget": 0}, r"budget\.share: Input should be greater than 0", id="no budget"
        ),
        pytest.param(
            {"budget": {"minutes": 480, "share": 0.1}},
            r"budget\.settings: expected exactly one of share, minutes and per_hour,"
            r" got share and minutes",
            id="a budget told twice",
        ),
        pytest.param(
            {"budget": {"minutes": 480, "by": ["port"]}},
            r"budget\.settings\.by\.0: Input should be 'facility' or 'lane'",
            id="a budget by something else",
        ),
        pytest.param(
            {"random_share": 0}, r"random_share: Input should be greater than 0", id="no draw"
        ),
        pytest.param(
            {"bands": {"look": 0.5, "inspect": 0.2}},
            r"bands: look must lie below inspect, got 0.5 and 0.2",
            id="bands the wrong way round",
        ),
    ],
)
def test_a_setting_that_does_not_fit_is_named(
    tmp_path: Path, settings: dict[str, object], match: str
) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        load_screening_config(changed(tmp_path, **settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        pytest.param("a: [1", r"expected YAML, got: .*line 1", id="broken YAML"),
        pytest.param("", r"configuration as a mapping, got NoneType", id="empty"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(
    tmp_path: Path, content: str, match: str
) -> None:
    path = tmp_path / "screening.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=match) as caught:
        load_screening_config(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: expected a screening configuration"):
        load_screening_config(tmp_path / "none.yaml")


def test_grades_rise_between_their_points_and_are_flat_beyond() -> None:
    grades = Grades(at=(1, 3), likelihood_ratio=(10, 1000))
    distances = np.array([0.0, 1.0, 2.0, 3.0, 99.0])
    assert grades.ratios(distances) == pytest.approx([10, 10, 100, 1000, 1000])


@pytest.mark.parametrize(
    ("at", "ratios", "match"),
    [
        ((1, 2), (3,), "equally long"),
        ((2, 1), (3, 4), "at must ascend"),
        ((1, 2), (4, 3), "not fall"),
        ((1,), (0.5,), "start at 1 or more"),
    ],
)
def test_grades_that_make_no_sense_are_refused(
    at: tuple[float, ...], ratios: tuple[float, ...], match: str
) -> None:
    with pytest.raises(ValidationError, match=match):
        Grades(at=at, likelihood_ratio=ratios)
