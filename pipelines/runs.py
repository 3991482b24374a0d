"""`parcelscope runs`: what was trained, as a list and as MLflow's own page."""

import datetime
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parcelscope.training.tracking import EXPERIMENT, open_client, quieten, tracking_uri

SHOWN = (
    "val_map50", "val_count_mae", "val_auroc", "test_auroc", "test_pixel_auroc", "val_auroc_mean",
    "val_contradicting_reported", "skus", "held_out_score_95", "calibration_count_mae",
)  # fmt: skip
"""Figures worth a place in the list, where a run has them."""


def list_runs(runs: Path) -> Iterator[str]:
    """A line for each tracked run, newest first.

    Raises:
        ConfigError: If mlflow is not installed.
    """
    client = open_client(runs)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found = [] if experiment is None else client.search_runs([experiment.experiment_id])
    if not found:
        yield f"no runs at {tracking_uri(runs)}"
        return
    for run in found:
        yield describe(run)


def describe(run: Any) -> str:
    """One run in one line: `5f0c1d2e  2026-11-22 09:41  FINISHED  xray_items  val_map50 0.712`."""
    began = datetime.datetime.fromtimestamp(run.info.start_time / 1000).astimezone()
    figures = [f"{name} {run.data.metrics[name]:g}" for name in SHOWN if name in run.data.metrics]
    words = [
        run.info.run_id[:8],
        began.strftime("%Y-%m-%d %H:%M"),
        str(run.info.status),
        str(run.info.run_name),
        *figures,
    ]
    return "  ".join(words)


def serve_page(runs: Path, *, port: int, host: str = "127.0.0.1") -> int:
    """Start MLflow's page on this machine, until it is interrupted; its exit code.

    Raises:
        ConfigError: If mlflow is not installed.
    """
    open_client(runs)  # says what is missing, before another process would
    environment = dict(os.environ)
    quieten(environment)
    where = ["--backend-store-uri", tracking_uri(runs), "--host", host, "--port", str(port)]
    where += ["--workers", "1"]  # one person looks; each of the usual four costs seconds to start
    done = subprocess.run([sys.executable, "-m", "mlflow", "ui", *where], env=environment)
    return done.returncode
