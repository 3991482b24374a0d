"""`parcelscope review`: the analysts' application, and the people who may sign in to it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from parcelscope.datasets.errors import ConfigError, FeedError, RunError
from parcelscope.pipelines.review_outcomes import outcomes
from parcelscope.pipelines.service_options import needing_extra

if TYPE_CHECKING:
    from sqlalchemy import Engine

RUNS = Path("runs")
"""Where run folders lie, and the review database beside them."""
START = "start"


class StartUnlessTold(TyperGroup):
    """A group whose command `start` may be left out: `review RUN` as well as `review user add`.

    A run folder that is named like one of the commands is `./user`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words after `review`, with `start` before them where no command is."""
        told = bool(args) and args[0] in self.commands
        return list(super().parse_args(ctx, args if told else [START, *args]))


review_app = typer.Typer(
    cls=StartUnlessTold, help="Review what runs flagged, in a browser.", rich_markup_mode=None
)
user_app = typer.Typer(help="Add, list and disable people who may sign in.", no_args_is_help=True)
review_app.add_typer(user_app, name="user")
review_app.command("outcomes")(outcomes)

Role = Literal["viewer", "analyst", "supervisor", "admin", "auditor"]
ReviewDatabase = Annotated[
    str | None,
    typer.Option(
        envvar="PARCELSCOPE_REVIEW_DATABASE",
        help="Review database, a file or a URL like postgresql://. [runs/review.sqlite]",
    ),
]
PasswordFromInput = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input, not by asking."),
]
NoPassword = Annotated[
    bool,
    typer.Option("--no-password", help="They come through a proxy or single sign-on alone."),
]
Name = Annotated[str, typer.Argument(help="Their name, as they sign in.")]


@review_app.command(START, epilog="Who may sign in: parcelscope review user --help")
def start(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN", help="Run folders; the newest below runs/ if none."),
    ] = None,
    database: ReviewDatabase = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. [8760]")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate in PEM form; phones need it for the camera.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key in PEM form.")] = None,
    presentation: Annotated[
        Literal["marks_after", "marks_first"] | None,
        typer.Option(help="When the model's marks show: after the first look, or at once."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="All settings, YAML; options go before it.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle that scored the runs, where it is not built in.")
    ] = None,
    feed: Annotated[
        Path | None, typer.Option(help="Feed of the run, where it does not lie where it lay.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")] = False,
) -> None:
    """Review what runs flagged, in a browser, on this machine unless told otherwise."""
    with needing_extra("review", "review"):
        from parcelscope.review.server import serve
    from parcelscope.pipelines.logs import start_logging
    from parcelscope.review.settings import load_settings

    told = {
        "host": host,
        "port": port,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "presentation": presentation,
    }
    chosen = load_settings(
        settings, {name: value for name, value in told.items() if value is not None}
    )
    start_logging(as_json=log_json)
    engine = _open(database)
    _enrol(engine, runs or [], bundle, feed)
    serve(chosen, engine, say=lambda line: print(line, flush=True))


@user_app.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What they may do.")],
    database: ReviewDatabase = None,
    password_stdin: PasswordFromInput = False,
    no_password: NoPassword = False,
) -> None:
    """Add somebody; asks for their password."""
    from parcelscope.review.people import add_member, plain_name

    engine = _open(database)
    plain = plain_name(name)
    password = None if no_password else _password(plain, from_input=password_stdin)
    add_member(engine, by=BY, name=plain, role=role, password=password)
    print(f"added {plain}, {role}")


@user_app.command("list")
def list_all(database: ReviewDatabase = None) -> None:
    """List everybody, without passwords."""
    from parcelscope.review.database import reading
    from parcelscope.review.people import members

    with reading(_open(database)) as connection:
        everybody = members(connection)
    for one in everybody:
        how = "password" if one.has_password else "no password"
        state = "disabled" if one.disabled else "may sign in"
        print(f"{one.role:<10}  {one.name}  {how}  added {one.created}  {state}")


@user_app.command("disable")
def disable(name: Name, database: ReviewDatabase = None) -> None:
    """Shut somebody out, a second later at most; what they did stays."""
    from parcelscope.review.people import set_disabled

    set_disabled(_open(database), by=BY, name=name, disabled=True)
    print(f"disabled {name}")


@user_app.command("password")
def password(
    name: Name, database: ReviewDatabase = None, password_stdin: PasswordFromInput = False
) -> None:
    """Give somebody another password; they sign in anew."""
    from parcelscope.review.people import set_password

    engine = _open(database)
    set_password(engine, by=BY, name=name, password=_password(name, from_input=password_stdin))
    print(f"changed the password of {name}")


BY = "parcelscope"
"""Whom the log names for what is done at the command line."""


def _open(database: str | None) -> "Engine":
    with needing_extra("review", "review"):
        import argon2  # noqa: F401 - people cannot be managed without it
    from parcelscope.review.database import open_review, review_url

    if database is None:
        RUNS.mkdir(exist_ok=True)
    return open_review(review_url(database, runs=RUNS))


def _enrol(engine: "Engine", runs: list[Path], bundle: Path | None, feed: Path | None) -> None:
    """Put the runs into the queue; of none, the newest, if there is one."""
    from parcelscope.pipelines.progress import progress
    from parcelscope.pipelines.review_runs import enrol_run

    if feed is not None and len(runs) > 1:
        raise ConfigError(f"--feed is that of one run, got {len(runs)} runs")
    for folder in runs or [RUNS]:
        try:
            with progress() as report:
                told = enrol_run(
                    engine, folder, bundle_folder=bundle, feed_folder=feed, progress=report
                )
        except (RunError, FeedError) as error:
            if runs:
                raise
            # Nobody named it, and there still is what was enrolled before.
            print(f"parcelscope: {error}", file=sys.stderr)
            return
        did = told.enrolled
        folder = told.folder
        if told.is_unchanged:
            print(f"{folder}: enrolled before and unchanged, {did.same:,} to review in all")
        else:
            print(
                f"{folder}: {did.new:,} to review that were not known, {did.changed:,} scored anew,"
                f" {did.same:,} as before"
            )
        if told.without_bundle:
            print(
                f"{folder}: the bundle that scored it is not at hand: fewer marks are shown;"
                " name it by --bundle"
            )


def _password(name: str, *, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise ConfigError("no terminal to ask for a password; give --password-stdin")
    return str(typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True))
