"""From what was measured to what it means: bound, fractions, ratios."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.inference.detectors import Detectors
from parcelscope.inference.providers import ON_GPU
from parcelscope.inference.scan_scoring import KINDS, NAMES
from parcelscope.pipelines.bench_card import (
    BenchCard,
    ComponentCard,
    EngineCard,
    LineCard,
    NaiveCard,
    YoloCard,
)
from parcelscope.pipelines.bench_clock import Spent
from parcelscope.pipelines.bench_naive import NaiveRun
from parcelscope.pipelines.bench_parts import (
    DECODE_SCANS,
    PLACE,
    READ_SCANS,
    Costs,
)
from parcelscope.pipelines.bench_yolo import YoloRun
from parcelscope.pipelines.versions import versions

BUSY_CORES: Final = 0.15
"""Cores of other processes above which wall-clock figures say little about the engine."""
MODELS: Final = frozenset(f"{name} {kind}" for name in NAMES for kind in KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The naive loop, and how far it agrees with the engine."""

    loop: NaiveRun
    largest_score_difference: float
    flags: int
    """Parcels flagged by both alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The engine and the naive loop, both run over the same part of the work."""

    components: str
    """Which part."""
    engine: Spent
    engine_owners: int
    naive: Spent
    naive_owners: int

    @classmethod
    def of(cls, components: str, engine: Spent, engine_owners: int, loop: NaiveRun) -> "Line":
        """The engine's `engine_owners` beside those of `loop`."""
        return cls(
            components=components,
            engine=engine,
            engine_owners=engine_owners,
            naive=loop.spent,
            naive_owners=len(loop.owners),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that one run of the benchmark measured."""

    feed: Feed
    bundle: str
    detectors: Detectors
    workers: int
    cores: int
    costs: Costs
    engine_owners: int
    engine: Spent
    naive: Agreement | None = None
    lines: tuple[Line, ...] = ()
    yolo: YoloRun | None = None


def bench_card(measured: Measured) -> BenchCard:
    """What `measured` means."""
    components = _components(measured)
    cpu_ms = sum(one.cpu_ms_per_parcel for one in components)
    engine = _engine(measured)
    bound, binding = _bound(components, min(measured.workers, measured.cores))
    fraction = engine.parcels_per_s / bound
    naive = None if measured.naive is None else _naive(measured.naive)
    lines = tuple(map(_line, measured.lines))
    everything = lines[-1] if lines else None
    provider = measured.detectors.provider
    return BenchCard(
        bound_fraction=fraction,
        cpu_bound_fraction=cpu_ms / engine.cpu_ms_per_parcel,
        parcels_per_s=engine.parcels_per_s,
        bound_parcels_per_s=bound,
        speedup_over_naive=None if everything is None else everything.speedup,
        cpu_speedup_over_naive=None if everything is None else everything.cpu_speedup,
        binding_stage=binding,
        cpu_ms_per_parcel=cpu_ms,
        workers=measured.workers,
        cores=measured.cores,
        processor=processor(),
        provider="cpu" if provider is None else provider.name,
        precision="fp32" if provider is None else provider.precision,
        bundle=measured.bundle,
        feed=_feed_words(measured.feed),
        components=components,
        engine=engine,
        naive=naive,
        lines=lines,
        yolo=None if measured.yolo is None else _yolo(measured.yolo, components),
        notes=tuple(_notes(measured)),
        versions=versions(),
    )


def _components(measured: Measured) -> tuple[ComponentCard, ...]:
    owners, total = measured.costs.owners, measured.costs.cpu_s
    provider = measured.detectors.provider
    accelerated = provider is not None and provider.name in ON_GPU
    cards = [
        ComponentCard(
            name=name,
            calls_per_parcel=cost.calls / owners,
            cpu_ms=1e3 * cost.cpu_s / cost.calls,
            wall_ms=1e3 * cost.wall_s / cost.calls,
            cpu_ms_per_parcel=1e3 * cost.cpu_s / owners,
            share=cost.cpu_s / total,
            on_device=accelerated and name in MODELS,
        )
        for name, cost in measured.costs.by_name.items()
    ]
    return tuple(sorted(cards, key=lambda card: -card.cpu_ms_per_parcel))


def _bound(components: tuple[ComponentCard, ...], cores: int) -> tuple[float, str]:
    """Parcels a second that the components allow, and the dearest of those that set it."""
    by_cpu = cores * 1e3 / sum(one.cpu_ms_per_parcel for one in components)
    dearest = max(components, key=lambda one: one.cpu_ms_per_parcel)
    device = [one for one in components if one.on_device]
    device_ms = {one.name: one.wall_ms * one.calls_per_parcel for one in device}
    by_device = 1e3 / sum(device_ms.values()) if device_ms else by_cpu
    if by_device < by_cpu:
        return by_device, max(device_ms, key=lambda name: device_ms[name])
    return by_cpu, dearest.name


def _engine(measured: Measured) -> EngineCard:
    spent, owners = measured.engine, measured.engine_owners
    one_pass = measured.feed.parcels.height + measured.feed.cartons.height
    rate = owners / spent.wall_s
    return EngineCard(
        parcels=owners,
        parcels_per_s=rate,
        cpu_ms_per_parcel=1e3 * spent.cpu_s / owners,
        cores_used=spent.cores,
        cores_of_others=spent.others_cores,
        mb_per_s=rate * _bytes(measured.feed) / one_pass / 1e6,
    )


def _naive(naive: Agreement) -> NaiveCard:
    spent, owners = naive.loop.spent, len(naive.loop.owners)
    return NaiveCard(
        parcels=owners,
        parcels_per_s=owners / spent.wall_s,
        cpu_ms_per_parcel=1e3 * spent.cpu_s / owners,
        cores_of_others=spent.others_cores,
        largest_score_difference=naive.largest_score_difference,
        flags=naive.flags,
    )


def _line(line: Line) -> LineCard:
    engine_s = line.engine.wall_s / line.engine_owners
    naive_s = line.naive.wall_s / line.naive_owners
    naive_cpu_s = line.naive.cpu_s / line.naive_owners
    return LineCard(
        components=line.components,
        engine_parcels_per_s=1 / engine_s,
        naive_parcels_per_s=1 / naive_s,
        speedup=naive_s / engine_s,
        cpu_speedup=naive_cpu_s / (line.engine.cpu_s / line.engine_owners),
    )


def _yolo(run: YoloRun, components: tuple[ComponentCard, ...]) -> YoloCard:
    by_name = {one.name: one for one in components}
    kind = "dual" if "xray.items dual" in by_name else "colour"
    parts = (READ_SCANS, DECODE_SCANS, PLACE, f"xray.items {kind}")
    ours = sum(by_name[name].cpu_ms for name in parts)
    theirs = 1e3 * run.cpu_s / run.pictures
    return YoloCard(
        parameters=run.parameters,
        our_parameters=run.our_parameters,
        size_hw=run.size_hw,
        pictures=run.pictures,
        cpu_ms=theirs,
        wall_ms=1e3 * run.wall_s / run.pictures,
        our_cpu_ms=ours,
        cpu_speedup=theirs / ours,
    )


def _notes(measured: Measured) -> list[str]:
    """What to know before believing the figures."""
    notes = []
    taken = measured.engine.others_cores
    if taken is None:
        notes.append("This system does not say what other processes used; run it on an idle one.")
    elif taken > BUSY_CORES:
        notes.append(
            f"Other processes kept {taken:.1f} of {measured.cores} cores busy while the engine ran:"
            " rates by the wall clock are too low. Ratios of CPU time hardly suffer."
        )
    if measured.naive is not None and measured.naive.loop.spent.others_cores is not None:
        during = measured.naive.loop.spent.others_cores
        if abs(during - (taken or 0.0)) > BUSY_CORES:
            notes.append(
                f"They kept {during:.1f} cores busy during the naive loop, so that the speed-up by"
                " the wall clock compares unlike conditions."
            )
    return notes


def _feed_words(feed: Feed) -> str:
    owners = feed.parcels.height + feed.cartons.height
    kinds = dict(feed.images.group_by("kind").len().iter_rows())
    files = ", ".join(
        f"{kinds[kind] / owners:.2f} {kind} files" for kind in ("scan", "photo") if kind in kinds
    )
    return (
        f"{feed.parcels.height:,} parcels and {feed.cartons.height:,} cartons with {files} and"
        f" {_bytes(feed) / owners / 1e6:.2f} MB each"
    )


def _bytes(feed: Feed) -> int:
    """Of all image files that are there, counted as often as they are named."""
    sizes = {path: _size(feed.root / path) for path in feed.images["path"].unique()}
    return sum(sizes[path] for path in feed.images.select(pl.col("path")).to_series())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def processor() -> str:
    """The processor's name as the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, None) or platform.processor() or f"{os.uname().machine} processor"
