"""`parcelscope policy`: the packs of rules, and what they say of a feed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parcelscope.datasets.errors import ConfigError

if TYPE_CHECKING:
    from datetime import date

    from parcelscope.screening.policy import PolicyConfig

policy_app = typer.Typer(
    help="Entry rules, value limits, notice periods and redaction lists, by date.",
    no_args_is_help=True,
)
PacksOption = Annotated[
    Path | None, typer.Option(help="Folder of policy packs; those that ship if left out.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@policy_app.command("list")
def policy_list(packs: PacksOption = None, as_json: JsonOption = False) -> None:
    """List the policy packs and the days on which they hold."""
    from parcelscope.pipelines.policy_text import pack_as_json, pack_lines
    from parcelscope.screening.policy import read_packs, shipped_folder

    found = read_packs(packs or shipped_folder())
    if as_json:
        heads = [{**pack_as_json(one), "rules": len(one.pack.rules)} for one in found]
        print(json.dumps(heads, indent=2, ensure_ascii=False))
        return
    for line in pack_lines(found):
        print(line)


@policy_app.command("show")
def policy_show(
    name: Annotated[str, typer.Argument(help="Name of a pack, as `policy list` prints it.")],
    packs: PacksOption = None,
    on: Annotated[
        str | None, typer.Option(help="Only the rules that hold on this day, like 2026-09-30.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the rules of a pack, each with its citation."""
    from parcelscope.pipelines.policy_text import pack_as_json, rule_lines
    from parcelscope.screening.policy import read_packs, shipped_folder

    day = None if on is None else parse_day(on)
    folder = packs or shipped_folder()
    found = read_packs(folder)
    one = next((one for one in found if one.pack.name == name), None)
    if one is None:
        known = ", ".join(one.pack.name for one in found)
        raise ConfigError(f"{folder}: expected the name of a policy pack, {known}, got {name!r}")
    if day is not None and not one.pack.effective.holds(day):
        raise ConfigError(
            f"--on: expected a day on which {name} holds, {one.pack.effective.words()}, got {day}"
        )
    if as_json:
        print(json.dumps(pack_as_json(one, day), indent=2, ensure_ascii=False))
        return
    for line in rule_lines(one.pack, day):
        print(line)


@policy_app.command("check")
def policy_check(
    feed: Annotated[Path, typer.Argument(help="Folder with the tables of the feed.")],
    on: Annotated[
        str | None,
        typer.Option(help="Take every parcel as if it came on this day, like 2026-09-30."),
    ] = None,
    jurisdiction: Annotated[
        str | None, typer.Option(help="Whose law, like us or generic; the configuration's.")
    ] = None,
    packs: PacksOption = None,
    exchange_rates: Annotated[
        Path | None, typer.Option(help="Dated exchange rates, CSV or Parquet.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Screening configuration, YAML; built-in if left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say of each parcel of a feed which entry it takes, and what it exceeds or lacks."""
    day = None if on is None else parse_day(on)

    from parcelscope.datasets.feed import read_feed
    from parcelscope.pipelines.policy_text import check_lines, verdicts_as_json
    from parcelscope.screening.config import load_screening_config
    from parcelscope.screening.policy_verdicts import policy_verdicts
    from parcelscope.screening.standing import load_standing
    from parcelscope.screening.trader_tiers import TraderTierConfig

    settings = _settings(load_screening_config(config).policy, jurisdiction, packs, exchange_rates)
    standing = load_standing(settings, TraderTierConfig())
    read = read_feed(feed)
    verdicts = policy_verdicts(
        read.parcels,
        standing.policies,
        rates=standing.rates,
        max_rate_age_days=standing.max_rate_age_days,
        on=day,
    )
    if as_json:
        print(json.dumps(verdicts_as_json(verdicts, standing.policies), ensure_ascii=False))
        return
    for line in check_lines(verdicts, standing.policies, read):
        print(line)


def parse_day(text: str) -> "date":
    """The day that `text` names.

    Raises:
        ConfigError: If it names none.
    """
    from datetime import date

    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(f"--on: expected a day like 2026-09-30, got {text!r}") from None


def _settings(
    settings: "PolicyConfig",
    jurisdiction: str | None,
    packs: Path | None,
    exchange_rates: Path | None,
) -> "PolicyConfig":
    """`settings` with the options that were given in their place."""
    given = {
        "jurisdiction": jurisdiction,
        "packs": None if packs is None else str(packs),
        "exchange_rates": None if exchange_rates is None else str(exchange_rates),
    }
    return settings.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
