"""`parcelscope evaluate calibration`: whether p-values of compliant parcels are what they claim.

Of compliant scans, a share of p must have a p-value of p or less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import betabinom, kstwobign

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.feed_urls import feed_url
from parcelscope.inference.scan_findings import SCAN
from parcelscope.models.bundle import (
    DetectorCard,
    InputKind,
    builtin_bundle_folder,
    load_bundle,
)
from parcelscope.pipelines.calibrate import read_owner_list
from parcelscope.pipelines.run_folder import Run, read_run

SHARES = (0.02, 0.05, 0.10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBelow:
    """How many compliant scans have a p-value of at most `share`."""

    share: float
    count: int
    total: int
    chance: float | None
    """Of a count at least as far off, were the p-values right; None where none can be so low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniformity:
    """The p-values of compliant scans of one scanner."""

    scanner: str
    input: InputKind
    own: bool
    """Whether the bundle has a calibration for this very scanner."""
    genuine: int
    """Compliant scans that the p-values were taken from."""
    below: tuple[SharedBelow, ...]
    distance: float
    """Kolmogorov-Smirnov distance from the uniform distribution, 0 to 1."""
    chance: float
    """Of a distance at least as large, were they uniform."""


def evaluate_p_values(
    run_folder: Path, *, bundle_folder: Path | None = None, owner_list: Path | None = None
) -> list[Uniformity]:
    """How uniform the anomaly p-values of a run on compliant parcels are, scanner by scanner.

    Args:
        run_folder: As `screen` wrote it.
        bundle_folder: The bundle of that run; the built-in one if None.
        owner_list: Compliant parcels, one id per line; None takes all as compliant.

    Raises:
        RunError: If there is no complete run, its feed is gone, or it had another bundle.
        ConfigError: If the list names an owner that the feed does not have.
    """
    run = read_run(run_folder)
    folder = builtin_bundle_folder() if bundle_folder is None else bundle_folder
    bundle, digest = load_bundle(folder)
    if digest != run.card.bundle.digest:
        raise RunError(
            f"{run_folder}: expected a run of the bundle {folder} ({digest[:12]}), got one of"
            f" {run.card.bundle.name} {run.card.bundle.version} ({run.card.bundle.digest[:12]});"
            " name the run's bundle with --bundle"
        )
    feed_folder = Path(run.card.feed)
    if feed_url(run.card.feed) is None and not feed_folder.is_dir():
        raise RunError(f"{run_folder}: expected the feed of the run in {feed_folder}, found none")
    feed = read_feed(feed_folder)
    scored = _scored(run, feed.images)
    if owner_list is not None:
        among = [name for kind, name in read_owner_list(owner_list, feed) if kind == "parcel"]
        scored = scored.filter(pl.col("owner_id").is_in(among))
    found = []
    groups = scored.partition_by("scanner_model", "scanner_software", "input", as_dict=True)
    for (model, software, kind), part in sorted(groups.items(), key=str):
        card = bundle.card("xray.anomaly", kind)
        if card is not None:
            p_values = part.get_column("p_value").to_numpy()
            found.append(uniformity(p_values, card, model, software))
    return found


def uniformity(
    p_values: npt.NDArray[np.float64], card: DetectorCard, model: str | None, software: str | None
) -> Uniformity:
    """How far `p_values` (N,) of compliant scans of one scanner are from uniform.

    The chances allow for the calibration's own size: from n compliant scans, the share of later
    ones with a p-value of at most s follows Beta(k, n + 1 - k), with k = floor((n + 1) s).
    """
    genuine = card.for_scanner(model, software).genuine[SCAN]
    total, stored = len(p_values), len(genuine.top)
    # Only the tail is stored: a p-value above the tail's share is a lower bound of the true one.
    cap = (1 + stored) / (1 + genuine.count) if stored < genuine.count else 1.0
    ordered = np.sort(np.minimum(p_values, cap))
    known = ordered[ordered < cap]
    # P-values come in steps of 1 / (n + 1): compared at each one seen, and at the step before it.
    steps = np.concatenate([known, known - 1 / (genuine.count + 1)])
    at_most = np.searchsorted(ordered, steps + 1e-9, side="right") / total
    distance = float(np.abs(at_most - steps).max(initial=0.0))
    effective = total * genuine.count / (total + genuine.count)
    return Uniformity(
        scanner=f"{model or 'not named'} {software or ''}".strip(),
        input=card.input,
        own=card.calibration(model, software) is not None,
        genuine=genuine.count,
        below=tuple(_below(p_values, share, genuine.count) for share in SHARES),
        distance=distance,
        chance=float(kstwobign.sf(np.sqrt(effective) * distance)),
    )


def _below(p_values: npt.NDArray[np.float64], share: float, genuine: int) -> SharedBelow:
    count, total = int((p_values <= share).sum()), len(p_values)
    rank = int(round((genuine + 1) * share, 9))
    chance = None
    if rank >= 1:
        counts = betabinom(total, rank, genuine + 1 - rank)
        chance = float(min(1.0, 2 * min(counts.cdf(count), counts.sf(count - 1))))
    return SharedBelow(share=share, count=count, total=total, chance=chance)


def as_markdown(rows: list[Uniformity]) -> str:
    """A table with one line for each scanner and kind of scan."""
    return "\n".join(_lines(rows))


def _lines(rows: list[Uniformity]) -> Iterator[str]:
    heads = "".join(f" p <= {share:g} |" for share in SHARES)
    yield f"| scanner | input | judged by | scans |{heads} distance from uniform |"
    yield "|---|---|---|---|" + "---|" * (len(SHARES) + 1)
    for row in rows:
        whose = "its own" if row.own else "the bundle's own"
        yield (
            f"| {row.scanner} | {row.input} | {row.genuine:,} scans, {whose} |"
            f" {row.below[0].total:,} |{''.join(map(_cell, row.below))}"
            f" {row.distance:.3f} (chance {row.chance:.2g}) |"
        )


def _cell(below: SharedBelow) -> str:
    chance = "out of reach" if below.chance is None else f"chance {below.chance:.2g}"
    return f" {below.count} = {below.count / below.total:.1%} ({chance}) |"


def _scored(run: Run, images: pl.DataFrame) -> pl.DataFrame:
    """One row with its p-value for each scan that has one for its anomaly."""
    kind = pl.when(pl.col("energy") == "colour").then(pl.lit("colour")).otherwise(pl.lit("dual"))
    named = images.select(
        "owner_id", "scanner_model", "scanner_software", image_path=pl.col("path"), input=kind
    ).unique(["owner_id", "image_path"])
    return (
        run.findings.filter((pl.col("code") == "anomaly.scan") & pl.col("p_value").is_not_null())
        .select("owner_id", "image_path", "p_value")
        .join(named, on=["owner_id", "image_path"], how="inner")
    )
