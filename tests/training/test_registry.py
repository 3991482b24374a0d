"""The model registry in MLflow, on a real SQLite file."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from tests.inference.sound_bundle import write_sound_bundle

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.training.registry import MODEL, register_bundle

WITH_MLFLOW = importlib.util.find_spec("mlflow") is not None
needs_mlflow = pytest.mark.skipif(not WITH_MLFLOW, reason="MLflow is not installed")


def registered(runs: Path) -> Any:
    from parcelscope.training.tracking import open_client

    return open_client(runs)


@needs_mlflow
@pytest.mark.filterwarnings("ignore")  # of MLflow's own
def test_champion_and_challenger_are_versions_with_an_alias(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    runs = tmp_path / "runs"
    for name in ("one", "two"):
        write_sound_bundle(tmp_path / name, version=name)
    first = register_bundle(tmp_path / "one", "champion", runs=runs)
    second = register_bundle(tmp_path / "two", "challenger", runs=runs)
    assert (first, second) == ("1", "2")
    client = registered(runs)
    aliases = {k: str(v) for k, v in client.get_registered_model(MODEL).aliases.items()}
    assert aliases == {"champion": "1", "challenger": "2"}
    assert register_bundle(tmp_path / "two", "champion", runs=runs) == "2"
    aliases = {k: str(v) for k, v in client.get_registered_model(MODEL).aliases.items()}
    assert aliases == {"champion": "2"}
    version = client.get_model_version_by_alias(MODEL, "champion")
    assert version.tags["bundle_version"] == "two"
    assert (runs / "mlflow.db").is_file()


@needs_mlflow
def test_a_bundle_that_is_not_whole_is_not_registered(tmp_path: Path) -> None:
    write_sound_bundle(tmp_path / "one")
    (tmp_path / "one" / "items-dual.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match="expected SHA-256"):
        register_bundle(tmp_path / "one", "champion", runs=tmp_path / "runs")


def test_without_mlflow_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="MLflow is not installed"):
        register_bundle(tmp_path, "champion", runs=tmp_path)
