"""The options by which a command is told how the shards of a run are scored and kept."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from parcelscope.datasets.errors import ConfigError

if TYPE_CHECKING:
    from parcelscope.inference.executors import Executor
    from parcelscope.inference.providers import ProviderChoice

ExecutorName = Literal["local", "ray"]

FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Delete the run in --out first, and start over.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        envvar="PARCELSCOPE_DATABASE",  # where a password stays out of the list of processes
        help="URL of the database for the ledger and the results, like"
        " postgresql://user@host/name; a file in the run folder if left out.",
    ),
]
HistoryOption = Annotated[
    str | None,
    typer.Option(
        envvar="PARCELSCOPE_HISTORY",
        help="Database that keeps the numbers of earlier feeds, as a SQLite file or a URL; that of"
        " --database if left out.",
    ),
]
ExecutorOption = Annotated[
    ExecutorName,
    typer.Option(help="Who scores: this process, or --workers processes of a Ray cluster."),
]
ShardSizeOption = Annotated[
    int | None,
    typer.Option(min=1, help="Parcels and cartons that are committed together; 256 if left out."),
]
ShardIndexOption = Annotated[
    int | None,
    typer.Option(min=0, help="Score only this share of the shards, from 0; with --shard-count."),
]
ShardCountOption = Annotated[
    int | None, typer.Option(min=1, help="How many processes share the shards.")
]


def executor_of(
    name: ExecutorName,
    workers: int,
    shard_index: int | None,
    shard_count: int | None,
    *,
    provider: "ProviderChoice",
) -> "Executor":
    """Who has the shards scored.

    Processes of Ray that run on GPUs get one device each and an even share of this machine's
    cores, as one thread would let a device starve; the others get one thread each.

    Raises:
        ConfigError: If the options do not go together.
    """
    from parcelscope.inference.cores import usable_cores
    from parcelscope.inference.executors import ArrayExecutor, LocalExecutor
    from parcelscope.inference.executors_ray import RayExecutor

    if (shard_index is None) != (shard_count is None):
        raise ConfigError("--shard-index and --shard-count must be given together")
    if shard_index is not None and shard_count is not None:
        if name == "ray":
            raise ConfigError(
                "--shard-index is for processes that know nothing of each other; Ray shares the"
                " shards by itself, so leave out --shard-index and --shard-count"
            )
        return ArrayExecutor(index=shard_index, count=shard_count)
    if name == "local":
        return LocalExecutor()
    threads = usable_cores() // workers if provider.may_use_gpu() else 1
    return RayExecutor(
        actors=workers,
        threads_each=max(threads, 1),
        # What `auto` comes to, the recipe of the workers says.
        gpus_each=1.0 if provider.on_gpu else None,
    )
