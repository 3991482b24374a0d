"""`parcelscope indicators`: what is looked for, by which pack, and sharing of both."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parcelscope.datasets.errors import ConfigError
from parcelscope.pipelines.policy_commands import parse_day

if TYPE_CHECKING:
    from parcelscope.screening.indicator_pack import Indicators

indicators_app = typer.Typer(
    help="What screening looks for, as packs of data, and sharing of packs and of what they found.",
    no_args_is_help=True,
)
PackOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pack",
        help="Name or path of a pack, again for each; those of the configuration if left out.",
    ),
]
OnOption = Annotated[
    str | None, typer.Option("--on", help="Only what is in force on this day, like 2026-09-30.")
]
ConfigOption = Annotated[
    Path | None, typer.Option(help="Screening configuration, YAML; built-in if left out.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@indicators_app.command("list")
def indicators_list(
    pack: PackOption = None,
    on: OnOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every code that is looked for, with its pack, version and severity."""
    day = None if on is None else parse_day(on)

    from parcelscope.pipelines.indicator_text import as_json as told
    from parcelscope.pipelines.indicator_text import lines_of, list_lines

    lines = lines_of(_indicators(pack, config), day)
    if as_json:
        print(json.dumps(told(lines), indent=2, ensure_ascii=False))
        return
    for line in list_lines(lines):
        print(line)


@indicators_app.command("explain")
def indicators_explain(
    code: Annotated[str, typer.Argument(help="Code, such as U1.count.")],
    pack: PackOption = None,
    on: OnOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what a code compares, by which parameters, and when it is not assessed."""
    day = None if on is None else parse_day(on)

    from parcelscope.pipelines.indicator_text import explain_lines, lines_of

    indicators = _indicators(pack, config)
    known = indicators.codes
    if code not in known:
        raise ConfigError(f"expected a code of {', '.join(known)}, got {code!r}")
    rules = [rule for named, rule in lines_of(indicators, day) if named == code]
    if not rules:
        raise ConfigError(f"--on: expected a day on which {code} is in force, got {day}")
    for line in explain_lines(code, rules):
        print(line)


@indicators_app.command("test")
def indicators_test(
    pack: Annotated[str, typer.Argument(help="Name or path of the pack.")],
    source: Annotated[
        Path | None, typer.Argument(metavar="[FEED|RUN]", help="Feed or run to try it on.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Check a pack, and say how often each of its codes fires, beside the base pack."""
    from parcelscope.pipelines.indicator_text import pack_lines
    from parcelscope.pipelines.indicator_trial import trial_lines, try_pack
    from parcelscope.screening.config import load_screening_config
    from parcelscope.screening.indicator_pack import load_pack

    found = load_pack(pack)
    for line in pack_lines(found):
        print(line)
    if source is None:
        return
    print()
    for line in trial_lines(try_pack(found, source, load_screening_config(config))):
        print(line)


@indicators_app.command("export")
def indicators_export(
    run: Annotated[Path, typer.Argument(help="Folder of a complete run; its feed must be there.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write, .json or .csv.")],
    min_count: Annotated[int, typer.Option(min=2, help="Smaller counts are left out.")] = 5,
) -> None:
    """Write how often indicators fired by route and week, without anybody's data, to share it."""
    from parcelscope.pipelines.indicator_export import export_run, write_export
    from parcelscope.pipelines.run_folder import read_run

    if out.suffix not in {".json", ".csv"}:
        raise ConfigError(f"{out}: expected a name that ends in .json or .csv")
    told = export_run(read_run(run), min_count=min_count)
    write_export(told, out)
    print(f"{out}: {len(told.cells):,} cells of {len({cell.code for cell in told.cells})} codes")
    print(
        f"  {told.suppressed_cells:,} cells suppressed: of fewer than {min_count}, or beside such"
    )


@indicators_app.command("import")
def indicators_import(
    pack: Annotated[Path, typer.Argument(help="File of another facility's pack, YAML.")],
    origin: Annotated[str, typer.Option(help="Whose pack it is.")],
    max_ratio: Annotated[
        float | None,
        typer.Option(min=1, help="The most that a finding by it may count for; 30 if left out."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an earlier import of that name.")
    ] = False,
) -> None:
    """Check another facility's pack and keep it, so that a configuration can name it."""
    from datetime import UTC, datetime

    from parcelscope.pipelines.indicator_text import pack_lines
    from parcelscope.screening.indicator_pack import shipped_packs
    from parcelscope.screening.pack_store import IMPORTED_MAX_RATIO, import_pack, packs_folder

    taken = import_pack(
        pack,
        origin=origin,
        now=datetime.now(UTC),
        reserved=frozenset(shipped_packs()),
        max_likelihood_ratio=IMPORTED_MAX_RATIO if max_ratio is None else max_ratio,
        replace=replace,
    )
    for line in pack_lines(taken):
        print(line)
    print(
        f"  kept in {packs_folder()}; it counts once a configuration names {taken.name} in"
        " indicator_packs"
    )


def _indicators(packs: list[str] | None, config: Path | None) -> "Indicators":
    from parcelscope.screening.config import load_screening_config
    from parcelscope.screening.indicator_pack import load_indicators

    return load_indicators(packs or load_screening_config(config).indicator_packs)
