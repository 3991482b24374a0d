"""An evaluation kept in MLflow, beside the training runs that it judges."""

import tempfile
from pathlib import Path

from parcelscope.pipelines.evaluate_detector import Evaluation
from parcelscope.pipelines.evaluation_page import flat_figures, write_evaluation
from parcelscope.training.tracking import tracked


def track_evaluation(evaluation: Evaluation, runs: Path) -> str | None:
    """Keep the figures, the page and the charts of `evaluation` as a run; its id.

    Args:
        evaluation: What was found out.
        runs: Folder of the tracked runs, where no server is named.

    Raises:
        ConfigError: If mlflow is not installed.
    """
    question, bundle, data = evaluation.question, evaluation.bundle, evaluation.data
    name = f"evaluate {question.detector} on {data.name}"
    tags = {"kind": "evaluation", "detector": question.detector}
    with (
        tracked(runs, name=name, tags=tags, again=None) as tracker,
        tempfile.TemporaryDirectory(prefix="parcelscope-evaluation-") as folder,
    ):
        tracker.parameters(
            {
                "detector": question.detector,
                "bundle": f"{bundle.name} {bundle.version}",
                "bundle.digest": evaluation.bundle_digest,
                "data": data.name,
                "data.digest": data.digest,
                "data.split": question.split,
                "data.images": evaluation.images,
            }
        )
        tracker.metrics(flat_figures(evaluation))
        write_evaluation(evaluation, Path(folder))
        tracker.files(Path(folder))
        return tracker.run_id
