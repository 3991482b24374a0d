"""`parcelscope evaluate detector`: one detector of a bundle against annotated images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, get_args

import cv2

from parcelscope.datasets.annotated import (
    SPLITS,
    AnnotatedImage,
    AnnotatedSet,
    Split,
    read_annotated,
)
from parcelscope.datasets.errors import ConfigError, DatasetError
from parcelscope.inference.annotated_images import INPUT_OF, Answers, answers_of
from parcelscope.inference.detectors import Detector, load_detectors
from parcelscope.models.bundle import (
    Bundle,
    DetectorName,
    InputKind,
    builtin_bundle_folder,
    load_bundle,
)
from parcelscope.pipelines.class_mapping import ClassMapping, map_classes
from parcelscope.pipelines.judge_anomaly import judge_anomaly
from parcelscope.pipelines.judge_boxes import judge_items
from parcelscope.pipelines.judge_pieces import judge_pieces
from parcelscope.pipelines.judgement import Judged, NamedFigure, Unjudged, plain
from parcelscope.pipelines.progress import Report, silent

JUDGED: Final[tuple[DetectorName, ...]] = (
    "xray.items", "xray.pieces", "xray.anomaly", "photo.anomaly",
)  # fmt: skip
KIND_WORDS: Final[dict[InputKind, str]] = {"dual": "both energies", "colour": "colour"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be evaluated."""

    detector: str
    data: Path
    split: Split = "val"
    bundle_folder: Path | None = None
    """The built-in bundle if None."""
    classes: Mapping[str, str] | None = None
    """From a class of the data to one of the detector; equal names need none."""
    pitch_mm: float | None = None
    """Size of a pixel of every image, if known."""
    scanner: tuple[str | None, str | None] = (None, None)
    """Model and software version whose calibration is to be judged; the default one's if None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The result."""

    question: Question
    bundle: Bundle
    bundle_digest: str
    data: AnnotatedSet
    parts: tuple[tuple[InputKind, Judged], ...]
    """For each of the detector's models that had images to look at."""
    images: int
    unjudged: tuple[Unjudged, ...]

    def figures(self) -> tuple[NamedFigure, ...]:
        """All figures; keys begin with the kind of image where there are several."""
        several = len(self.parts) > 1
        return tuple(
            replace(
                one,
                key=f"{kind}.{one.key}" if several else one.key,
                what=f"{one.what} ({KIND_WORDS[kind]})" if several else one.what,
            )
            for kind, judged in self.parts
            for one in judged.figures
        )


def evaluate_detector(question: Question, *, progress: Report = silent) -> Evaluation:
    """Judge a detector of a bundle on the images of one split.

    Raises:
        BundleError: If the bundle cannot be trusted.
        ConfigError: If it has no such detector, or no class can be judged.
        DatasetError: If the data cannot be read, or has no image in the split that the detector
            can look at.
    """
    cv2.setNumThreads(1)
    folder = question.bundle_folder or builtin_bundle_folder()
    bundle, digest = load_bundle(folder)
    detectors = _detectors(bundle, folder, question.detector)
    annotated = read_annotated(question.data)
    images = annotated.of_split(question.split)
    if not images:
        sizes = ", ".join(f"{len(annotated.of_split(name))} in {name}" for name in SPLITS)
        raise DatasetError(
            f"{question.data}: no image in split {question.split}; there are {sizes}"
        )
    parts: list[tuple[InputKind, Judged]] = []
    unjudged: list[Unjudged] = []
    scored = 0
    for kind in get_args(InputKind):
        chosen = [image for image in images if INPUT_OF[image.kind] == kind]
        if question.detector == "photo.anomaly":
            chosen = [image for image in chosen if image.kind == "photo"]
        if not chosen:
            continue
        if kind not in detectors:
            why = f"the bundle has no {question.detector} model for {KIND_WORDS[kind]}"
            unjudged.append(Unjudged(what=f"{len(chosen):,} images", why=why))
            continue
        # Before an hour of scoring: a mapping that cannot be is refused at once.
        mapping = _mapping(question, annotated, chosen, detectors[kind])
        answers = answers_of(
            annotated,
            chosen,
            detectors[kind],
            pitch_mm=question.pitch_mm,
            progress=lambda done, total: progress("scoring", done, total),
        )
        scored += len(answers.answers)
        parts.append((kind, _judged(question, annotated, detectors[kind], mapping, answers)))
        unjudged += [Unjudged(what="an image", why=sentence) for sentence in answers.unread]
    if not scored:
        why = "; ".join(one.why for one in unjudged) or "none could be read"
        raise DatasetError(
            f"{question.data}: none of the {len(images)} images in {question.split} was scored:"
            f" {why}"
        )
    return Evaluation(
        question=question,
        bundle=bundle,
        bundle_digest=digest,
        data=annotated,
        parts=tuple(parts),
        images=scored,
        unjudged=tuple(unjudged),
    )


def _detectors(bundle: Bundle, folder: Path, name: str) -> dict[InputKind, Detector]:
    cards = tuple(card for card in bundle.detectors if card.detector == name and name in JUDGED)
    if not cards:
        known = sorted({card.detector for card in bundle.detectors} & set(JUDGED))
        raise ConfigError(
            f"{bundle.name} {bundle.version} has no detector {name!r} that can be evaluated; known:"
            f" {', '.join(known)}"
        )
    wanted = bundle.model_copy(update={"detectors": cards})
    found = load_detectors(wanted, folder).by_name
    return {kind: detector for (_, kind), detector in found.items()}


def _mapping(
    question: Question,
    annotated: AnnotatedSet,
    images: Sequence[AnnotatedImage],
    detector: Detector,
) -> ClassMapping | None:
    """Which classes can be judged; None for a detector without classes."""
    if detector.card.detector in ("xray.anomaly", "photo.anomaly"):
        return None
    of_boxes = sorted({label for image in images for label in image.labels})
    return map_classes(
        annotated.classes or tuple(of_boxes), detector.card.classes, dict(question.classes or {})
    )


def _judged(
    question: Question,
    annotated: AnnotatedSet,
    detector: Detector,
    mapping: ClassMapping | None,
    answers: Answers,
) -> Judged:
    """What is found out from the answers of one model."""
    if not answers.answers:
        return Judged()
    card = detector.card.for_scanner(*question.scanner)
    speed = _speed(answers)
    if mapping is None:
        return judge_anomaly(annotated, answers.answers, card, question.scanner) + speed
    judge = judge_items if card.detector == "xray.items" else judge_pieces
    return judge(answers.answers, card, mapping) + speed


def _speed(answers: Answers) -> Judged:
    count = len(answers.answers)
    figures = [
        NamedFigure(key=key, what=what, figure=plain(count / seconds, count), unit="images/s")
        for key, what, seconds in (
            ("model_per_s", "the model alone, on one core", answers.model_s),
            ("per_s", "reading, placing and the model, on one core",
             answers.model_s + answers.read_s),
        )
        if seconds > 0
    ]  # fmt: skip
    return Judged(figures=figures)
