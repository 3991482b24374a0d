"""A tiny bundle that passes every check of `bundle verify`."""

from collections.abc import Iterable
from pathlib import Path

from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import SCANNER

from parcelscope.models.bundle import CARD, Bundle, FusionModel, GenuineScores, KnownScanner

TAIL = GenuineScores(count=400, top=(0.6, 0.4, 0.3, 0.2, 0.1, 0.1, 0.05, 0.05))
OURS = KnownScanner(scanner_model=SCANNER, scanner_software=None)


def write_sound_bundle(
    folder: Path,
    *,
    version: str = "1",
    item_weight: float = 1.0,
    nan_above: float | None = None,
    scanners: tuple[KnownScanner, ...] = (OURS,),
    worthless: Iterable[str] = (),
) -> Bundle:
    """Write the bundle, calibrated for the scanner of the tiny feeds, into `folder`.

    Args:
        folder: Made if need be.
        version: Tells bundles apart.
        item_weight: How much an item counts for a parcel's risk.
        nan_above: As `write_tiny_bundle` takes it.
        scanners: Those that its scores are said to come from.
        worthless: Codes that its risk has learned to give no weight.
    """
    tiny = write_tiny_bundle(folder, nan_above=nan_above)
    cards = tuple(
        card.model_copy(
            update={
                "thresholds": {} if card.detector == "xray.anomaly" else card.thresholds,
                "genuine": dict.fromkeys(card.genuine, TAIL),
                "scanners": scanners,
            }
        )
        for card in tiny.detectors
    )
    fusion = FusionModel(
        intercept=-3.0,
        weights={"item.*": item_weight} | dict.fromkeys(worthless, 0.0),
        knots_logit=(-6.0, 6.0),
        knots_risk=(0.0, 1.0),
    )
    bundle = tiny.model_copy(
        update={"detectors": cards, "version": version, "parcel_fusion": fusion}
    )
    (folder / CARD).write_text(bundle.model_dump_json(indent=1))
    return bundle
