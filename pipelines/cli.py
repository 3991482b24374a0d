"""The command line. Each command reads its options and calls one composition of `pipelines`.

Whatever a command needs is imported inside it, so that `parcelscope --help` stays instant.
"""

import json
import math
import sys
import traceback
from pathlib import Path
from typing import Annotated, Literal

import typer

from parcelscope.datasets.errors import ConfigError, ParcelscopeError
from parcelscope.pipelines.audit_commands import audit_app
from parcelscope.pipelines.bench_commands import bench
from parcelscope.pipelines.bundle_commands import bundle_app
from parcelscope.pipelines.calibrate_commands import calibrate, evaluate_calibration
from parcelscope.pipelines.dataset_commands import dataset_app
from parcelscope.pipelines.engine_options import (
    DatabaseOption,
    ExecutorOption,
    FreshOption,
    HistoryOption,
    ShardCountOption,
    ShardIndexOption,
    ShardSizeOption,
)
from parcelscope.pipelines.evaluate_commands import evaluate_detector
from parcelscope.pipelines.explain_commands import explain
from parcelscope.pipelines.format_commands import formats
from parcelscope.pipelines.indicator_commands import indicators_app
from parcelscope.pipelines.intake_options import (
    IsolateOption,
    ItemLimitOption,
    QuarantineOption,
)
from parcelscope.pipelines.manifest_commands import manifest_app
from parcelscope.pipelines.metrics_options import MetricsFileOption, MetricsPortOption
from parcelscope.pipelines.pack_commands import pack
from parcelscope.pipelines.policy_commands import policy_app
from parcelscope.pipelines.provider_options import PrecisionOption, ProviderOption
from parcelscope.pipelines.references_commands import references_app
from parcelscope.pipelines.report_commands import report_app
from parcelscope.pipelines.review_commands import review_app
from parcelscope.pipelines.risk_commands import set_risk
from parcelscope.pipelines.serve_commands import serve_app
from parcelscope.pipelines.train_commands import runs_app, train
from parcelscope.pipelines.warmup_commands import warmup
from parcelscope.pipelines.watch_commands import watch

EXIT_REFUSED = 2
"""Exit code when the input or an option was refused; 1 is left to bugs."""

