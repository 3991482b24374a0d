"""`parcelscope bundle card`: what a bundle is for, rests on, and must not be used for.

Everything in it is read from the bundle, and from evaluations that are named; nothing is claimed
that neither of them says.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.writing import write_text_whole
from parcelscope.models.bundle import Bundle, DetectorCard, FusionModel, GenuineScores
from parcelscope.models.calibration_size import SURE, upper_bound
from parcelscope.models.signature import Signature
from parcelscope.pipelines.bundle_text import band_text, canvas_text
from parcelscope.pipelines.pages import page_environment

MARKDOWN: Final = "MODEL_CARD.md"
PAGE: Final = "model-card.html"
PURPOSE: Final[dict[str, str]] = {
    "xray.items": "shapes like items of interest in an X-ray scan of one parcel",
    "xray.pieces": "how many inner parcels an X-ray scan of a master carton shows",
    "xray.anomaly": "how unlike compliant scans an X-ray scan is, and where most",
    "photo.anomaly": "how unlike photos of good pieces of one product a photo is, and where most",
    "xray.contents": "how little support an X-ray scan lends to the goods that were declared",
}
INTENDED: Final = (
    "Ranking parcels and master cartons of a mail facility, so that the few that differ most from"
    " their manifest or from compliant scans are opened first. A person decides on each of them.",
    "Use on scans of the kinds named below, from scanners whose compliant scans it was calibrated"
    " on.",
)
NOT_FOR: Final = (
    "Deciding without a person: the output is an order and a reason, no finding of fact.",
    "Saying that goods are counterfeit or forbidden: it says in what a scan or row differs.",
    "Proof in a proceeding, or a measure against a sender or consignee by itself.",
    "Aviation security or explosives screening, for which equipment needs a certificate.",
    "People: it has never seen a body scan, and must see none.",
    "Skipping checks that the law asks for because a score is low: a low score is no clearance.",
)
MEASURES: Final[dict[str, str]] = {
    "parity_batch_1": "largest difference from the trained network, scans one by one",
    "parity_batch_2": "the same, two at a time",
    "parity_batch_5": "the same, five at a time",
    "parity_order": "the same, in reversed order",
    "calibration_count_mae": "mean error of the count on calibration cartons, in pieces",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a heading."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the card, for both formats."""

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures that `evaluate run` printed."""

    name: str
    lines: tuple[dict[str, Any], ...]


def write_model_card(
    out: Path,
    bundle: Bundle,
    digest: str,
    signature: Signature | None,
    evaluations: Sequence[Evaluation],
) -> tuple[Path, Path]:
    """Write the card of `bundle` into the folder `out`, as Markdown and as a page."""
    sections = card_sections(bundle, digest, signature, evaluations)
    title = f"{bundle.name} {bundle.version}"
    paths = out / MARKDOWN, out / PAGE
    write_text_whole(paths[0], as_markdown(title, sections))
    write_text_whole(paths[1], as_page(title, sections))
    return paths


def read_evaluation(path: Path) -> Evaluation:
    """The figures in the file `path`, which `evaluate run` left in a run folder.

    Raises:
        RunError: If it is none.
    """
    try:
        lines = json.loads(path.read_text(encoding="utf-8"))
        for line in lines:
            line["what"], line["figure"]["value"], line["figure"]["count"]
    except OSError as error:
        raise RunError(f"{path}: expected an evaluation, got: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise RunError(
            f"{path}: expected the evaluation.json that `parcelscope evaluate run` wrote"
        ) from None
    return Evaluation(name=f"{path.parent.name}/{path.name}", lines=tuple(lines))


def card_sections(
    bundle: Bundle, digest: str, signature: Signature | None, evaluations: Sequence[Evaluation]
) -> list[Section]:
    """The whole card, in the order in which it is read."""
    return [
        _identity(bundle, digest, signature),
        Section(title="Intended use", points=INTENDED),
        Section(title="Must not be used for", points=NOT_FOR),
        _detectors(bundle),
        _data(bundle),
        *_figures(bundle, evaluations),
        *_calibration(bundle),
        *_masses(bundle),
        *_references(bundle),
        _risk(bundle),
        _limits(bundle, evaluations),
    ]


def as_markdown(title: str, sections: Sequence[Section]) -> str:
    """The card as Markdown."""
    blocks = [f"# Model card: {_escaped(title)}"]
    for section in sections:
        blocks.append(f"## {section.title}")
        blocks += map(_escaped, section.paragraphs)
        if section.points:
            blocks.append("\n".join(f"- {_escaped(point)}" for point in section.points))
        if section.table is not None:
            rows = [section.table.head, tuple("---" for _ in section.table.head)]
            rows += [tuple(map(_escaped, row)) for row in section.table.rows]
            blocks.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(blocks) + "\n"


def as_page(title: str, sections: Sequence[Section]) -> str:
    """The card as one HTML page that asks nobody for anything."""
    template = page_environment().get_template("model_card.html")
    return template.render(title=title, sections=sections)


def _identity(bundle: Bundle, digest: str, signature: Signature | None) -> Section:
    signed = "not signed" if signature is None else f"signed by key {signature.key_id}"
    return Section(
        title="What it is",
        table=Table(
            head=("", ""),
            rows=(
                ("name and version", f"{bundle.name} {bundle.version}"),
                ("digest of its card", digest),
                ("signature", signed),
                ("created", bundle.created),
                ("licence", bundle.licence),
            ),
        ),
    )


def _detectors(bundle: Bundle) -> Section:
    return Section(
        title="Detectors",
        table=Table(
            head=("detector", "scans", "says", "classes", "canvas", "licence"),
            rows=tuple(
                (
                    card.detector,
                    card.input,
                    PURPOSE.get(card.detector, ""),
                    ", ".join(card.classes),
                    canvas_text(card),
                    card.licence or "that of the bundle",
                )
                for card in bundle.detectors
            ),
        ),
    )


def _data(bundle: Bundle) -> Section:
    own = tuple(
        f"{_place(card)}: {card.training_data}" for card in bundle.detectors if card.training_data
    )
    return Section(title="Training data", paragraphs=(bundle.training_data,), points=own)


def _figures(bundle: Bundle, evaluations: Sequence[Evaluation]) -> Iterator[Section]:
    rows = tuple(row for card in bundle.detectors for row in _metric_rows(card))
    if rows:
        yield Section(
            title="Figures in the bundle",
            table=Table(head=("detector", "what", "figure", "95 % interval"), rows=rows),
        )
    for evaluation in evaluations:
        yield Section(
            title=f"Figures of {evaluation.name}",
            table=Table(
                head=("what", "figure", "95 % interval", "on"),
                rows=tuple(_evaluation_row(line) for line in evaluation.lines),
            ),
        )
    if not evaluations:
        yield Section(
            title="Figures on whole runs",
            paragraphs=("No evaluation was named when this card was written, so none is claimed.",),
        )


def _metric_rows(card: DetectorCard) -> Iterator[tuple[str, ...]]:
    for name, value in card.metrics.items():
        stem = name.removesuffix("_low").removesuffix("_high")
        if stem != name and stem in card.metrics:
            continue
        low, high = (card.metrics.get(f"{name}_{end}") for end in ("low", "high"))
        interval = "" if low is None or high is None else f"{low:.4g} to {high:.4g}"
        yield _place(card), MEASURES.get(name, name.replace("_", " ")), f"{value:.4g}", interval


def _evaluation_row(line: dict[str, Any]) -> tuple[str, ...]:
    figure = line["figure"]
    low, high = figure.get("low"), figure.get("high")
    known = isinstance(low, float) and isinstance(high, float) and low == low and high == high
    unit = f" {line['unit']}" if line.get("unit") else ""
    return (
        str(line["what"]).strip(),
        f"{figure['value']:.3f}{unit}",
        f"{low:.3f} to {high:.3f}" if known else "",
        f"{figure['count']:,}",
    )


def _calibration(bundle: Bundle) -> Iterator[Section]:
    rows = tuple(row for card in bundle.detectors for row in _genuine_rows(card))
    counts = tuple(
        f"{_place(card)}: the count's interval covers {card.count.coverage:.0%} of calibration"
        " cartons."
        for card in bundle.detectors
        if card.count is not None
    )
    yield Section(
        title="Calibration",
        paragraphs=(
            "A p-value is the share of compliant scans that score at least as high. It holds for"
            " scanners, settings and goods like those of the scans below, and for no others.",
        ),
        points=counts,
        table=Table(
            head=("detector", "scanner", "class", "compliant scans", "threshold", "reach it"),
            rows=rows,
        )
        if rows
        else None,
    )


def _genuine_rows(card: DetectorCard) -> Iterator[tuple[str, ...]]:
    sets = [("any", card.genuine, card.thresholds)]
    sets += [
        (
            f"{one.scanner_model} {one.scanner_software or ''}".strip(),
            one.genuine,
            card.thresholds | one.thresholds,
        )
        for one in card.calibrations
    ]
    for scanner, genuine, thresholds in sets:
        for name, scores in genuine.items():
            threshold = thresholds.get(name)
            yield (
                _place(card),
                scanner,
                name,
                f"{scores.count:,}",
                "" if threshold is None else f"{threshold:.3f}",
                "" if threshold is None else _reach(scores, threshold),
            )


def _reach(scores: GenuineScores, threshold: float) -> str:
    """How many compliant scans reach the threshold, and how many of all may."""
    reach = sum(score >= threshold for score in scores.top)
    if reach == len(scores.top) < scores.count:
        return f"{reach} or more"
    return f"{reach}, at most {upper_bound(reach, scores.count):.2%} of all ({SURE:.0%} sure)"


def _risk(bundle: Bundle) -> Section:
    return Section(
        title="From findings to risk",
        paragraphs=(
            "The risk is a logistic regression on the strengths of findings, calibrated by knots.",
        ),
        points=tuple(
            _fusion_words(kind, model)
            for kind, model in (
                ("parcels", bundle.parcel_fusion),
                ("cartons", bundle.carton_fusion),
            )
        ),
    )


def _references(bundle: Bundle) -> Iterator[Section]:
    if bundle.references is None:
        return
    yield Section(
        title="Genuine references",
        paragraphs=("Photos are compared with these, and with nothing else.",),
        table=Table(
            head=("SKU", "brand", "genuine photos", "left out", "source"),
            rows=tuple(
                (one.sku, one.brand or "", str(one.photos), str(one.left_out), one.source)
                for one in bundle.references.cards
            ),
        ),
    )


def _masses(bundle: Bundle) -> Iterator[Section]:
    if not bundle.mass:
        return
    yield Section(
        title="Mass from one energy",
        paragraphs=(
            "Grams of scans that have not both energies, with a band from weights that were not"
            " learned from. Nothing is estimated on other scanners, nor outside what was fitted.",
        ),
        points=tuple(
            f"{card.input} scans: {card.training_data}"
            + "".join(f"; {band_text(band)}" for band in card.bands)
            for card in bundle.mass
        ),
        table=Table(
            head=("scans", "what", "figure"),
            rows=tuple(
                (card.input, name.replace("_", " "), f"{value:.4g}")
                for card in bundle.mass
                for name, value in card.metrics.items()
            ),
        ),
    )


def _fusion_words(kind: str, model: FusionModel) -> str:
    weights = sorted(model.weights.items(), key=lambda item: -item[1])
    named = ", ".join(f"{code} {weight:.2f}" for code, weight in weights) or "none"
    if model.manifest:
        terms = ", ".join(f"{term.name} {term.weight:.2f}" for term in model.manifest)
        named = f"{named}; of the manifest row {terms}"
    if model.trees is not None:
        named = f"{named}; boosted trees over {len(model.trees.columns)} columns take their place"
    low, high = model.knots_risk[0], model.knots_risk[-1]
    return f"{kind}: weights {named}; risks from {low:.3g} to {high:.3g}"


def _limits(bundle: Bundle, evaluations: Sequence[Evaluation]) -> Section:
    kinds = sorted({card.input for card in bundle.detectors})
    points = [
        f"Looks at {' and '.join(kinds)} scans alone; others are not assessed.",
        "A class that it does not list is not looked for by shape.",
        "Not finding anything says little: its misses are in the figures, where there are any.",
    ]
    if not any(card.calibrations for card in bundle.detectors):
        points.append(
            "Calibrated for no scanner by name: calibrate on your own compliant scans before"
            " relying on a p-value."
        )
    if not evaluations:
        points.append("Nothing in this card says how well it does on your parcels.")
    return Section(
        title="Limits",
        paragraphs=(bundle.notes,) if bundle.notes else (),
        points=tuple(points),
    )


def _place(card: DetectorCard) -> str:
    return f"{card.detector} ({card.input})"


def _escaped(text: str) -> str:
    """Text that stays one cell and no markup, wherever a card's words came from."""
    flat = " ".join(text.split())
    for char in ("\\", "|", "<", "`", "*", "_", "["):
        flat = flat.replace(char, f"\\{char}" if char != "<" else "&lt;")
    return flat
