"""What an evaluation of a detector comes to: figures, tables, charts, and what was not assessed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from parcelscope.training.metrics import Figure

Floats = npt.NDArray[np.float64]
FALSE_ALARMS = (0.01, 0.02, 0.05, 0.18)
"""Shares at which recall is told; 18 % is that of the one published result on parcels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFigure:
    """One figure, with the name that programs know it by."""

    key: str
    """Such as `map50` or `recall_at_2_percent`."""
    what: str
    figure: Figure
    unit: str = ""
    on: str = "images"
    """What its count counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """What could not be assessed, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the page."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One line or set of points of a chart."""

    name: str
    x: Floats
    y: Floats
    style: Literal["line", "points", "bars"] = "line"
    low: Floats | None = None
    """Lower ends of the error bars."""
    high: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chart:
    """A chart, as numbers; `evaluation_plots` draws it."""

    name: str
    """Of its file."""
    title: str
    note: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    diagonal: bool = False
    """Whether the line that a perfect result lies on is drawn."""
    marks_x: tuple[float, ...] = ()
    """Places on the x axis worth a line."""
    unit_square: bool = True
    """Whether both axes go from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Everything that was found out about one detector on one kind of image."""

    figures: Sequence[NamedFigure] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    unjudged: Sequence[Unjudged] = field(default_factory=tuple)

    def __add__(self, other: "Judged") -> "Judged":
        """Both, one after the other."""
        return Judged(
            figures=(*self.figures, *other.figures),
            tables=(*self.tables, *other.tables),
            charts=(*self.charts, *other.charts),
            unjudged=(*self.unjudged, *other.unjudged),
        )


def told(figure: Figure) -> str:
    """A figure with its interval: `0.812 (0.780 to 0.841)`."""
    if not np.isfinite(figure.value):
        return "not assessed"
    interval = interval_words(figure)
    return number_words(figure.value) + (f" ({interval})" if interval else "")


def interval_words(figure: Figure) -> str:
    """The interval alone; empty where there is none."""
    if not (np.isfinite(figure.low) and np.isfinite(figure.high)):
        return ""
    return f"{number_words(figure.low)} to {number_words(figure.high)}"


def number_words(value: float) -> str:
    """A number with the digits that are worth reading: `0.812`, `14.6`, `1,417`."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def plain(value: float, count: int) -> Figure:
    """A figure without an interval."""
    return Figure(value=value, low=float("nan"), high=float("nan"), count=count)
