"""Geometry of the report's small charts. Numbers only: the template draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WIDTH = 320.0
"""Width of a chart in its own units; the page scales it."""
PLOT_HEIGHT = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a histogram, in chart units, y downwards."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Columns over an axis from 0 to 1."""

    columns: tuple[Column, ...]
    flagged: tuple[Column, ...]
    """The flagged share of each column, drawn over it."""
    highest: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bar of a ranked list."""

    label: str
    value: int
    share: float
    """Length relative to the longest bar, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A named place on the axis."""

    x: float
    label: str
    label_x: float
    anchor: str
    """Which end of the label lies at `label_x`: `start` or `end`."""


def tick(share: float, label: str, *, before: bool = False) -> Tick:
    """A place on the axis from 0 to 1, its label after it, or `before` it."""
    x = share * WIDTH
    # A label that would leave the chart goes to the other side.
    before = (before or x > 0.8 * WIDTH) and x > 0.2 * WIDTH
    return Tick(
        x=x, label=label, label_x=x - 4 if before else x + 4, anchor="end" if before else "start"
    )


def risk_histogram(
    risk: npt.NDArray[np.float64], flagged: npt.NDArray[np.bool_], *, bins: int = 20
) -> Histogram:
    """How the risks of one run are spread.

    Heights go with the square root of the count: a few high risks stand beside thousands of low
    ones, and must be seen.

    Args:
        risk: (N,) 0 to 1.
        flagged: (N,) whether the same parcel or carton was flagged.
        bins: Columns.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    counts = np.histogram(risk, edges)[0]
    marked = np.histogram(risk[flagged], edges)[0]
    highest = int(counts.max(initial=0))
    unit = PLOT_HEIGHT / np.sqrt(max(highest, 1))
    width = WIDTH / bins

    def column(index: int, count: int) -> Column:
        height = float(unit * np.sqrt(count))
        low, high = edges[index], edges[index + 1]
        title = (
            f"risk {low:.2f} to {high:.2f}: {int(counts[index]):,}, {int(marked[index]):,} flagged"
        )
        return Column(
            x=index * width + 1,
            y=PLOT_HEIGHT - height,
            width=width - 2,
            height=height,
            title=title,
        )

    return Histogram(
        columns=tuple(column(i, int(n)) for i, n in enumerate(counts) if n),
        flagged=tuple(column(i, int(n)) for i, n in enumerate(marked) if n),
        highest=highest,
        total=int(risk.size),
    )


def ranked(values: Sequence[tuple[str, int]], *, most: int = 10) -> tuple[Row, ...]:
    """The largest `values` as bars, longest first; a longer tail is summed into a last row."""
    ordered = sorted(values, key=lambda item: (-item[1], item[0]))
    head, tail = ordered[:most], ordered[most:]
    if len(tail) == 1:
        head, tail = ordered, []
    longest = max((value for _, value in head), default=0) or 1
    rows = [Row(label=label, value=value, share=value / longest) for label, value in head]
    if tail:
        rest = sum(value for _, value in tail)
        # Without a bar: a sum of many would dwarf each of them.
        rows.append(Row(label=f"{len(tail)} others together", value=rest, share=0.0))
    return tuple(rows)