app = typer.Typer(
    name="parcelscope",
    help="Scores X-ray scans, photos and manifest rows of small parcels, and flags the few worth"
    " opening.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain text: rich doubles the time to the first line of help
    pretty_exceptions_enable=False,
)
feed_app = typer.Typer(help="Make a feed from what a facility has.", no_args_is_help=True)
synth_app = typer.Typer(help="Make synthetic data with its truth.", no_args_is_help=True)
evaluate_app = typer.Typer(help="Compare results with the truth.", no_args_is_help=True)
app.add_typer(feed_app, name="feed")
app.add_typer(synth_app, name="synth")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(audit_app, name="audit")
app.add_typer(bundle_app, name="bundle")
app.command()(bench)
app.command()(calibrate)
app.command()(explain)
app.command()(train)
app.command()(warmup)
app.command()(watch)
feed_app.command("pack")(pack)
feed_app.command("formats")(formats)
bundle_app.command("set-risk")(set_risk)
app.add_typer(dataset_app, name="dataset")
app.add_typer(policy_app, name="policy")
app.add_typer(indicators_app, name="indicators")
app.add_typer(manifest_app, name="manifest")
app.add_typer(runs_app, name="runs")
app.add_typer(references_app, name="references")
app.add_typer(report_app, name="report")
app.add_typer(review_app, name="review")
app.add_typer(serve_app, name="serve")
evaluate_app.command("calibration")(evaluate_calibration)
evaluate_app.command("detector")(evaluate_detector)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 refused with one sentence, 1 a bug."""
    words = sys.argv[1:] if arguments is None else arguments
    words, debug = _without_debug(words)
    try:
        app(words, prog_name="parcelscope")
    except (ParcelscopeError, OSError) as error:
        if debug:
            traceback.print_exc()
        print(f"parcelscope: {one_line(error)}", file=sys.stderr)
        sys.exit(EXIT_REFUSED)


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback with an error; works anywhere.")
    ] = False,
) -> None:
    """Say `parcelscope COMMAND --help` for the options of one command."""


@app.command()
def screen(
    feed: Annotated[Path, typer.Argument(help="Folder with the tables and images of the feed.")],
    out: Annotated[Path, typer.Option(help="Run folder to write, or to go on with.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a model bundle; the built-in one if left out.")
    ] = None,
    shadow: Annotated[
        Path | None,
        typer.Option(help="Bundle of a challenger to score as well; it flags nothing."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Share to flag, like 2% or 0.02; the configuration's if left out."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Screening configuration, YAML; built-in if left out.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that score; one per core if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides who is in the random arm.")] = 0,
    provider: ProviderOption = "auto",
    precision: PrecisionOption = None,
    fresh: FreshOption = False,
    database: DatabaseOption = None,
    history: HistoryOption = None,
    executor: ExecutorOption = "local",
    shard_size: ShardSizeOption = None,
    shard_index: ShardIndexOption = None,
    shard_count: ShardCountOption = None,
    isolate: IsolateOption = False,
    max_quarantine_ratio: QuarantineOption = None,
    item_limit: ItemLimitOption = None,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Progress as lines with one JSON object each.")
    ] = False,
    metrics_port: MetricsPortOption = None,
    metrics_file: MetricsFileOption = None,
) -> None:
    """Score a feed, flag what is worth opening, and write a report.

    A run that was cut off goes on where it stopped.
    """
    share = None if budget is None else parse_budget(budget)

    from parcelscope.pipelines.engine_options import executor_of
    from parcelscope.pipelines.intake_options import intake_of
    from parcelscope.pipelines.metrics_options import told_to_prometheus
    from parcelscope.pipelines.progress import progress
    from parcelscope.pipelines.provider_options import provider_choice
    from parcelscope.pipelines.screen import screen_job
    from parcelscope.pipelines.screen_job import make_job
    from parcelscope.screening.config import load_screening_config

    job = make_job(
        feed,
        out,
        bundle_folder=bundle,
        shadow_folder=shadow,
        config=load_screening_config(config),
        budget=share,
        workers=workers,
        seed=seed,
        provider=provider_choice(provider, precision),
        shard_size=shard_size,
        database=database,
        history=history,
        intake=intake_of(isolate, max_quarantine_ratio, item_limit),
    )
    runs_on = executor_of(executor, job.workers, shard_index, shard_count, provider=job.provider)

    def say(line: str) -> None:
        print(json.dumps({"message": line}) if log_json else line, file=sys.stderr, flush=True)

    try:
        with (
            progress(as_json=log_json) as report,
            told_to_prometheus(
                report.seen, port=metrics_port, file=metrics_file, say=say
            ) as observer,
        ):
            summary = screen_job(
                job, runs_on, fresh=fresh, progress=report, say=say, observer=observer
            )
    except KeyboardInterrupt:
        say(f"{out}: interrupted; what is committed is kept: the same command goes on with the run")
        raise
    for line in summary.lines():
        print(line)


@app.command()
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Print the tables of a feed: columns, types, units, and what they mean."""
    from parcelscope.datasets import schema as feed_schema

    if as_json:
        print(json.dumps(feed_schema.as_json(), indent=2, ensure_ascii=False))
        return
    for table in feed_schema.TABLES:
        print(f"{table.name}: {table.meaning}")
        print(f"  one row per {' + '.join(table.key)}")
        for column in table.columns:
            need = "required, " if column.required else ""
            unit = f" [{column.unit}]" if column.unit else ""
            allowed = feed_schema.expectation(column)
            print(f"  {column.name:<20}{need}{allowed}{unit}. {column.meaning}")
        print()


