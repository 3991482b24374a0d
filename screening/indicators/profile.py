"""What the manifest row itself adds to the risk, as a sentence: no risk may stand without one."""

from typing import Final

import numpy as np
import polars as pl

from parcelscope.models.bundle import FusionModel
from parcelscope.screening.fusion import PROFILE, Fused
from parcelscope.screening.indicators.evidence import Evidence, as_findings
from parcelscope.screening.manifest_features import FEATURES, ORIGIN

LEAST: Final = 0.7
"""Contribution to the logit from which the row is a reason: it doubles the odds."""
MOST_TERMS: Final = 2
NOTED_SCALES: Final = 0.5
"""Features nearer to the usual than this are not named."""


def profile_findings(evidence: Evidence, fused: Fused, model: FusionModel) -> pl.DataFrame:
    """manifest.profile, for parcels whose row at least doubles the odds. Columns as a finding's."""
    chosen = np.flatnonzero(fused.profile >= LEAST)
    if not len(chosen):
        return as_findings(pl.DataFrame())
    origins = dict(
        evidence.owners("parcel").select("owner_id", "origin_country").iter_rows(),
    )
    rows = []
    for index in chosen:
        owner_id = fused.risk["owner_id"][int(index)]
        named = _named(fused.scales[index], model, origins.get(owner_id))
        told = f": {', '.join(named)}" if named else ""
        rows.append(
            {
                "owner_id": owner_id,
                "owner_kind": "parcel",
                "code": PROFILE,
                "sentence": f"Manifest rows like this one were found violative more often{told}.",
            }
        )
    return as_findings(pl.DataFrame(rows))


def _named(scales: np.ndarray, model: FusionModel, origin: str | None) -> list[str]:
    """The features that count most, in words."""
    # Of trees no single feature's share is known; the linear weights tell which way each leans.
    order = sorted(range(len(scales)), key=lambda k: (-scales[k] * model.manifest[k].weight, k))[
        :MOST_TERMS
    ]
    words = []
    for k in order:
        term = model.manifest[k]
        if scales[k] * term.weight <= 0 or abs(scales[k]) < NOTED_SCALES:
            continue
        if term.name == ORIGIN:
            words.append(f"{FEATURES[ORIGIN]} {origin}")
        elif term.name == "families_apart":
            words.append(FEATURES[term.name])
        else:
            words.append(f"{'high' if scales[k] > 0 else 'low'} {FEATURES[term.name]}")
    return words
