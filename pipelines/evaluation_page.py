"""An evaluation for people and for programs: one page, a table, `metrics.json`."""

import base64
import datetime
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from parcelscope.datasets.writing import write_text_whole
from parcelscope.pipelines.evaluate_detector import KIND_WORDS, Evaluation
from parcelscope.pipelines.evaluation_plots import draw
from parcelscope.pipelines.judgement import Unjudged, interval_words, number_words, told
from parcelscope.pipelines.pages import page_environment

PAGE: Final = "evaluation.html"
METRICS: Final = "metrics.json"
CHARTS: Final = "charts"
HEADLINES: Final = (
    "map50", "map50_95", "count_mae", "interval_coverage", "auroc", "recall_at_2_percent", "aupro",
    "per_s",
)  # fmt: skip
"""Keys of the figures at the head of the page."""
MOST_HEADLINES: Final = 8


def write_evaluation(evaluation: Evaluation, out: Path) -> None:
    """Write the page, `metrics.json` and the charts into `out`, replacing older ones."""
    charts = {
        f"{kind}-{chart.name}": draw(chart)
        for kind, judged in evaluation.parts
        for chart in judged.charts
    }
    for name, svg in charts.items():
        write_text_whole(out / CHARTS / f"{name}.svg", svg)
    metrics = json.dumps(as_json(evaluation), indent=1, ensure_ascii=False, allow_nan=False)
    write_text_whole(out / METRICS, metrics + "\n")
    write_text_whole(out / PAGE, render(evaluation, charts))


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation for programs: what could not be assessed has no figure."""
    question, bundle = evaluation.question, evaluation.bundle
    return {
        "detector": question.detector,
        "bundle": {
            "name": bundle.name, "version": bundle.version, "digest": evaluation.bundle_digest,
        },
        "data": {
            "name": evaluation.data.name, "digest": evaluation.data.digest,
            "split": question.split, "images": evaluation.images,
        },
        "classes": dict(question.classes or {}),
        "scanner": list(question.scanner),
        "figures": {
            one.key: {
                "what": one.what, "value": one.figure.value, "low": _known(one.figure.low),
                "high": _known(one.figure.high), "count": one.figure.count, "unit": one.unit,
            }
            for one in evaluation.figures()
            if math.isfinite(one.figure.value)
        },
        "not_assessed": [
            {"what": one.what, "why": one.why} for one in not_assessed(evaluation)
        ],
    }  # fmt: skip


def not_assessed(evaluation: Evaluation) -> list[Unjudged]:
    """Everything that could not be assessed."""
    undefined = [
        Unjudged(what=one.what, why="not defined on these images")
        for one in evaluation.figures()
        if not math.isfinite(one.figure.value)
    ]
    found = [one for _, judged in evaluation.parts for one in judged.unjudged]
    return list(dict.fromkeys([*evaluation.unjudged, *found, *undefined]))


def flat_figures(evaluation: Evaluation) -> dict[str, float]:
    """Value and interval of every figure by key: `map50`, `map50_low`, `map50_high`."""
    values: dict[str, float] = {}
    for one in evaluation.figures():
        for suffix, value in (
            ("", one.figure.value), ("_low", one.figure.low), ("_high", one.figure.high),
        ):  # fmt: skip
            if math.isfinite(value):
                values[f"{one.key}{suffix}"] = value
    return values


def as_markdown(evaluation: Evaluation) -> str:
    """The figures as a table."""
    rows = ["| what | figure | 95 % interval | on |", "|---|---|---|---|"]
    for one in evaluation.figures():
        if math.isfinite(one.figure.value):
            figure = one.figure
            value, interval = number_words(figure.value), interval_words(figure)
            rows.append(
                f"| {one.what} | {value} {one.unit} | {interval} | {figure.count:,} {one.on} |"
            )
    rows += [f"| {one.what} | not assessed: {one.why} | | |" for one in not_assessed(evaluation)]
    return "\n".join(rows)


def render(evaluation: Evaluation, charts: Mapping[str, str]) -> str:
    """The page. All text of the data is escaped; charts are inside it."""
    sections = [
        {
            "kind": KIND_WORDS[kind],
            "tables": judged.tables,
            "charts": [
                {
                    "title": chart.title,
                    "note": chart.note,
                    "uri": "data:image/svg+xml;base64,"
                    + base64.b64encode(charts[f"{kind}-{chart.name}"].encode()).decode(),
                }
                for chart in judged.charts
            ],
        }
        for kind, judged in evaluation.parts
    ]
    question, bundle, data = evaluation.question, evaluation.bundle, evaluation.data
    known = [one for one in evaluation.figures() if math.isfinite(one.figure.value)]
    facts = [
        ("Bundle", f"{bundle.name} {bundle.version}, digest {evaluation.bundle_digest}"),
        ("Trained on", bundle.training_data),
        ("Data", f"{data.name}, split {question.split}, digest {data.digest}"),
        ("Source of the data", f"{data.source} (licence: {data.licence})"),
        ("Classes", ", ".join(f"{a} as {b}" for a, b in (question.classes or {}).items())
         or "by their own names"),
        ("Pixel pitch", "not known" if question.pitch_mm is None else f"{question.pitch_mm:g} mm"),
        ("Calibration", _scanner_words(question.scanner)),
        ("Made", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]  # fmt: skip
    return (
        page_environment()
        .get_template("evaluation.html")
        .render(
            detector=question.detector,
            data_name=data.name,
            split=question.split,
            images=evaluation.images,
            totals=[
                (one.what, told(one.figure), one.unit)
                for one in known
                if one.key.partition(".")[2] in HEADLINES or one.key in HEADLINES
            ][:MOST_HEADLINES],
            figures=[(one.what, told(one.figure), one.unit, one.figure.count, one.on)
                     for one in known],
            sections=sections,
            unjudged=not_assessed(evaluation),
            facts=facts,
        )
    )  # fmt: skip


def _scanner_words(scanner: tuple[str | None, str | None]) -> str:
    model, software = scanner
    return "the bundle's default" if model is None else f"of scanner {model} {software or ''}"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
