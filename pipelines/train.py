"""`parcelscope train`: one recipe to one part, as one tracked run that can be interrupted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.writing import write_text_whole
from parcelscope.pipelines.progress import Report
from parcelscope.pipelines.versions import parcelscope_version
from parcelscope.training.part import Job, TrainedPart, write_part
from parcelscope.training.recipe_files import Recipe, as_yaml, flat, read_recipe, recipe_digest
from parcelscope.training.tracking import NoTracker, Tracker, git_commit, tracked

RECIPE = "recipe.yaml"
RUN_ID = "tracking-run.txt"


def train(
    name: str,
    overrides: Sequence[str],
    *,
    out: Path | None,
    resume: bool,
    runs: Path | None,
    report: Report,
) -> TrainedPart:
    """Train the part of a recipe.

    Args:
        name: A built-in recipe, or the path of a YAML file.
        overrides: `key=value`.
        out: Folder of the training; None for `runs/train/` and a name made of the recipe's.
        resume: Go on with what is in `out`.
        runs: Folder that MLflow keeps its runs in; None tracks nothing.
        report: Takes the progress.

    Raises:
        ConfigError: If the recipe is wrong, or `out` holds another training.
    """
    recipe, trainer = read_recipe(name, overrides)
    fit = trainer.train()
    stem, digest = Path(name).stem, recipe_digest(recipe)
    folder = Path("runs") / "train" / f"{stem}-{digest}" if out is None else out
    _open(folder, recipe, resume=resume)
    with _tracker(runs, folder, recipe, stem=stem, digest=digest) as tracker:
        job = Job(recipe_name=stem, out=folder, fingerprint=digest, report=report, tracker=tracker)
        part: TrainedPart = fit(recipe, job)
        write_part(part, trains=recipe.trains, job=job)
        tracker.metrics(part.metrics)
        tracker.files(folder / RECIPE)
        tracker.files(part.folder, under="part")
    return part


def lines(part: TrainedPart) -> Iterator[str]:
    """What was made, in words."""
    yield f"{part.folder}: {', '.join(part.files) or 'no graph'}"
    for name, value in part.metrics.items():
        yield f"  {name} {value:g}"
    for remark in part.remarks:
        yield f"  note: {remark}"


def _open(folder: Path, recipe: Recipe, *, resume: bool) -> None:
    """Make `folder` this recipe's, or see that it is.

    Raises:
        ConfigError: If it holds something else.
    """
    text, path = as_yaml(recipe), folder / RECIPE
    in_use = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if in_use and not path.is_file():
        raise ConfigError(f"{folder}: expected a new or empty folder, got one in use")
    if in_use and not resume:
        raise ConfigError(f"{folder}: holds a training; go on with it by --resume, or name another")
    if in_use and path.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"{path}: the training there has another recipe or other overrides; repeat those, or"
            " name another folder"
        )
    write_text_whole(path, text)


@contextmanager
def _tracker(
    runs: Path | None, folder: Path, recipe: Recipe, *, stem: str, digest: str
) -> Iterator[Tracker]:
    """The run that is tracked: that of an interrupted training goes on."""
    if runs is None:
        yield NoTracker()
        return
    kept = folder / RUN_ID
    again = kept.read_text(encoding="utf-8").strip() if kept.is_file() else None
    tags = {
        "recipe": stem,
        "trains": recipe.trains,
        "parcelscope": parcelscope_version(),
    }
    commit = git_commit(Path.cwd())
    if commit is not None:
        tags["mlflow.source.git.commit"] = commit
    with tracked(runs, name=stem, tags=tags, again=again) as tracker:
        write_text_whole(kept, f"{tracker.run_id}\n")
        tracker.parameters({"recipe_digest": digest, **flat(recipe.model_dump(mode="json"))})
        yield tracker
