"""Keeping runs comparable: parameters, figures and files of a training, in MLflow.

The only file that imports mlflow, and only when a run is tracked. Without a server in
`MLFLOW_TRACKING_URI`, runs go to a SQLite file in a folder of the user's. Its telemetry is off.
"""

import logging
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from parcelscope.datasets.errors import ConfigError

URI = "MLFLOW_TRACKING_URI"
DATABASE = "mlflow.db"
EXPERIMENT = "parcelscope"
LONGEST = 500
"""Characters of one parameter that every mlflow server takes."""


class Tracker(Protocol):
    """Takes what is to be kept of a run."""

    @property
    def run_id(self) -> str | None:
        """Name of the run at the tracking server; None where nothing is tracked."""

    def parameters(self, values: Mapping[str, object]) -> None:
        """Keep settings and digests; the first value of a name stays."""

    def metrics(self, values: Mapping[str, float], *, step: int = 0) -> None:
        """Keep figures, as they were after `step` pictures."""

    def files(self, path: Path, *, under: str | None = None) -> None:
        """Keep a file, or all files of a folder, in the run's folder `under`."""


@dataclass(frozen=True, slots=True)
class NoTracker:
    """Keeps nothing."""

    run_id: str | None = None

    def parameters(self, values: Mapping[str, object]) -> None:
        """Keep nothing."""

    def metrics(self, values: Mapping[str, float], *, step: int = 0) -> None:
        """Keep nothing."""

    def files(self, path: Path, *, under: str | None = None) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class MlflowTracker:
    """Keeps a run in MLflow."""

    client: Any
    run_id: str
    told: dict[str, int] = field(default_factory=dict)
    """Last step that each figure was kept for: a resumed training tells its last ones again."""

    def parameters(self, values: Mapping[str, object]) -> None:
        """Keep settings and digests; the first value of a name stays."""
        known = self.client.get_run(self.run_id).data.params
        for name, value in values.items():
            if name not in known:
                self.client.log_param(self.run_id, name, str(value)[:LONGEST])

    def metrics(self, values: Mapping[str, float], *, step: int = 0) -> None:
        """Keep figures, as they were after `step` pictures."""
        for name, value in values.items():
            if step > self._last_step(name):
                self.client.log_metric(self.run_id, name, float(value), step=step)
                self.told[name] = step

    def files(self, path: Path, *, under: str | None = None) -> None:
        """Keep a file, or all files of a folder, in the run's folder `under`."""
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), under)
        else:
            self.client.log_artifact(self.run_id, str(path), under)

    def _last_step(self, name: str) -> int:
        if name not in self.told:
            kept = self.client.get_metric_history(self.run_id, name)
            self.told[name] = max((metric.step for metric in kept), default=-1)
        return self.told[name]


@contextmanager
def tracked(
    runs: Path, *, name: str, tags: Mapping[str, str], again: str | None
) -> Iterator[Tracker]:
    """A run in MLflow, marked finished or failed when the block ends.

    Args:
        runs: Folder of the SQLite file, where no server is named.
        name: What the run is called in lists.
        tags: Words to find it by.
        again: The run to go on with, of a training that is resumed; None for a new one.

    Raises:
        ConfigError: If mlflow is not installed.
    """
    client = open_client(runs)
    run_id = _known_run(client, again)
    if run_id is None:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        place = None if os.environ.get(URI) else (runs.resolve() / "artifacts").as_uri()
        number = (
            client.create_experiment(EXPERIMENT, artifact_location=place)
            if experiment is None
            else experiment.experiment_id
        )
        run_id = str(client.create_run(number, run_name=name, tags=dict(tags)).info.run_id)
    client.update_run(run_id, status="RUNNING")
    try:
        yield MlflowTracker(client, run_id)
    except BaseException as error:
        client.set_terminated(
            run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        )
        raise
    client.set_terminated(run_id, "FINISHED")


def open_client(runs: Path) -> Any:
    """A client of the server in `MLFLOW_TRACKING_URI`, or of the SQLite file in `runs`.

    Raises:
        ConfigError: If mlflow is not installed.
    """
    quieten(os.environ)
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"tracking needs {error.name}, which is not installed; install parcelscope[train], or"
            " train with --no-tracking"
        ) from None
    for name in (
        "alembic",
        "mlflow.store.db.utils",
    ):  # a line for each table
        logging.getLogger(name).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=tracking_uri(runs))


def tracking_uri(runs: Path) -> str:
    """Where runs are kept."""
    given = os.environ.get(URI)
    if given:
        return given
    runs.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{runs.resolve() / DATABASE}"


def quieten(environment: Any) -> None:
    """Switch off what mlflow would send home or look up, unless the user switched it on."""
    environment.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    environment.setdefault("DO_NOT_TRACK", "true")
    environment.setdefault("GIT_PYTHON_REFRESH", "quiet")


def git_commit(folder: Path) -> str | None:
    """Commit that `folder` is at, with `+changes` where files differ from it; None outside git."""
    try:
        commit = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
        changed = subprocess.run(
            ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"],
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    if commit.returncode != 0:
        return None
    return commit.stdout.strip() + ("+changes" if changed.stdout.strip() else "")


def _known_run(client: Any, run_id: str | None) -> str | None:
    """`run_id` if the server still has it."""
    if run_id is None:
        return None
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException:
        return None
    return run_id if run.info.lifecycle_stage == "active" else None
