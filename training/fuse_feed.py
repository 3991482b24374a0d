"""The fusion models, fitted on a synthetic feed that went through the whole scoring path."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.records import OwnerKind, findings_frame, not_assessed_frame
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import TRUTH_FOLDER, synth_feed
from parcelscope.inference.detectors import load_detectors
from parcelscope.inference.engine import score_feed
from parcelscope.models.bundle import Bundle, FusionModel
from parcelscope.screening.assess import assess_window
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.fusion import strengths
from parcelscope.training.fusion import fit_fusion
from parcelscope.training.recipe import Recipe

VIOLATIVE = 0.3
"""More violative owners than in real mail, so that rare findings are seen."""


def draw_feed(feed_folder: Path, recipe: Recipe, report: Callable[[str, int, int], None]) -> None:
    """Make the feed of `recipe` in `feed_folder`, unless it lies there already."""
    if (feed_folder / TRUTH_FOLDER).exists():
        return
    synth_feed(
        feed_folder,
        parcels=recipe.feed_parcels,
        seed=recipe.seed + 9,
        config=load_synth_config(None).model_copy(
            update={"violative": VIOLATIVE, "cartons": recipe.feed_cartons}
        ),
        progress=lambda done, total: report("draw feed", done, total),
    )


def fuse_on_feed(
    draft: Bundle,
    bundle_folder: Path,
    feed_folder: Path,
    recipe: Recipe,
    report: Callable[[str, int, int], None],
) -> tuple[FusionModel, FusionModel]:
    """(parcel, carton) fusion models.

    Args:
        draft: The bundle without them.
        bundle_folder: Where it lies.
        feed_folder: Where `draw_feed` made the feed.
        recipe: Size and seed of the feed.
        report: Called with the progress.
    """
    feed = read_feed(feed_folder)
    strong = score_strengths(feed, draft, bundle_folder, report)
    return (
        _fit("parcel", strong, feed_folder, recipe),
        _fit("carton", strong, feed_folder, recipe),
    )


def score_strengths(
    feed: Feed, bundle: Bundle, folder: Path, report: Callable[[str, int, int], None]
) -> pl.DataFrame:
    """Strength of every finding of detectors and indicators on `feed`."""
    owners = len(feed.parcels) + len(feed.cartons)
    results = list(
        score_feed(
            feed,
            load_detectors(bundle, folder),
            workers=2,
            progress=lambda done: report("score feed", done, owners),
        )
    )
    findings = findings_frame([finding for result in results for finding in result.findings])
    missing = not_assessed_frame([row for result in results for row in result.not_assessed])
    window = assess_window(feed, findings, missing, bundle, load_screening_config(), seed=0)
    return strengths(pl.concat([findings, window.findings]))


def _fit(kind: OwnerKind, strong: pl.DataFrame, feed_folder: Path, recipe: Recipe) -> FusionModel:
    truth = pl.read_parquet(feed_folder / TRUTH_FOLDER / f"{kind}s.parquet")
    violative = truth.select(pl.col(f"{kind}_id").alias("owner_id"), "violative")
    return fit_fusion(
        strong.filter(pl.col("owner_kind") == kind),
        violative,
        prevalence=load_synth_config(None).violative,
        seed=recipe.seed,
    )
