"""A bundle and its checks in words, for `parcelscope bundle inspect` and `bundle verify`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from parcelscope.inference.verification import Check
from parcelscope.models.bundle import Bundle, DetectorCard
from parcelscope.models.mass_model import MassBand, MassModel
from parcelscope.models.signature import Signature

MARKS = {True: "ok", False: "FAILED", None: "not checked"}


def describe_bundle(
    bundle: Bundle, digest: str, folder: Path, signature: Signature | None
) -> Iterator[str]:
    """Lines that say what `bundle`, read from `folder` and verified, is made of."""
    count = len(bundle.detectors) + len(bundle.mass)
    yield f"{bundle.name} {bundle.version}, all {count} model files verified"
    yield f"  folder         {folder}"
    yield f"  digest         {digest}"
    yield f"  signature      {'none' if signature is None else f'by key {signature.key_id}'}"
    yield f"  created        {bundle.created}"
    yield f"  licence        {bundle.licence}"
    yield f"  training data  {bundle.training_data}"
    if bundle.notes:
        yield f"  notes          {bundle.notes}"
    for card in bundle.detectors:
        yield ""
        yield from _describe_detector(card, folder)
    for model in bundle.mass:
        yield ""
        yield from _describe_mass(model, folder)


def describe_checks(checks: Sequence[Check]) -> Iterator[str]:
    """A line for each check, under what was checked."""
    subject = None
    for check in checks:
        if check.subject != subject:
            subject = check.subject
            yield subject
        yield f"  {MARKS[check.passed]:<12} {check.name:<15} {check.said}"


def canvas_text(card: DetectorCard) -> str:
    """The canvas of a detector in words."""
    pitch = "fitted to size" if card.mm_per_px is None else f"at {card.mm_per_px:g} mm"
    return f"{card.width_px} x {card.height_px} px, {pitch}"


def _describe_mass(card: MassModel, folder: Path) -> Iterator[str]:
    size_mb = (folder / card.file).stat().st_size / 1e6
    yield f"xray.mass on {card.input} scans, from one energy"
    yield f"  file           {card.file}, {size_mb:.2f} MB, SHA-256 {card.sha256[:12]}…"
    yield f"  training data  {card.training_data}"
    for band in card.bands:
        yield f"  band           {band_text(band)}"
    for name, value in card.metrics.items():
        yield f"  {name:<14} {value:g}"


def band_text(band: MassBand) -> str:
    """A band in words: whose, how wide, from how many weights."""
    below, above = (float(np.exp(end - band.middle)) - 1 for end in (band.low, band.high))
    scanner = f"{band.scanner_model} {band.scanner_software or ''}".strip()
    return (
        f"{band.owner_kind}s on {scanner}: {below:+.1%} to {above:+.1%} for {band.coverage:.0%},"
        f" from {band.scans} weights"
    )


def _describe_detector(card: DetectorCard, folder: Path) -> Iterator[str]:
    size_mb = (folder / card.file).stat().st_size / 1e6
    yield f"{card.detector} on {card.input} scans"
    yield f"  file           {card.file}, {size_mb:.2f} MB, SHA-256 {card.sha256[:12]}…"
    yield f"  canvas         {canvas_text(card)}"
    if card.licence is not None:
        yield f"  licence        {card.licence}"
    if card.training_data is not None:
        yield f"  training data  {card.training_data}"
    if card.classes:
        known = (
            f"{name} (reported from {card.thresholds[name]:.2f})"
            if name in card.thresholds
            else name
            for name in card.classes
        )
        yield f"  classes        {', '.join(known)}"
    if card.count is not None:
        yield f"  piece counts   interval covers {card.count.coverage:.0%} of calibration cartons"
    for name, genuine in card.genuine.items():
        yield f"  calibrated on  {genuine.count:,} compliant scans for {name}"
    for own in card.calibrations:
        scanner = f"{own.scanner_model} {own.scanner_software or ''}".strip()
        yield f"  for scanner    {scanner}: {own.scans:,} compliant scans, {own.source}"
    for name, value in card.metrics.items():
        yield f"  {name:<14} {value:.4g}"
