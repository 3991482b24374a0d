"""Whether a bundle keeps its promises: every check, with what came out, not only the first refusal.

Digests, operator set, weights inside the file, the input and outputs of each graph, what it gives
on golden tensors, and whether it was calibrated on enough for the thresholds that it states.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import BundleError, ParcelscopeError
from parcelscope.inference.detectors import (
    INPUT,
    INPUT_TYPES,
    OUTPUTS,
    Canvases,
    check_contract,
    output_names,
)
from parcelscope.inference.mass_checks import mass_contract, mass_golden
from parcelscope.inference.sessions import first_line, open_session
from parcelscope.models.bundle import CARD, Bundle, DetectorCard, check_file, read_card
from parcelscope.models.bundle_writing import named_files
from parcelscope.models.calibration_size import calibration_checks
from parcelscope.models.graph_header import read_graph_header
from parcelscope.models.mass_model import MassModel
from parcelscope.models.mass_part import mass_place
from parcelscope.models.signature import check_signature, configured_public_key, read_signature
from parcelscope.models.ssd import anchors

MAX_OPSET: Final = 18
"""Above it the CUDA provider has no kernel for some resize and reduce nodes."""
DOMAINS: Final = frozenset({"", "ai.onnx.ml", "com.microsoft"})
"""Operator sets that onnxruntime brings; others need a library that a bundle cannot hold."""
BATCH_TOLERANCE: Final = 2e-4
"""Largest difference between a batch and its scans one by one, relative to the largest output."""
Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check and its result."""

    subject: str
    """The bundle, or a detector with its kind of scan."""
    name: str
    passed: bool | None
    """None where it could not be made, which `said` explains."""
    said: str


def verify_bundle(
    folder: Path, *, max_alarm_share: float, public_key: str | None = None
) -> tuple[Check, ...]:
    """Every check of the bundle in `folder`.

    Args:
        folder: The bundle.
        max_alarm_share: Share of compliant scans, 0 to 1, that may reach a threshold.
        public_key: As `load_trusted_bundle` takes it.
    """
    try:
        bundle, digest = read_card(folder)
    except BundleError as error:
        return (Check(subject="bundle", name="card", passed=False, said=str(error)),)
    checks = [
        Check(subject="bundle", name="card", passed=True, said=f"{CARD} is valid, digest {digest}"),
        _signature(folder, digest, configured_public_key(public_key)),
        _unique(bundle),
    ]
    for card in bundle.detectors:
        checks += verify_detector(folder, card, max_alarm_share=max_alarm_share)
    for model in bundle.mass:
        checks += verify_mass(folder, model)
    files = {card.file for card in bundle.detectors} | {card.file for card in bundle.mass}
    for name, sha256 in named_files(bundle).items():
        if name not in files:
            checks += verify_file(folder, name, sha256)
    return tuple(checks)


def verify_detector(folder: Path, card: DetectorCard, *, max_alarm_share: float) -> list[Check]:
    """The checks of one detector; where one of its file fails, those after it are left out."""
    subject = f"{card.detector} ({card.input})"
    path = folder / card.file
    checks = _in_turn(
        subject,
        ("digest", lambda: _digest(folder, card)),
        ("opset", lambda: _opset(path)),
        ("self-contained", lambda: _self_contained(path)),
        ("contract", lambda: _contract(path, card)),
        ("golden tensors", lambda: _golden(path, card)),
    )
    return checks + [
        Check(subject=subject, name="calibration", passed=passed, said=said)
        for passed, said in calibration_checks(card, max_alarm_share=max_alarm_share)
    ]


def verify_mass(folder: Path, card: MassModel) -> list[Check]:
    """The checks of one model of mass; where one fails, those after it are left out."""
    path = folder / card.file
    return _in_turn(
        mass_place(card),
        ("digest", lambda: _digest(folder, card)),
        ("opset", lambda: _opset(path)),
        ("self-contained", lambda: _self_contained(path)),
        ("contract", lambda: mass_contract(path, card)),
        ("golden tensors", lambda: mass_golden(path, card)),
    )


