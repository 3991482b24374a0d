"""A tiny bundle that passes every check of `bundle verify`."""

from pathlib import Path

from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.models.bundle import CARD, Bundle, FusionModel, GenuineScores

TAIL = GenuineScores(count=400, top=(0.6, 0.4, 0.3, 0.2, 0.1, 0.1, 0.05, 0.05))


def write_sound_bundle(
    folder: Path, *, version: str = "1", item_weight: float = 1.0, nan_above: float | None = None
) -> Bundle:
    """Write the bundle into `folder`.

    Args:
        folder: Made if need be.
        version: Tells bundles apart.
        item_weight: How much an item counts for a parcel's risk.
        nan_above: As `write_tiny_bundle` takes it.
    """
    tiny = write_tiny_bundle(folder, nan_above=nan_above)
    cards = tuple(
        card.model_copy(
            update={
                "thresholds": {} if card.detector == "xray.anomaly" else card.thresholds,
                "genuine": dict.fromkeys(card.genuine, TAIL),
            }
        )
        for card in tiny.detectors
    )
    fusion = FusionModel(
        intercept=-3.0,
        weights={"item.*": item_weight},
        knots_logit=(-6.0, 6.0),
        knots_risk=(0.0, 1.0),
    )
    bundle = tiny.model_copy(
        update={"detectors": cards, "version": version, "parcel_fusion": fusion}
    )
    (folder / CARD).write_text(bundle.model_dump_json(indent=1))
    return bundle
