"""The detectors of a bundle as sessions, and what each says about a batch of canvases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import BundleError, ParcelscopeError
from parcelscope.inference.mass_models import MassModels, load_mass_models
from parcelscope.inference.photo_authenticity import References, load_references
from parcelscope.inference.providers import (
    CPU_CHOICE,
    PLAIN_CPU,
    Backend,
    ProviderCard,
    ProviderChoice,
)
from parcelscope.inference.self_test import first_accepted, golden_batch, largest_difference
from parcelscope.inference.sessions import Session, open_on, open_session, ungathered
from parcelscope.models.bundle import Bundle, Decoder, DetectorCard, DetectorName, InputKind
from parcelscope.models.heatmap import Boxes, Floats, decode_peaks
from parcelscope.models.ssd import decode_ssd
from parcelscope.models.yolo import decode_yolo

Canvases = npt.NDArray[np.uint16] | npt.NDArray[np.uint8]
"""(N, 2, H, W) uint16, low then high energy, or (N, 3, H, W) uint8, RGB."""

INPUT: Final = "scan"
OUTPUTS: Final[dict[DetectorName, tuple[str, ...]]] = {
    "xray.items": ("peaks", "size", "offset"),
    "xray.pieces": ("peaks", "size", "offset", "count"),
    "xray.anomaly": ("score", "map"),
    "xray.contents": ("support", "material"),
    "photo.anomaly": ("score", "map"),
}
ITEM_OUTPUTS: Final[dict[Decoder, tuple[str, ...]]] = {
    "heatmap": OUTPUTS["xray.items"],
    "ssd": ("logits", "regression"),
    "yolo": ("boxes", "scores"),
}
"""Outputs of `xray.items` by what decodes them; the other detectors have one form each."""
INPUT_TYPES: Final[dict[InputKind, tuple[str, int]]] = {
    "dual": ("tensor(uint16)", 2),
    "colour": ("tensor(uint8)", 3),
}


class ScoreError(ParcelscopeError):
    """A model gave something that is not a score, such as NaN."""

    code: Final = "not_finite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One model and the card that says how to feed and read it."""

    card: DetectorCard
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectors:
    """The detectors of one bundle, by what they look for and the kind of scan they read."""

    by_name: Mapping[tuple[DetectorName, InputKind], Detector]
    references: References | None = None
    """Genuine packaging to compare photos with; None where the bundle has none."""
    mass: MassModels | None = None
    """Models of mass for scans without both energies; None where the bundle has none."""
    provider: ProviderCard = PLAIN_CPU
    """What the sessions run on."""

    def find(self, name: DetectorName, kind: InputKind) -> Detector | None:
        """The detector `name` for scans of `kind`, or None where the bundle has none."""
        return self.by_name.get((name, kind))

    def alone(self) -> "Detectors":
        """The same for one thread, which need not wait whether others ask at the same time."""
        by_name = {
            key: replace(one, session=ungathered(one.session)) for key, one in self.by_name.items()
        }
        return replace(self, by_name=MappingProxyType(by_name))


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceCount:
    """Inner parcels of one master carton."""

    boxes: Boxes
    raw: float
    """The network's own sum, before calibration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """How unlike compliant scans one scan is, and where most."""

    score: float
    box_xyxy: Floats
    """(4,) the hottest region, in canvas pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """How much support one scan lends to families of goods, and what it is made of."""

    support: Floats
    """(F,) log-odds for the classes of the card."""
    material: Floats
    """(4,) shares of the mass: organic, mixed, metal, opaque."""


def load_detectors(
    bundle: Bundle, folder: Path, *, threads: int = 1, choice: ProviderChoice = CPU_CHOICE
) -> Detectors:
    """One session for each detector of `bundle`, whose files lie in `folder`.

    All run on one provider. The graph of the photo references stays on the CPU, where their
    constants were worked out, and so do the models of mass, which take a row of numbers.

    Args:
        bundle: The cards.
        folder: Where their files lie.
        threads: Threads of one call.
        choice: What to run on; the CPU if left out.

    Raises:
        BundleError: If a file is no model, or a model does not keep the contract of its card.
        ProviderError: If the provider that was asked for is not there or fails its self-test.
    """
    opened, provider = first_accepted(choice, partial(_open_all, bundle, folder, threads, choice))
    return Detectors(
        by_name=MappingProxyType(
            {
                (card.detector, card.input): Detector(card=card, session=opened[card.file])
                for card in bundle.detectors
            }
        ),
        references=load_references(bundle, folder),
        mass=load_mass_models(bundle, folder),
        provider=provider,
    )


def _open_all(
    bundle: Bundle, folder: Path, threads: int, choice: ProviderChoice, backend: Backend
) -> tuple[dict[str, Session], dict[str, float]]:
    """The sessions of `bundle` on `backend`, and how far each answers from the CPU, by file."""
    sessions: dict[str, Session] = {}
    differences: dict[str, float] = {}
    is_tested = backend.name != "cpu" or choice.test_cpu
    for card in bundle.detectors:
        path = folder / card.file
        sessions[card.file] = session = open_on(backend, path, threads=threads)
        check_contract(session, card, path)
        if is_tested:
            # The CPU itself is compared with the graph as it was exported.
            plain = open_session(path, threads=threads, optimised=backend.name != "cpu")
            differences[card.file] = _difference(card, session, plain)
    return sessions, differences