def verify_file(folder: Path, name: str, sha256: str) -> list[Check]:
    """The checks of a file that is no detector: genuine references, trees of a fusion model."""
    path = folder / name
    digest = ("digest", lambda: _same(path, sha256))
    if path.suffix != ".onnx":
        return _in_turn(name, digest)
    return _in_turn(
        name,
        digest,
        ("opset", lambda: _opset(path)),
        ("self-contained", lambda: _self_contained(path)),
        ("contract", lambda: _loads(path)),
    )


def _in_turn(subject: str, *steps: tuple[str, Callable[[], str]]) -> list[Check]:
    """One check for each of `steps`, up to the first that fails."""
    checks = []
    for name, step in steps:
        try:
            said, passed = step(), True
        except (ParcelscopeError, OSError) as error:
            said, passed = str(error), False
        checks.append(Check(subject=subject, name=name, passed=passed, said=said))
        if not passed:
            break
    return checks


def golden_canvases(card: DetectorCard) -> Canvases:
    """Five canvases of the input that `card` promises, the same on every machine.

    Air alone, nothing through, a ramp, a block on air, and a texture of all values.
    """
    kind, channels = INPUT_TYPES[card.input]
    air, dtype = (60000, np.uint16) if kind == "tensor(uint16)" else (255, np.uint8)
    height, width = card.height_px, card.width_px
    rows, columns = np.mgrid[:height, :width]
    block = (abs(rows - height // 2) < height // 6) & (abs(columns - width // 2) < width // 6)
    # Knuth's multiplicative hash: a texture that does not depend on numpy's generators.
    texture = ((rows * width + columns) * 2654435761 % 2**32) / 2**32
    through = np.stack(
        [
            np.ones((height, width)),
            np.zeros((height, width)),
            columns / max(width - 1, 1),
            np.where(block, 0.3, 1.0),
            texture,
        ]
    )  # (5, H, W), 0 opaque to 1 air
    # The later channels let more through, as the high energy does. Sums and products alone: powers
    # differ between processors in the last digit.
    more = (np.arange(channels) / (2 * channels))[None, :, None, None]
    through = through[:, None] + more * (through * (1 - through))[:, None]
    canvases: Canvases = np.rint(air * through).astype(dtype)
    return canvases


def _signature(folder: Path, digest: str, key: str | None) -> Check:
    passed: bool | None
    try:
        if key is not None:
            signature = check_signature(folder, digest, key)
            passed, said = True, f"signed by key {signature.key_id}, which is the configured one"
        else:
            found, passed = read_signature(folder), None
            who = "not signed" if found is None else f"signed by key {found.key_id}, unchecked"
            said = f"{who}: no public key is configured"
    except ParcelscopeError as error:
        passed, said = False, str(error)
    return Check(subject="bundle", name="signature", passed=passed, said=said)


def _unique(bundle: Bundle) -> Check:
    names = [f"{card.detector} ({card.input})" for card in bundle.detectors]
    twice = sorted({name for name in names if names.count(name) > 1})
    said = f"{len(names)} detectors, each once" if not twice else f"{', '.join(twice)} twice"
    return Check(subject="bundle", name="detectors", passed=bool(names) and not twice, said=said)


def _digest(folder: Path, card: DetectorCard | MassModel) -> str:
    check_file(folder, card)
    return f"{card.file} has SHA-256 {card.sha256[:12]}…"


def _same(path: Path, sha256: str) -> str:
    """As `_digest`, for a file that has no card of its own."""
    if not path.is_file():
        raise BundleError(f"{path}: named in {CARD}, but missing; copy the bundle again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise BundleError(f"{path}: expected SHA-256 {sha256[:12]}…, got {found[:12]}…")
    return f"{path.name} has SHA-256 {sha256[:12]}…"


def _loads(path: Path) -> str:
    open_session(path)
    return "loads on the CPU"


def _opset(path: Path) -> str:
    header = read_graph_header(path)
    foreign = sorted({domain for domain, _ in header.opsets} - DOMAINS - header.own)
    if foreign:
        raise BundleError(
            f"{path}: expected operators that onnxruntime has, got those of {', '.join(foreign)}"
        )
    version = max((version for domain, version in header.opsets if domain == ""), default=0)
    if not 0 < version <= MAX_OPSET:
        raise BundleError(f"{path}: expected opset {MAX_OPSET} or lower, got {version}")
    return f"opset {version}, expected {MAX_OPSET} or lower"


def _self_contained(path: Path) -> str:
    external = read_graph_header(path).external
    if external:
        raise BundleError(
            f"{path}: expected all weights inside the file, got {len(external)} tensors outside it"
            f" ({external[0]} and on); save the model without external data"
        )
    return "no external data"


def _contract(path: Path, card: DetectorCard) -> str:
    if card.detector not in OUTPUTS or card.input not in INPUT_TYPES:
        raise BundleError(f"{path}: no contract is known for {card.detector} on {card.input} scans")
    check_contract(open_session(path), card, path)
    return f"input and outputs {', '.join(output_names(card))} as promised"


def _golden(path: Path, card: DetectorCard) -> str:
    session = open_session(path)
    names = output_names(card)
    canvases = golden_canvases(card)

    def run(batch: Canvases) -> Arrays:
        try:
            outputs: Arrays = session.run(list(names), {INPUT: batch})
        except Exception as error:  # the runtime's errors have no common class below Exception
            raise BundleError(
                f"{path}: failed on a batch of {len(batch)} golden tensors: {first_line(error)}"
            ) from error
        return outputs

    together = run(canvases)
    for name, values in zip(names, together, strict=True):
        if not np.isfinite(values).all():
            raise BundleError(f"{path}: output {name!r} is not finite on golden tensors")
    check_shapes(dict(zip(names, together, strict=True)), card, path, count=len(canvases))
    alone = [run(canvases[n : n + 1]) for n in range(len(canvases))]
    turned = run(canvases[::-1].copy())
    worst = 0.0
    for n, name in enumerate(names):
        single = np.concatenate([outputs[n] for outputs in alone])
        for other in (single, turned[n][::-1]):
            worst = max(worst, _gap(name, together[n], other))
    if worst > BATCH_TOLERANCE:
        raise BundleError(
            f"{path}: expected the same for a scan alone and in a batch, got outputs that differ by"
            f" {worst:.1e} of their largest value, more than {BATCH_TOLERANCE:.0e}"
        )
    return f"finite and in shape on {len(canvases)} golden tensors; batches differ by {worst:.1e}"


def check_shapes(
    outputs: dict[str, npt.NDArray[Any]], card: DetectorCard, path: Path, *, count: int
) -> None:
    """Refuse outputs that cannot be decoded by the contract of `card`.

    Raises:
        BundleError: Naming the output, what was expected and what came.
    """

    def expect(name: str, shape: tuple[int | None, ...]) -> None:
        got = outputs[name].shape
        if len(got) != len(shape) or any(
            want is not None and want != have for want, have in zip(shape, got, strict=True)
        ):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise BundleError(f"{path}: output {name!r}: expected shape ({wanted}), got {got}")

    if "peaks" in outputs:
        expect("peaks", (count, len(card.classes), None, None))
        cells = outputs["peaks"].shape[2:]
        expect("size", (count, 2, *cells))
        expect("offset", (count, 2, *cells))
        _expect_scores(outputs["peaks"], "peaks", path)
    if "logits" in outputs:
        places = len(anchors(card.width_px, card.height_px))
        expect("logits", (count, places, 1 + len(card.classes)))
        expect("regression", (count, places, 4))
    if "boxes" in outputs:
        expect("boxes", (count, None, 4))
        expect("scores", (count, outputs["boxes"].shape[1], len(card.classes)))
        _expect_scores(outputs["scores"], "scores", path)
    for name in ("count", "score"):
        if name in outputs:
            expect(name, (count,))
    if "map" in outputs:
        expect("map", (count, 1, None, None))
    if "support" in outputs:
        expect("support", (count, len(card.classes)))


def _expect_scores(values: npt.NDArray[Any], name: str, path: Path) -> None:
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise BundleError(
            f"{path}: output {name!r}: expected scores from 0 to 1, got {low:.3g} to {high:.3g};"
            " put the sigmoid into the graph"
        )


def _gap(name: str, ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> float:
    """Largest difference, relative to the largest value.

    Peaks are compared by height, not by place: two equal neighbours may swap by rounding. What
    lies off a peak does not count.
    """
    if name == "peaks":
        ours, theirs = (np.sort(a.reshape(len(a), -1))[:, -50:] for a in (ours, theirs))
    gap = float(np.abs(ours.astype(np.float64) - theirs).max(initial=0.0))
    return gap / max(1.0, float(np.abs(theirs).max(initial=0.0)))
