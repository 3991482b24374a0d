"""`parcelscope demo`: the main job on a small generated feed and the built-in bundle.

The bundle is given genuine references of a few SKUs of the feed, so that photos are compared too.
"""

from dataclasses import replace
from pathlib import Path

from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import synth_feed
from parcelscope.models.bundle import builtin_bundle_folder
from parcelscope.pipelines.demo_references import bundle_with_references
from parcelscope.pipelines.progress import Report, silent
from parcelscope.pipelines.run_folder import require_free
from parcelscope.pipelines.run_summary import RunSummary
from parcelscope.pipelines.screen import screen

PARCELS = 160
SEED = 7
BUDGET = 0.06
"""More than a facility could open: in so small a feed 2 % would be three parcels."""
MORE_TO_SEE = {"violative": 0.15, "photos": 0.6}


def demo(out: Path, *, parcels: int = PARCELS, progress: Report = silent) -> RunSummary:
    """Generate a feed in `out`/feed, score it into `out`/run by the bundle in `out`/bundle.

    Args:
        out: New or empty folder.
        parcels: Size of the feed.
        progress: Told how far it is.

    Raises:
        RunError: `out` is in use.
    """
    require_free(out)
    feed = out / "feed"
    synth_feed(
        feed,
        parcels=parcels,
        seed=SEED,
        config=load_synth_config(None).model_copy(update=MORE_TO_SEE),
        progress=lambda done, total: progress("drawing", done, total),
    )
    bundle_with_references(builtin_bundle_folder(), out / "bundle")
    summary = screen(
        feed,
        out / "run",
        bundle_folder=out / "bundle",
        budget=BUDGET,
        seed=SEED,
        progress=progress,
    )
    return replace(summary, offered=out)
