"""`parcelscope report`: what came of runs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from parcelscope.datasets.errors import ConfigError

report_app = typer.Typer(help="Report what came of runs.", no_args_is_help=True)


@report_app.callback()
def _report() -> None:
    """Report what came of runs."""


@report_app.command("outcomes")
def outcomes(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, as `screen` wrote them.")],
    decisions: Annotated[
        Path, typer.Option(help="Table of what exams found: CSV, Parquet or NDJSON.")
    ],
    out: Annotated[Path, typer.Option(help="Page to write; it replaces an older one.")] = Path(
        "outcomes.html"
    ),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON, for programs.")
    ] = False,
) -> None:
    """Weigh what exams found by how likely each was, and write a page with the rates."""
    if out.is_dir():
        raise ConfigError(f"--out {out}: expected the name of a page to write, got a folder")
    try:
        from parcelscope.pipelines.outcomes import judge_outcomes
        from parcelscope.pipelines.outcomes_json import as_json as for_programs
        from parcelscope.pipelines.outcomes_page import lead, render
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"report outcomes needs the eval extra, but {error.name} is not installed;"
            " install parcelscope[cpu,eval]"
        ) from None
    from parcelscope.datasets.writing import write_text_whole
    from parcelscope.pipelines.outcomes_decisions import read_decided, require_some

    decided = read_decided(runs, decisions)
    require_some(decided, decisions)
    judged = judge_outcomes(decided)
    write_text_whole(out, render(judged))
    if as_json:
        print(json.dumps(for_programs(judged), indent=1, ensure_ascii=False, allow_nan=False))
        return
    print(lead(judged))
    for one in judged.decided.left_out:
        print(f"left out: {one.rows:,} rows, first row {one.first}: {one.reason}")
    for unknown in judged.unjudged:
        print(f"not assessed: {unknown.what}: {unknown.why}")
    print(f"Page: {out}")
