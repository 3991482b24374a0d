"""What a run that comes to review was scored by, as far as it is at hand."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from parcelscope.datasets.errors import BundleError, RunError, first_fault
from parcelscope.models.bundle import Bundle
from parcelscope.pipelines.replay import scoring_bundle
from parcelscope.pipelines.run_folder import RunCard
from parcelscope.review.redaction import personal_columns
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.policy import load_policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """The configuration and bundle of a run, and whose data its law protects."""

    config: ScreeningConfig
    bundle: Bundle | None
    """None where the bundle that scored the run is not at hand."""
    bundle_at: Path | None
    """Where it lies."""
    personal: frozenset[str]
    """Columns of the manifest that are personal."""


def scoring_of(folder: Path, card: RunCard, bundle_folder: Path | None) -> Scoring:
    """What the run in `folder` was scored by.

    Args:
        folder: Of the run.
        card: Its card.
        bundle_folder: Models that scored it; None looks at the built-in ones and beside the run.

    Raises:
        RunError: If the run's configuration is of another release.
        BundleError: If `bundle_folder` is not what scored the run.
        ConfigError: If a policy pack does not fit.
    """
    config = _config(folder, card)
    bundle, bundle_at = _bundle(folder, card, bundle_folder, config)
    day = date.fromisoformat(card.created[:10])
    return Scoring(
        config=config,
        bundle=bundle,
        bundle_at=bundle_at,
        personal=personal_columns(load_policies(config.policy), day),
    )


def _config(folder: Path, card: RunCard) -> ScreeningConfig:
    try:
        return ScreeningConfig.model_validate(card.config)
    except ValidationError as error:
        fault = first_fault(error.errors())
        raise RunError(f"{folder}: its configuration is of another release: {fault}") from None


def _bundle(
    folder: Path, card: RunCard, given: Path | None, config: ScreeningConfig
) -> tuple[Bundle | None, Path | None]:
    """The bundle that scored the run and where it lies; one that was named must be it."""
    try:
        return scoring_bundle(folder, card.bundle, given, config.bundle_public_key)
    except BundleError:
        if given is not None:
            raise
        return None, None