@feed_app.command("from-folder")
def from_folder(
    out: Annotated[Path, typer.Argument(help="Feed folder to write; new or empty.")],
    scans: Annotated[Path | None, typer.Option(help="Folder of X-ray scans.")] = None,
    photos: Annotated[Path | None, typer.Option(help="Folder of photos.")] = None,
    pitch_mm: Annotated[
        float | None, typer.Option(help="Size of one scan pixel at the parcel, in mm, if known.")
    ] = None,
    energy: Annotated[
        Literal["colour", "grey", "dual", "low", "high"],
        typer.Option(help="What the pixels of a scan hold."),
    ] = "colour",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most scans, and most photos, to take.")
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the images instead of linking to them.")
    ] = False,
) -> None:
    """Make a feed of loose files: a parcel for each scan, with the photo of the same name."""
    if scans is None and photos is None:
        raise ConfigError("feed from-folder: expected --scans, --photos or both, got neither")
    if pitch_mm is not None and not (math.isfinite(pitch_mm) and pitch_mm > 0):
        raise ConfigError(f"--pitch-mm must be a positive number of millimetres, got {pitch_mm}")

    from parcelscope.pipelines.feed_folder import feed_from_folder
    from parcelscope.pipelines.progress import progress

    with progress() as report:
        made = feed_from_folder(
            out,
            scans=scans,
            photos=photos,
            pixel_pitch_mm=pitch_mm,
            energy=energy,
            copy=copy,
            limit=limit,
            progress=lambda done, total: report("images", done, total),
        )
    print(
        f"{out}: {made.parcels:,} parcels with {made.scans:,} scans and {made.photos:,} photos"
        f" ({made.attached_photos:,} beside a scan), {made.skipped:,} other files left alone"
    )


@synth_app.command("feed")
def synth_feed(
    out: Annotated[Path, typer.Option(help="Feed folder to write; new or empty.")],
    parcels: Annotated[int, typer.Option(min=1, help="How many parcels.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same feed.")] = 0,
    config: Annotated[
        Path | None, typer.Option(help="Settings of the generator, YAML; built-in if left out.")
    ] = None,
) -> None:
    """Generate a feed of scans, photos and manifest, with its truth in a separate table."""
    from parcelscope.pipelines.progress import progress
    from parcelscope.pipelines.synth import synthesise_feed

    with progress() as report:
        print(synthesise_feed(out, parcels=parcels, seed=seed, config_path=config, progress=report))


@evaluate_app.command("run")
def evaluate_run(
    run: Annotated[Path, typer.Argument(help="Run folder, as `screen` wrote it.")],
    truth: Annotated[Path, typer.Option(help="Truth folder, as `synth feed` wrote it.")],
) -> None:
    """Compare a run with the truth of its feed, and print the figures as a table."""
    try:
        from parcelscope.pipelines.evaluate import as_markdown
        from parcelscope.pipelines.evaluate import evaluate_run as evaluate
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"evaluate run needs the eval extra, but {error.name} is not installed;"
            " install parcelscope[cpu,eval]"
        ) from None

    print(as_markdown(evaluate(run, truth)))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the feed and the run; new or empty.")],
    parcels: Annotated[int, typer.Option(min=20, help="Size of the feed.")] = 160,
) -> None:
    """Generate a small feed and screen it with the built-in bundle."""
    from parcelscope.pipelines.demo import demo as run_demo
    from parcelscope.pipelines.progress import progress

    with progress() as report:
        summary = run_demo(out, parcels=parcels, progress=report)
    for line in summary.lines():
        print(line)


@app.command()
def version() -> None:
    """Print the version."""
    from parcelscope.pipelines.versions import parcelscope_version

    print(f"parcelscope {parcelscope_version()}")


def parse_budget(text: str) -> float:
    """The share named by `2%` or `0.02`.

    Raises:
        ConfigError: If `text` is no number, or not above 0 and at most 100 %.
    """
    number = text.strip().removesuffix("%").strip()
    try:
        share = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise ConfigError(
            f"--budget must be a share above 0 and at most 100%, like 2% or 0.02, got {text!r}"
        )
    return share


def one_line(error: BaseException) -> str:
    """What `error` says, without line breaks or control characters from hostile input."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    text = " ".join(str(error).split())
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """`words` with every `--debug` before a bare `--` taken out, and whether there was one."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return kept + words[end:], len(kept) < end
