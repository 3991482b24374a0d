"""A bundle in words, for `parcelscope bundle show`."""

from collections.abc import Iterator
from pathlib import Path

from parcelscope.models.bundle import Bundle, DetectorCard


def describe_bundle(bundle: Bundle, digest: str, folder: Path) -> Iterator[str]:
    """Lines that say what `bundle`, read from `folder` and verified, is made of."""
    yield f"{bundle.name} {bundle.version}, all {len(bundle.detectors)} model files verified"
    yield f"  folder         {folder}"
    yield f"  digest         {digest}"
    yield f"  created        {bundle.created}"
    yield f"  licence        {bundle.licence}"
    yield f"  training data  {bundle.training_data}"
    if bundle.notes:
        yield f"  notes          {bundle.notes}"
    for card in bundle.detectors:
        yield ""
        yield from _describe_detector(card, folder)


def _describe_detector(card: DetectorCard, folder: Path) -> Iterator[str]:
    size_mb = (folder / card.file).stat().st_size / 1e6
    yield f"{card.detector} on {card.input} scans"
    yield f"  file           {card.file}, {size_mb:.2f} MB, SHA-256 {card.sha256[:12]}…"
    yield f"  canvas         {card.width_px} x {card.height_px} px at {card.mm_per_px:g} mm"
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
    for name, value in card.metrics.items():
        yield f"  {name:<14} {value:.4g}"
