"""Settings of the synthetic feed: the shipped ones load, a slip of the pen is an error."""

from pathlib import Path

import pytest
import yaml

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.synthetic.config import load_synth_config


def test_the_default_and_the_frozen_evaluation_settings_load() -> None:
    default, hard = load_synth_config(None), load_synth_config(Path("hard"))
    assert load_synth_config(Path("default")) == default
    assert (default.variety, default.scanners) == ("familiar", "training")
    assert (hard.variety, hard.scanners) == ("unseen", "evaluation")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"violativ": 0.1}, r"violativ: Extra inputs", id="misspelt key"),
        pytest.param({"violative": 1.5}, r"violative: .*less than or equal to 1", id="share"),
        pytest.param({"variety": "odd"}, r"variety: .*'familiar' or 'unseen'", id="word"),
        pytest.param({"pieces": [5, 2]}, r"pieces must rise", id="falling pieces"),
        pytest.param({"pieces": [2, 39]}, r"at most 40 less the most extra", id="too many pieces"),
        pytest.param({"extra_pieces": {0: 1.0}}, r"must be 1 or more, got 0", id="no extra"),
        pytest.param({"scan_formats": {"colour": 0.0}}, r"at least one weight", id="no weight"),
        pytest.param({"parcel_violations": {"odd": 1}}, r"parcel_violations\.odd", id="violation"),
    ],
)
def test_settings_that_do_not_fit_are_named(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    settings = load_synth_config(None).model_dump(mode="json") | change
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(ConfigError, match=message) as caught:
        load_synth_config(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, r"shipped: default, hard.*No such file", id="no file"),
        pytest.param("a: [", "expected YAML", id="no YAML"),
        pytest.param("- a", "as a mapping, got list", id="a list"),
    ],
)
def test_a_file_that_holds_no_settings_is_one_sentence(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_synth_config(path)
