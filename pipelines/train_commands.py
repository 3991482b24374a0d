"""The commands that train: `parcelscope train` and `parcelscope runs`."""

from pathlib import Path
from typing import Annotated

import typer

from parcelscope.datasets.errors import ConfigError

runs_app = typer.Typer(help="Look at tracked trainings.", no_args_is_help=True)
RUNS = Path("mlruns")
RunsFolder = Annotated[
    Path, typer.Option("--runs", help="Folder of MLflow's SQLite file, where no server is named.")
]


def train(
    recipe: Annotated[
        str, typer.Argument(help="Built-in recipe, like xray_items, or the path of a YAML file.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Changes, like fit.batch=8."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the training; made from the recipe's name if left out."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in that folder.")
    ] = False,
    untracked: Annotated[
        bool, typer.Option("--no-tracking", help="Do not keep the run in MLflow.")
    ] = False,
    runs: RunsFolder = RUNS,
) -> None:
    """Train one part of a bundle by a recipe. Needs `[train,eval]`."""
    from parcelscope.pipelines.progress import progress

    try:
        from parcelscope.pipelines.train import lines
        from parcelscope.pipelines.train import train as train_part

        with progress() as report:
            part = train_part(
                recipe,
                overrides or [],
                out=out,
                resume=resume,
                runs=None if untracked else runs,
                report=report,
            )
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"train needs {error.name}, which is not installed; install parcelscope[cpu,train,eval]"
        ) from None
    for line in lines(part):
        print(line)


@runs_app.command("list")
def runs_list(runs: RunsFolder = RUNS) -> None:
    """List the tracked trainings, newest first."""
    from parcelscope.pipelines.runs import list_runs

    for line in list_runs(runs):
        print(line)


@runs_app.command("ui")
def runs_ui(
    runs: RunsFolder = RUNS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 5000,
) -> None:
    """Start MLflow's page on this machine, until interrupted."""
    from parcelscope.pipelines.runs import serve_page

    raise typer.Exit(serve_page(runs, port=port))
