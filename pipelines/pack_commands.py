"""`parcelscope feed pack`: images of a feed in shards."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def pack(
    feed: Annotated[Path, typer.Argument(help="Folder or URL of the feed.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    form: Annotated[
        Literal["tar", "parquet"], typer.Option("--as", help="What a shard is.")
    ] = "tar",
    shard_mb: Annotated[
        int, typer.Option(min=1, max=2000, help="Size of one shard, in megabytes.")
    ] = 128,
) -> None:
    """Copy a feed with its images in a few large files, as fast storage likes them."""
    from parcelscope.pipelines.feed_pack import pack_feed
    from parcelscope.pipelines.progress import progress

    with progress() as report:
        packed = pack_feed(
            feed,
            out,
            form=form,
            shard_bytes=shard_mb * 1_000_000,
            progress=lambda done, total: report("packing", done, total),
        )
    unread = f"; {packed.unread:,} could not be read and are in none" if packed.unread else ""
    print(
        f"{out}: {packed.images:,} images, {packed.size_bytes / 1e6:,.1f} MB,"
        f" in {packed.shards:,} shards{unread}"
    )
