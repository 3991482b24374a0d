"""What `parcelscope bench` prints for people."""

from collections.abc import Iterator

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from parcelscope.pipelines.bench_card import BenchCard


def print_bench(card: BenchCard, console: Console) -> None:
    """Print `card` as tables, and what follows from it in a few lines."""
    console.print(f"{card.bundle} on {card.provider} ({card.precision}), {card.workers} workers,")
    console.print(f"{card.cores} cores of {card.processor}")
    console.print(f"Feed: {card.feed}")
    console.print(_components(card))
    for line in _summary(card):
        console.print(line)
    if card.lines:
        console.print(_lines(card))
    for line in _comparisons(card):
        console.print(line)
    for note in card.notes:
        console.print(f"Note: {note}")


def _components(card: BenchCard) -> Table:
    table = Table(title="Components, alone on one core", title_justify="left", box=SIMPLE)
    table.add_column("component", no_wrap=True)
    for name in ("calls", "CPU ms", "wall ms", "CPU ms a parcel", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in card.components:
        table.add_row(
            f"{one.name} (device)" if one.on_device else one.name,
            f"{one.calls_per_parcel:.2f}",
            f"{one.cpu_ms:.2f}",
            f"{one.wall_ms:.2f}",
            f"{one.cpu_ms_per_parcel:.2f}",
            f"{one.share:.0%}",
        )
    table.add_section()
    table.add_row("sum", "", "", "", f"{card.cpu_ms_per_parcel:.2f}", "100%")
    return table


def _summary(card: BenchCard) -> Iterator[str]:
    engine = card.engine
    others = "" if engine.cores_of_others is None else f", others {engine.cores_of_others:.2f}"
    yield f"Bound:    {card.bound_parcels_per_s:8.1f} parcels/s, set by {card.binding_stage}"
    yield (
        f"Achieved: {card.parcels_per_s:8.1f} parcels/s, {card.bound_fraction:.2f} of the bound;"
        f" {engine.mb_per_s:.0f} MB/s of images"
    )
    yield (
        f"CPU:      {engine.cpu_ms_per_parcel:8.2f} ms a parcel, of which the components are"
        f" {card.cpu_bound_fraction:.2f}; {engine.cores_used:.2f} cores used{others}"
    )


def _lines(card: BenchCard) -> Table:
    title = "Parcels a second, the engine against the naive loop"
    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("components", no_wrap=True)
    for name in ("engine", "loop", "speed-up", "by CPU time"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in card.lines:
        table.add_row(
            line.components,
            f"{line.engine_parcels_per_s:.1f}",
            f"{line.naive_parcels_per_s:.1f}",
            f"{line.speedup:.2f}x",
            f"{line.cpu_speedup:.2f}x",
        )
    return table


def _comparisons(card: BenchCard) -> Iterator[str]:
    if card.naive is not None:
        naive = card.naive
        yield (
            f"The loop scored {naive.parcels} parcels: scores at most"
            f" {naive.largest_score_difference:.4f} apart, the same {naive.flags} flags."
        )
    if card.yolo is not None:
        yolo = card.yolo
        yield (
            f"ultralytics predict, YOLOv8 with {yolo.parameters:,} parameters (xray.items:"
            f" {yolo.our_parameters:,}) at {yolo.size_hw[1]}x{yolo.size_hw[0]}:"
            f" {yolo.cpu_ms:.1f} ms of CPU a scan, ours {yolo.our_cpu_ms:.1f} ms,"
            f" {yolo.cpu_speedup:.1f}x"
        )
