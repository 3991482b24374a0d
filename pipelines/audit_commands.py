"""`parcelscope audit`: the log of the review, checked and taken away."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

import typer

from parcelscope.datasets.errors import ConfigError

if TYPE_CHECKING:
    from parcelscope.review.audit import Audit
    from parcelscope.review.events import Verdict

audit_app = typer.Typer(
    help="Check and export the log of what analysts decided.", no_args_is_help=True
)
ReviewDatabaseOption = Annotated[
    str | None,
    typer.Option(
        envvar="PARCELSCOPE_REVIEW_DATABASE",
        help="Review database, as a SQLite file or a URL like postgresql://user@host/name;"
        " runs/review.sqlite if left out.",
    ),
]


@audit_app.command("verify")
def verify(
    database: ReviewDatabaseOption = None,
    log: Annotated[
        Path | None, typer.Option(help="Check this file of `audit export` instead, JSON lines.")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="Hash that an earlier check printed: the log must still contain it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Check that no event of the log was changed, removed or added, and that the queue agrees."""
    from parcelscope.review.errors import ReviewError

    if log is not None and database is not None:
        raise ConfigError("audit verify: expected --database or --log, got both")
    hash_ = None if head is None else parse_hash(head)
    if log is None:
        where, found = _audit(database, hash_)
        chain, differ, items = found.chain, found.differ, found.items
    else:
        where, chain, differ, items = str(log), _chain_of_file(log, hash_), (), None
    problems = [*([chain.problem] if chain.problem else []), *differ]
    if as_json:
        told = {"events": chain.events, "head": chain.head, "items": items, "problems": problems}
        print(json.dumps(told, indent=2, ensure_ascii=False))
    if problems:
        for problem in problems[1:]:
            print(problem, file=sys.stderr)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ReviewError(f"{where}: the log is not whole: {problems[0]}{more}")
    if not as_json:
        one, some = "parcel or carton stands", "parcels and cartons stand"
        stand = "" if items is None else f", {items:,} {one if items == 1 else some} as it says"
        print(f"{where}: {_events(chain.events)}, none changed or missing{stand}")
        print(f"head: {chain.head}")


@audit_app.command("export")
def export(
    database: ReviewDatabaseOption = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; standard output if left out.")
    ] = None,
    format_: Annotated[
        Literal["csv", "jsonl"],
        typer.Option("--format", help="A table, or lines of JSON that `audit verify` can check."),
    ] = "csv",
    since: Annotated[
        str | None, typer.Option(help="Only from this time on, UTC, like 2026-09-30.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only before this time, UTC, like 2026-10-01.")
    ] = None,
    who: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only such events, like decide.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="Only events of the case with this number.")
    ] = None,
) -> None:
    """Write the log as a table or as lines of JSON."""
    from parcelscope.datasets.writing import write_whole
    from parcelscope.review.audit_export import Wanted, exported, write_csv, write_jsonl
    from parcelscope.review.database import open_as_it_is, reading, review_url

    wanted = Wanted(
        since=None if since is None else parse_time("--since", since),
        until=None if until is None else parse_time("--until", until),
        who=who,
        kind=kind,
        reference=reference,
    )
    if out is not None and (out.is_dir() or not out.absolute().parent.is_dir()):
        raise ConfigError(f"--out {out}: expected the name of a file in a folder that is there")
    write = write_csv if format_ == "csv" else write_jsonl
    engine = open_as_it_is(review_url(database))
    try:
        with reading(engine) as connection:
            if out is None:
                write(sys.stdout.buffer, exported(connection, wanted))
                sys.stdout.flush()
                return
            count = 0

            def write_all(file: BinaryIO) -> None:
                nonlocal count
                count = write(file, exported(connection, wanted))

            write_whole(out, write_all)
    finally:
        engine.dispose()
    print(f"{out}: {_events(count)}")


def parse_hash(text: str) -> str:
    """The hash that `text` is.

    Raises:
        ConfigError: If it is none.
    """
    wanted = text.strip().lower()
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise ConfigError(f"--head: expected a hash of 64 hexadecimal digits, got {text[:80]!r}")
    return wanted


def parse_time(option: str, text: str) -> str:
    """The time that `text` names, as the log writes it.

    Raises:
        ConfigError: If it names none.
    """
    from datetime import UTC

    from parcelscope.review.clock import as_text

    try:
        moment = datetime.fromisoformat(text.strip())
        named = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return as_text(named.timestamp())
    except (ValueError, OverflowError):
        raise ConfigError(f"{option}: expected a time like 2026-09-30, got {text!r}") from None


def _audit(database: str | None, head: str | None) -> tuple[str, "Audit"]:
    """What was checked, and what it came to."""
    from parcelscope.inference.database import without_password
    from parcelscope.review.audit import audit
    from parcelscope.review.database import open_as_it_is, reading, review_url, sqlite_path

    engine = open_as_it_is(review_url(database))
    try:
        with reading(engine) as connection:
            found = audit(connection, head)
        return str(sqlite_path(engine) or without_password(str(engine.url))), found
    finally:
        engine.dispose()


def _chain_of_file(log: Path, head: str | None) -> "Verdict":
    from parcelscope.review.audit_export import read_jsonl
    from parcelscope.review.errors import ReviewError
    from parcelscope.review.events import chained

    with log.open("rb") as file:
        try:
            return chained(read_jsonl(file), head)
        except ReviewError as error:
            raise ReviewError(f"{log}: {error}") from None


def _events(count: int) -> str:
    return f"{count:,} {'event' if count == 1 else 'events'}"
