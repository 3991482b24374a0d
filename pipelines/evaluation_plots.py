"""Charts of an evaluation as SVG, in the colours of the report. Needs `[eval]`."""

import io
from typing import Any

import numpy as np

from parcelscope.pipelines.judgement import Chart, Series

PANEL, LINE, TEXT, SOFT = "#232528", "#3b3e43", "#e9eaeb", "#b4b8bd"
COLOURS = (
    "#ff7388", "#7cc4ff", "#f2c14e", "#7fd8a4", "#c79bff", "#ff9f5a", "#5fd3d8", "#d9d9d9",
    "#a3b18a", "#e08fc0", "#9aa7ff", "#c9a27e",
)  # fmt: skip
SIZE_INCHES = (5.2, 4.0)


def draw(chart: Chart) -> str:
    """`chart` as an SVG document; the same numbers give the same text."""
    # Only here: it takes longer to import than most commands take to run.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "svg.hashsalt": chart.name, "svg.fonttype": "path", "font.size": 10,
        "text.color": TEXT, "axes.labelcolor": SOFT, "xtick.color": SOFT, "ytick.color": SOFT,
        "axes.edgecolor": LINE, "axes.facecolor": PANEL, "figure.facecolor": PANEL,
        "legend.frameon": False, "legend.labelcolor": TEXT, "grid.color": LINE,
    }  # fmt: skip
    with rc_context(style):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.grid(visible=True, linewidth=0.6)
        axes.set_axisbelow(True)
        for number, series in enumerate(chart.series):
            _add(axes, series, COLOURS[number % len(COLOURS)])
        for place in chart.marks_x:
            axes.axvline(place, color=SOFT, linewidth=0.8, linestyle=(0, (2, 3)))
        if chart.diagonal:
            _diagonal(axes, chart)
        if chart.unit_square:
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1.02)
        axes.set_xlabel(chart.x_label)
        axes.set_ylabel(chart.y_label)
        if any(series.name for series in chart.series):
            axes.legend(fontsize=8, loc="best")
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _add(axes: Any, series: Series, colour: str) -> None:
    label = series.name or None
    if series.style == "bars":
        axes.bar(series.x, series.y, width=0.09, color=SOFT, alpha=0.3, label=label, zorder=1)
    elif series.style == "points" and series.low is not None and series.high is not None:
        spread = np.abs(np.stack([series.y - series.low, series.high - series.y]))
        axes.errorbar(
            series.x, series.y, yerr=spread, fmt="o", markersize=3, color=colour, linewidth=0.6,
            alpha=0.7, label=label,
        )  # fmt: skip
    elif series.style == "points":
        axes.plot(series.x, series.y, "o-", color=colour, linewidth=1, markersize=5, label=label)
    else:
        axes.plot(series.x, series.y, color=colour, linewidth=1.6, label=label)


def _diagonal(axes: Any, chart: Chart) -> None:
    end = 1.0
    if not chart.unit_square:
        end = max(float(max(series.x.max(), series.y.max())) for series in chart.series)
    axes.plot([0, end], [0, end], color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
