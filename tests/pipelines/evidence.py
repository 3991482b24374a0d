"""Evidence for a promotion, as `bundle compare` writes it."""

from pathlib import Path

from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.bundle_compare import Difference, Evidence
from parcelscope.pipelines.run_folder import BundleName


def name_of(folder: Path) -> BundleName:
    """What a run calls the bundle in `folder`."""
    bundle, digest = load_bundle(folder)
    return BundleName(name=bundle.name, version=bundle.version, digest=digest)


def write_evidence(
    path: Path,
    champion: Path,
    challenger: Path,
    *,
    low: float = 0.02,
    positives: int = 40,
    truth: bool = True,
) -> Path:
    """Write evidence that the challenger's recall is 0.1 better, or more than `low`."""
    difference = Difference(
        metric="parcels.recall",
        champion=0.5,
        challenger=0.6,
        difference=0.1,
        low=low,
        high=0.18,
        positives=positives,
        negatives=500,
    )
    evidence = Evidence(
        created="2026-01-01T00:00:00+00:00",
        run_id="run",
        feed="feed",
        champion=name_of(champion),
        challenger=name_of(challenger),
        agreed_metric="parcels.recall",
        truth="truth" if truth else None,
        agreements=(),
        shifts=(),
        differences=(difference,) if truth else (),
    )
    path.write_text(evidence.model_dump_json())
    return path
