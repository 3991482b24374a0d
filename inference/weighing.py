"""Mass of what a scan shows, with the gauge of the scanner that took it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import polars as pl

from parcelscope.datasets.canvas import AIR, estimate_air
from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.records import ONE_ENERGY, Finding
from parcelscope.datasets.scans import Scan
from parcelscope.inference.mass import MassGauge
from parcelscope.inference.mass_models import MassModels
from parcelscope.inference.placing import PlacedScan

MASS: Final = "xray.mass"
Scanner = tuple[str, str | None]
"""Model, and software version or None for all versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """The gauge of each scanner, or why it has none."""

    by_scanner: Mapping[Scanner, MassGauge | str]

    def find(self, model: str | None, software: str | None) -> MassGauge | str:
        """The gauge for a scanner, or one sentence why there is none.

        A wedge of the very software version goes before one that holds for all versions.
        """
        if model is None:
            return "the images table names no scanner_model, so no step wedge applies"
        for scanner in ((model, software), (model, None)):
            if scanner in self.by_scanner:
                return self.by_scanner[scanner]
        return f"the feed has no step wedge of scanner {model}, software {software or 'not named'}"


def gauges_of(step_wedges: pl.DataFrame) -> Gauges:
    """A gauge for each scanner of the step_wedges table of a feed.

    A wedge that cannot calibrate costs its scanner the mass, not the feed its run.
    """
    by_scanner: dict[Scanner, MassGauge | str] = {}
    groups = step_wedges.partition_by(
        "scanner_model", "scanner_software", as_dict=True, maintain_order=True
    )
    for (model, software), steps in groups.items():
        by_scanner[str(model), None if software is None else str(software)] = _gauge(steps)
    return Gauges(by_scanner=MappingProxyType(by_scanner))


def weigh(
    placed: PlacedScan, scan: Scan, gauges: Gauges, models: MassModels | None = None
) -> Finding | str:
    """The mass that `scan` shows as a finding, or one sentence why it is not assessed.

    Args:
        placed: Whose scan it is, and its row of the images table.
        scan: Its pixels.
        gauges: What weighs scans of both energies.
        models: What weighs the others; None where the bundle has nothing for them.
    """
    image = placed.group.images[0]
    if scan.low is None or scan.high is None:
        return _by_one_energy(placed, scan, models)
    if scan.pixel_pitch_mm is None:
        return f"{image.path}: the pixel pitch is not known, so the scan has no scale"
    gauge = gauges.find(image.scanner_model, image.scanner_software)
    if isinstance(gauge, str):
        return f"{image.path}: {gauge}"
    air_level = scan.air_level or estimate_air(scan.low)
    mass = gauge.grams(scan.low, scan.high, air_level, scan.pixel_pitch_mm)
    hidden = ""
    if mass.opaque_share > 0:
        hidden = f"; {mass.opaque_share:.1%} of it lets nothing through"
    return Finding(
        owner_id=placed.owner.owner_id,
        owner_kind=placed.owner.owner_kind,
        source=MASS,
        code="mass.total",
        sentence=f"The scan shows about {mass.grams:.0f} g,"
        f" between {mass.low:.0f} and {mass.high:.0f} g{hidden}.",
        observed=mass.grams,
        observed_low=mass.low,
        observed_high=mass.high,
        unit="g",
        image_path=image.path,
    )


def _by_one_energy(placed: PlacedScan, scan: Scan, models: MassModels | None) -> Finding | str:
    """As `weigh`, of a scan without both energies."""
    image = placed.group.images[0]
    if models is None:
        return f"{image.path}: mass needs both energies, the scan is {scan.kind}"
    owner = placed.owner
    mass = models.weigh(scan, image.energy, owner.owner_kind, placed.scanner)
    if isinstance(mass, str):
        return f"{image.path}: {mass}"
    return Finding(
        owner_id=owner.owner_id,
        owner_kind=owner.owner_kind,
        source=MASS,
        code="mass.total",
        sentence=f"The scan shows about {mass.grams:.0f} g, between {mass.low:.0f} and"
        f" {mass.high:.0f} g, {ONE_ENERGY}.",
        observed=mass.grams,
        observed_low=mass.low,
        observed_high=mass.high,
        unit="g",
        text=ONE_ENERGY,
        image_path=image.path,
        is_calibrated=True,
    )


def _gauge(steps: pl.DataFrame) -> MassGauge | str:
    steps = steps.filter(pl.col("he").is_not_null())
    scaled = steps.select(
        "pe_mm",
        "steel_mm",
        # Each step by its own air: a wedge may be measured over a shift in which the tube drifts.
        le=pl.col("le") / pl.col("air_level") * AIR,
        he=pl.col("he") / pl.col("air_level") * AIR,
    ).cast(pl.Float64)
    try:
        return MassGauge.from_wedge(
            pe_mm=scaled["pe_mm"].to_numpy(),
            steel_mm=scaled["steel_mm"].to_numpy(),
            le=scaled["le"].to_numpy(),
            he=scaled["he"].to_numpy(),
            air_level=AIR,
        )
    except ConfigError as error:
        return str(error)
