"""`parcelscope warmup`, and the options of `screen` that choose what the models run on."""

import json
from pathlib import Path

import onnxruntime as ort
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.pipelines.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder)
    return folder


def command(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    return int(ended.value.code or 0)


def test_a_warm_up_says_what_the_models_run_on_and_that_it_passed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("warmup", "--bundle", str(folder), "--provider", "cpu") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("tiny 1 runs on cpu (CPUExecutionProvider ")
    assert said[-1].startswith("self-test passed: largest difference ")
    assert sum(line.startswith(("items-", "pieces-", "anomaly-")) for line in said) == 6


def test_a_warm_up_as_json_names_provider_precision_and_difference(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("warmup", "--bundle", str(folder), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["provider"]["version"] == ort.__version__
    assert said["provider"]["precision"] == "fp32"
    assert 0 <= said["provider"]["difference"] < said["provider"]["tolerance"]
    assert {model["file"] for model in said["models"]} == {
        file.name for file in folder.glob("*.onnx")
    }
    assert all(model["next_ms"] > 0 for model in said["models"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(
            ("--provider", "cpu", "--precision", "fp16"),
            "--precision for provider cpu must be fp32, got fp16",
            id="a precision that the provider does not have",
        ),
        pytest.param(("--bundle", "nowhere"), "expected a bundle", id="no bundle"),
    ],
)
def test_what_cannot_be_warmed_up_is_refused_in_one_sentence(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("warmup", *words) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_provider_asked_for_by_name_and_absent_refuses_the_run_and_writes_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this runtime has CUDA")
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "parcels.csv").write_text("parcel_id\np1\n")
    words = ("screen", str(feed), "--out", str(tmp_path / "run"), "--bundle", str(folder))
    assert command(*words, "--provider", "cuda") == 2
    assert "provider cuda: not in the installed onnxruntime" in capsys.readouterr().err
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").glob("*.json"))


def test_a_run_writes_down_what_the_models_ran_on(folder: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "parcels.csv").write_text("parcel_id\np1\n")
    run = tmp_path / "run"
    words = ("screen", str(feed), "--out", str(run), "--bundle", str(folder))
    assert command(*words, "--provider", "cpu") == 0
    card = json.loads((run / "run.json").read_text())["provider"]
    assert (card["name"], card["precision"], card["version"]) == ("cpu", "fp32", ort.__version__)
