"""`parcelscope serve`: the HTTP service, and the keys to it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from parcelscope.pipelines.service_options import (
    BundleOption,
    ConfigOption,
    LogJsonOption,
    NumbersOption,
    WedgesOption,
    needing_extra,
)

serve_app = typer.Typer(help="Score runs and single parcels by HTTP.", invoke_without_command=True)
keys_app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
serve_app.add_typer(keys_app, name="keys")

Home = Annotated[Path, typer.Option(help="Folder of the service: queue, keys, uploads and runs.")]
HOME = Path("service")


@serve_app.callback()
def serve(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help="Folder of the service: queue, keys, uploads and runs.")
    ] = None,
    root: Annotated[
        list[str] | None,
        typer.Option(help="Folder or URL that feeds may lie in; may be repeated."),
    ] = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    step_wedges: WedgesOption = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="PARCELSCOPE_DATABASE",
            help="URL of a database for the ledger and results of all runs, else one file each.",
        ),
    ] = None,
    history: NumbersOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. [8750]")
    ] = None,
    latency_ms: Annotated[
        int | None, typer.Option(min=1, help="Latency budget of one parcel. [1000]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads of one run; one per core if left out.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="Settings with all limits, YAML; options go before it.")
    ] = None,
    log_json: LogJsonOption = False,
) -> None:
    """Score runs and single parcels by HTTP, on this machine unless told otherwise."""
    if context.invoked_subcommand is not None:
        return
    with needing_extra("serve"):
        from parcelscope.pipelines.service.server import serve as serve_until_stopped
    from parcelscope.pipelines.logs import start_logging
    from parcelscope.pipelines.service.settings import load_settings

    told = {
        "home": home,
        "roots": tuple(root) if root else None,
        "bundle": bundle,
        "config": config,
        "step_wedges": step_wedges,
        "database": database,
        "history": history,
        "host": host,
        "port": port,
        "latency_budget_s": None if latency_ms is None else latency_ms / 1000,
        "workers": workers,
    }
    start_logging(as_json=log_json)
    serve_until_stopped(
        load_settings(settings, {name: value for name, value in told.items() if value is not None})
    )


@keys_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    role: Annotated[
        Literal["monitor", "reader", "operator", "admin"],
        typer.Option(help="Metrics; and results; and submitting; and reloading the bundle."),
    ],
    home: Home = HOME,
) -> None:
    """Make a key and print it. It is kept as a hash: write it down now."""
    from parcelscope.pipelines.service.database import open_database
    from parcelscope.pipelines.service.keys import add_key

    print(add_key(open_database(home), name, role))


@keys_app.command("list")
def list_all(home: Home = HOME) -> None:
    """List the keys, without their secrets."""
    from parcelscope.pipelines.service.database import open_database
    from parcelscope.pipelines.service.keys import list_keys

    for key in list_keys(open_database(home)):
        state = "in use" if key.revoked is None else f"revoked {key.revoked}"
        print(f"{key.key_id}  {key.role:<8}  {key.name}  made {key.created}  {state}")


@keys_app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="Name or id of the key.")], home: Home = HOME
) -> None:
    """Make a key worthless; a running service refuses it a second later."""
    from parcelscope.pipelines.service.database import open_database
    from parcelscope.pipelines.service.keys import revoke_key

    revoke_key(open_database(home), name)
    print(f"revoked {name}")
