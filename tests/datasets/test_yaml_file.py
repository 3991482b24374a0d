"""Settings of a server are checked where they are read."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.yaml_file import read_settings


class Door(BaseModel, extra="forbid"):
    port: int = 80


def test_what_the_command_line_says_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("port: 81\n")
    assert read_settings(Door, tmp_path / "a.yaml", {}, of="the door").port == 81
    assert read_settings(Door, tmp_path / "a.yaml", {"port": 82}, of="the door").port == 82
    assert read_settings(Door, None, {}, of="the door").port == 80


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("port: [", "a.yaml: expected YAML, got: ", id="broken"),
        pytest.param(
            "- port",
            "the settings of the door as a mapping, got list",
            id="a list",
        ),
        pytest.param("prot: 1", "a.yaml: prot: Extra inputs are not permitted", id="misspelt"),
        pytest.param(None, "a.yaml: expected the settings of the door, got: No such", id="absent"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(
    tmp_path: Path, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=told):
        read_settings(Door, tmp_path / "a.yaml", {}, of="the door")


def test_without_a_file_the_server_is_named() -> None:
    with pytest.raises(ConfigError, match="the door: port: "):
        read_settings(Door, None, {"port": "x"}, of="the door")
