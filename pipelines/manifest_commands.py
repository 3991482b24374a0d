"""`parcelscope manifest`: manifests made a feed, checked, and judged by what they lack."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from parcelscope.datasets.errors import ConfigError, FeedError

manifest_app = typer.Typer(
    help="Make a feed of manifests, check them, and judge what they lack.", no_args_is_help=True
)

MOST_SHOWN = 20
"""Verdicts that are printed; the rest is counted."""

FormatName = Literal["auto", "cargo-xml", "postal-json", "postal-csv", "edifact", "table"]
SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="SRC...", help="Manifest files, or folders of them.", show_default=False
    ),
]
FormatOption = Annotated[
    FormatName,
    typer.Option("--format", help="Form of all files; auto tells it by their content."),
]
ReceivedOption = Annotated[
    str | None,
    typer.Option("--received", help="When the data came, like 2026-01-31T13:45:00Z; fills gaps."),
]
ArrivedOption = Annotated[
    str | None, typer.Option("--arrived", help="When the parcels arrived, likewise.")
]
FacilityOption = Annotated[str | None, typer.Option(help="Facility, where the source has none.")]
ChannelOption = Annotated[
    str | None, typer.Option(help="Channel such as mail or express, where the source has none.")
]


@manifest_app.command("convert")
def manifest_convert(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="SRC... OUT",
            help="Manifest files or folders, and last the feed folder to write; new or empty.",
            show_default=False,
        ),
    ],
    form: FormatOption = "auto",
    received: ReceivedOption = None,
    arrived: ArrivedOption = None,
    facility: FacilityOption = None,
    channel: ChannelOption = None,
    provenance: Annotated[
        bool, typer.Option("--provenance/--no-provenance", help="Write where each value is from.")
    ] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="Make no feed if anything was rejected or left out.")
    ] = False,
) -> None:
    """Make a feed of manifests: Cargo-XML, postal JSON, EDIFACT, CSV, NDJSON and Parquet."""
    if len(paths) < 2:
        raise ConfigError(
            "manifest convert: expected one or more sources and then the folder to write,"
            f" got only {paths[0]}"
        )
    from parcelscope.pipelines.manifest_convert import convert, verdict_lines

    done = convert(
        paths[:-1],
        paths[-1],
        form=None if form == "auto" else form,
        fill=_fill(received, arrived, facility, channel),
        with_provenance=provenance,
        strict=strict,
    )
    for line in done.lines():
        print(line)
    _print_some(
        verdict_lines(done.manifests.verdicts, most=MOST_SHOWN), done.manifests.verdicts.height
    )


@manifest_app.command("check")
def manifest_check(
    sources: SourcesArgument,
    form: FormatOption = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Verdicts as one JSON object a line.")
    ] = False,
) -> None:
    """Read manifests without writing anything, and tell all verdicts. Exit code 2 for a fault."""
    from parcelscope.datasets.manifests.reading import read_manifests
    from parcelscope.pipelines.manifest_convert import count_lines, faults, verdict_lines

    manifests = read_manifests(sources, form=None if form == "auto" else form)
    if as_json:
        for row in manifests.verdicts.iter_rows(named=True):
            print(json.dumps(row, ensure_ascii=False))
    else:
        print(f"{manifests.parcels.height:,} parcels and {manifests.cartons.height:,} cartons")
        for line in count_lines(manifests):
            print(line)
        lines = verdict_lines(manifests.verdicts, most=MOST_SHOWN)
        _print_some(lines, manifests.verdicts.height)
    if lost := faults(manifests):
        raise FeedError(
            f"{_names(sources)}: {lost:,} rows, consignments or values could not be taken"
        )


@manifest_app.command("scorecard")
def manifest_scorecard(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SRC...",
            help="A feed folder, or manifest files and folders.",
            show_default=False,
        ),
    ],
    form: FormatOption = "auto",
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="DATE", help="Day whose required elements count; today."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    html: Annotated[Path | None, typer.Option(help="Page to write as well.")] = None,
    received: ReceivedOption = None,
    arrived: ArrivedOption = None,
    channel: ChannelOption = None,
) -> None:
    """Judge mail and express rows by the same rules: complete, valid, plain, in time."""
    from parcelscope.pipelines.manifest_scorecard import day_named, scorecard_of
    from parcelscope.pipelines.manifest_scorecard_text import as_json as scorecard_json
    from parcelscope.pipelines.manifest_scorecard_text import print_scorecard, write_page

    scorecard = scorecard_of(
        sources,
        form=None if form == "auto" else form,
        day=day_named(on),
        fill=_fill(received, arrived, None, channel),
    )
    if html is not None:
        write_page(scorecard, html)
    if as_json:
        print(json.dumps(scorecard_json(scorecard), indent=1, ensure_ascii=False))
    else:
        print_scorecard(scorecard)
        if html is not None:
            print(f"page: {html}")


@manifest_app.command("schema")
def manifest_schema() -> None:
    """Print the JSON schema of a postal declaration (content of CN22 and CN23)."""
    from parcelscope.datasets.manifests.declarations import Declaration

    print(json.dumps(Declaration.model_json_schema(), indent=2, ensure_ascii=False))


def _fill(
    received: str | None, arrived: str | None, facility: str | None, channel: str | None
) -> dict[str, str]:
    """What the options fill, once the times among them are understood."""
    from parcelscope.pipelines.manifest_convert import utc_time

    given = {
        "data_received_at": None if received is None else utc_time("--received", received),
        "arrived_at": None if arrived is None else utc_time("--arrived", arrived),
        "facility": facility,
        "channel": channel,
    }
    return {name: text for name, text in given.items() if text}


def _print_some(lines: list[str], total: int) -> None:
    for line in lines:
        print(line)
    if total > len(lines):
        print(f"and {total - len(lines):,} more")


def _names(sources: list[Path]) -> str:
    return ", ".join(str(source) for source in sources)
