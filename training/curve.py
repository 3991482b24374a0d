"""The learning curve, as a table and as a picture."""

import csv
import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path

from parcelscope.datasets.writing import write_text_whole, write_whole

Row = dict[str, float]
"""One point: `pictures` shown, the running `loss`, and what the evaluation gave."""


def write_curve(history: Sequence[Row], folder: Path, *, title: str) -> list[str]:
    """Write `curve.csv` and, where matplotlib is installed, `curve.png`; sentences about it.

    Args:
        history: The points, in order.
        folder: Where to.
        title: What was learned.
    """
    _write_table(history, folder / "curve.csv")
    if importlib.util.find_spec("matplotlib") is None:
        return ["curve.png was left out, as matplotlib is not installed; curve.csv has its points"]
    _write_picture(history, folder / "curve.png", title)
    return []


def _write_table(history: Sequence[Row], path: Path) -> None:
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text_whole(path, text.getvalue())


def _write_picture(history: Sequence[Row], path: Path, title: str) -> None:
    from matplotlib.figure import Figure  # only here: it takes a second to import

    names = list(dict.fromkeys(name for row in history for name in row if name != "pictures"))
    figure = Figure(figsize=(7, 2.2 * len(names)), layout="constrained")
    for axes, name in zip(figure.subplots(len(names), 1, squeeze=False)[:, 0], names, strict=True):
        points = [(row["pictures"], row[name]) for row in history if name in row]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3)
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
    axes.set_xlabel("pictures shown")
    figure.suptitle(title)
    # Without the version of matplotlib, so that a resumed training writes the same bytes.
    write_whole(path, lambda file: figure.savefig(file, format="png", metadata={"Software": None}))
