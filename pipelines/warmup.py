"""What a machine needs before its first parcel: built engines, and a provider that passed."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from parcelscope.inference.cores import usable_cores
from parcelscope.inference.detectors import INPUT, INPUT_TYPES, Detector, load_detectors
from parcelscope.inference.detectors import output_names as names_of
from parcelscope.inference.providers import ProviderCard, ProviderChoice
from parcelscope.inference.self_test import golden_batch
from parcelscope.models.bundle import builtin_bundle_folder, load_bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWarmth:
    """One model on the provider that was taken."""

    file: str
    difference: float
    """Largest difference from the plain CPU, as a share of the range of an output."""
    first_ms: float
    """The first call after loading, one scan."""
    next_ms: float
    """The call after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmth:
    """What a warm-up found."""

    bundle: str
    provider: ProviderCard
    cores: int
    load_s: float
    """Until every model was open and tested; building engines included."""
    models: tuple[ModelWarmth, ...]

    def lines(self) -> Iterator[str]:
        """The result as a table."""
        card = self.provider
        for reason in card.refused:
            yield f"not taken: {reason}"
        yield (
            f"{self.bundle} runs on {card.name} ({card.runtime} {card.version}) at"
            f" {card.precision}{self._wish()}; {self.cores} cores may be used"
        )
        yield f"loaded and tested in {self.load_s:.1f} s"
        yield f"{'model':<28}{'difference':>12}{'first ms':>10}{'next ms':>10}"
        for one in self.models:
            yield (
                f"{one.file:<28}{one.difference:>12.1e}{one.first_ms:>10.1f}{one.next_ms:>10.1f}"
            )
        yield f"self-test passed: largest difference {card.difference:.1e} of {card.tolerance:g}"

    def as_json(self) -> str:
        """The result for programs."""
        plain = {
            "bundle": self.bundle,
            "provider": self.provider.model_dump(mode="json"),
            "cores": self.cores,
            "load_s": self.load_s,
            "models": [asdict(one) for one in self.models],
        }
        return json.dumps(plain, indent=2)

    def _wish(self) -> str:
        card = self.provider
        if card.asked_precision == card.precision:
            return ""
        return f", though {card.asked_precision} was asked for"


def warm_up(bundle_folder: Path | None, choice: ProviderChoice) -> Warmth:
    """Open the bundle as `screen` will, test it, and time two calls of each model.

    Args:
        bundle_folder: Models; the built-in bundle if None.
        choice: What to run on.

    Raises:
        BundleError: The bundle cannot be trusted.
        ConfigError: The provider is not there or fails its self-test.
    """
    folder = builtin_bundle_folder() if bundle_folder is None else bundle_folder.resolve()
    bundle, _ = load_bundle(folder)
    began = time.perf_counter()
    cores = usable_cores()
    detectors = load_detectors(bundle, folder, choice=replace(choice, callers=cores))
    load_s = time.perf_counter() - began
    card = detectors.provider
    return Warmth(
        bundle=f"{bundle.name} {bundle.version}",
        provider=card,
        cores=cores,
        load_s=round(load_s, 3),
        models=tuple(
            _timed(detector, card.by_model[detector.card.file])
            for detector in detectors.alone().by_name.values()
        ),
    )


def _timed(detector: Detector, difference: float) -> ModelWarmth:
    card = detector.card
    scan = golden_batch(INPUT_TYPES[card.input][1], card.height_px, card.width_px)[:1]
    taken_ms = []
    for _ in range(2):
        began = time.perf_counter()
        detector.session.run(list(names_of(card)), {INPUT: scan})
        taken_ms.append(round(1000 * (time.perf_counter() - began), 2))
    return ModelWarmth(
        file=card.file, difference=difference, first_ms=taken_ms[0], next_ms=taken_ms[1]
    )