def _difference(card: DetectorCard, session: Session, plain: Session) -> float:
    """How far `session` answers from `plain` on the golden pictures."""
    names = output_names(card)
    batch = golden_batch(INPUT_TYPES[card.input][1], card.height_px, card.width_px)
    found, expected = (one.run(list(names), {INPUT: batch}) for one in (session, plain))
    return largest_difference(names, found, expected)


def detect_items(detector: Detector, canvases: Canvases) -> list[Boxes]:
    """Suspect shapes in each of `canvases`, boxes in canvas pixels, best first.

    Raises:
        ScoreError: If the model gave a number that is not finite.
    """
    outputs = _run(detector, canvases)
    return [item_boxes(detector.card, one) for one in zip(*outputs, strict=True)]


def item_boxes(card: DetectorCard, outputs: Sequence[Floats]) -> Boxes:
    """What the model of `card` found in one scan, from its outputs for it, best first."""
    width_px, height_px, overlap = card.width_px, card.height_px, card.most_overlap
    if card.decoder == "ssd":
        return decode_ssd(*outputs, width_px=width_px, height_px=height_px, most_overlap=overlap)
    if card.decoder == "yolo":
        return decode_yolo(*outputs, width_px=width_px, height_px=height_px, most_overlap=overlap)
    return decode_peaks(*outputs, width_px=width_px, most_overlap=overlap)


def count_pieces(detector: Detector, canvases: Canvases) -> list[PieceCount]:
    """Inner parcels in each of `canvases`, and their number before calibration.

    Raises:
        ScoreError: If the model gave a number that is not finite.
    """
    peaks, size, offset, count = _run(detector, canvases)
    return [
        PieceCount(
            boxes=decode_peaks(
                peaks[index], size[index], offset[index], width_px=detector.card.width_px
            ),
            raw=float(count[index]),
        )
        for index in range(len(canvases))
    ]


def score_anomaly(detector: Detector, canvases: Canvases) -> list[Anomaly]:
    """How unlike compliant scans each of `canvases` is.

    Raises:
        ScoreError: If the model gave a number that is not finite.
    """
    score, heat = _run(detector, canvases)
    card = detector.card
    return [
        Anomaly(
            score=float(score[index]),
            box_xyxy=hottest_box(heat[index, 0], width_px=card.width_px, height_px=card.height_px),
        )
        for index in range(len(canvases))
    ]


def weigh_contents(detector: Detector, canvases: Canvases) -> list[Contents]:
    """What each of `canvases` shows of the families of goods.

    Raises:
        ScoreError: If the model gave a number that is not finite.
    """
    support, material = _run(detector, canvases)
    return [
        Contents(support=support[index], material=material[index]) for index in range(len(canvases))
    ]


def hottest_box(heat: Floats, *, width_px: int, height_px: int) -> Floats:
    """Box around the connected region of `heat` that holds its peak.

    The region is what lies at or above halfway between the median and the peak, so that it does
    not depend on the scale of the map.

    Args:
        heat: (h, w) map, higher is more unusual.
        width_px: Width of the canvas that the map covers.
        height_px: Height of that canvas.

    Returns:
        (4,) x0, y0, x1, y1 in canvas pixels.
    """
    rows, columns = heat.shape
    row, column = np.unravel_index(int(np.argmax(heat)), heat.shape)
    level = (float(np.median(heat)) + float(heat[row, column])) / 2
    _, region, stats, _ = cv2.connectedComponentsWithStats(
        (heat >= level).astype(np.uint8), connectivity=4
    )
    left, top, width, height, _ = stats[region[row, column]]
    scale = np.array([width_px / columns, height_px / rows] * 2, np.float32)
    return np.array([left, top, left + width, top + height], np.float32) * scale


def check_contract(session: Session, card: DetectorCard, path: Path) -> None:
    """Refuse a model whose input or outputs are not those that its card promises.

    Raises:
        BundleError: Naming the file, what the card promises and what the model has.
    """
    kind, channels = INPUT_TYPES[card.input]
    expected = (INPUT, kind, [channels, card.height_px, card.width_px])
    inputs = [(tensor.name, tensor.type, tensor.shape[1:]) for tensor in session.get_inputs()]
    if inputs != [expected]:
        raise BundleError(f"{path}: expected the one input {expected}, got {inputs}")
    outputs = {tensor.name for tensor in session.get_outputs()}
    missing = [name for name in output_names(card) if name not in outputs]
    if missing:
        raise BundleError(
            f"{path}: expected the outputs of {card.detector}, {missing} missing;"
            f" got {sorted(outputs)}"
        )


def output_names(card: DetectorCard) -> tuple[str, ...]:
    """Outputs that the model of `card` must have."""
    if card.detector == "xray.items":
        return ITEM_OUTPUTS[card.decoder]
    return OUTPUTS[card.detector]


def _run(detector: Detector, canvases: Canvases) -> list[npt.NDArray[Any]]:
    """The contract's outputs for `canvases`, in its order, all finite."""
    names = output_names(detector.card)
    outputs: list[npt.NDArray[Any]] = detector.session.run(list(names), {INPUT: canvases})
    for name, values in zip(names, outputs, strict=True):
        # NaN compares false with every threshold, so it would read as "nothing found".
        if not np.isfinite(values).all():
            raise ScoreError(f"{detector.card.file}: output {name!r} is not finite")
    return outputs
