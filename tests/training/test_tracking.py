"""Runs kept in MLflow, and trainings without it."""

import builtins
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import ModuleType

import pytest
from tests.training.tiny_annotated import write_blocks

from parcelscope.datasets.errors import ConfigError
from parcelscope.pipelines.runs import list_runs
from parcelscope.pipelines.train import train
from parcelscope.training.tracking import git_commit, open_client, tracked, tracking_uri

needs_mlflow = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="mlflow is not installed"
)
# Its own imports warn of what they will do in later versions.
own_warnings = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody reads."""


def test_without_mlflow_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> ModuleType:
        if name.split(".")[0] == "mlflow":
            raise ModuleNotFoundError("No module named 'mlflow'", name="mlflow")
        return load(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"tracking needs mlflow, .* or train with --no-tracking"):
        open_client(tmp_path)


def test_a_server_named_in_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tracking_uri(tmp_path / "runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    assert tracking_uri(tmp_path / "runs") == "http://tracking.example:5000"


def test_a_folder_outside_git_has_no_commit(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None


@needs_mlflow
@own_warnings
def test_a_run_that_is_told_again_keeps_each_point_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run_ids = []

    def cut_off() -> None:
        with tracked(runs, name="first", tags={}, again=None) as tracker:
            run_ids.append(tracker.run_id)
            tracker.metrics({"loss": 2.0}, step=10)
            tracker.metrics({"loss": 1.0}, step=20)
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        cut_off()
    client, run_id = open_client(runs), run_ids[0]
    assert client.get_run(run_id).info.status == "FAILED"
    with tracked(runs, name="first", tags={}, again=run_id) as again:
        again.metrics({"loss": 1.0}, step=20)
        again.metrics({"loss": 0.5}, step=30)
    assert again.run_id == run_id
    kept = client.get_metric_history(run_id, "loss")
    assert [(metric.step, metric.value) for metric in kept] == [(10, 2.0), (20, 1.0), (30, 0.5)]
    assert client.get_run(run_id).info.status == "FINISHED"


@needs_mlflow
@own_warnings
def test_a_training_keeps_its_parameters_figures_and_part(tmp_path: Path) -> None:
    write_blocks(tmp_path / "set", train=4, val=2)
    words = [
        "canvas.width_px=96", "canvas.height_px=64", "fit.passes=8", "fit.batch=2",
        "fit.validate_every=4", f"data.folder={tmp_path / 'set'}",
    ]  # fmt: skip
    runs = tmp_path / "runs"
    part = train("xray_items", words, out=tmp_path / "out", resume=False, runs=runs, report=quiet)
    run_id = (tmp_path / "out" / "tracking-run.txt").read_text().strip()
    client = open_client(runs)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["fit.batch"] == "2"
    assert run.data.params["data.digest"] == part.data_digest
    assert run.data.tags["recipe"] == "xray_items"
    assert [metric.step for metric in client.get_metric_history(run_id, "map50")] == [4, 8]
    assert run.data.metrics["val_map50"] == part.metrics["val_map50"]
    kept = {file.path for file in client.list_artifacts(run_id, "part")}
    wanted = ("card.json", "xray-items-dual.onnx", "samples.png", "curve.csv", "part.json")
    assert {f"part/{name}" for name in wanted} <= kept
    (line,) = list_runs(runs)
    assert run_id[:8] in line
    assert "FINISHED  xray_items  val_map50" in line


@needs_mlflow
@own_warnings
def test_an_empty_folder_has_no_runs(tmp_path: Path) -> None:
    (line,) = list_runs(tmp_path / "runs")
    assert line.startswith("no runs at sqlite:///")


@needs_mlflow
@own_warnings
@pytest.mark.slow
def test_the_page_shows_the_runs_of_the_folder(tmp_path: Path) -> None:
    with tracked(tmp_path / "runs", name="shown", tags={}, again=None):
        pass
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from parcelscope.pipelines.cli import main; main()"
    words = ["runs", "ui", "--runs", str(tmp_path / "runs"), "--port", str(port)]
    page = subprocess.Popen([sys.executable, "-c", code, *words], start_new_session=True)
    try:
        assert "shown" in asked(port, until_s=time.monotonic() + 200)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as front:
            assert front.status == 200
            assert b"<html" in front.read().lower()
    finally:
        os.killpg(page.pid, signal.SIGTERM)
        page.wait()


def asked(port: int, *, until_s: float) -> str:
    """What the page's server says when it is asked for all runs."""
    ask = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/search",
        data=json.dumps({"experiment_ids": ["0", "1"]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    while True:
        try:
            with urllib.request.urlopen(ask, timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.5)
