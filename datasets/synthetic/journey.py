"""How a parcel or carton came: channel, lane, days, bills and receptacles."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from parcelscope.datasets.synthetic.numbering import carton_sscc, master_bill, receptacle_s9
from parcelscope.datasets.synthetic.parties import Party, shipper

WEEK_START = datetime(2026, 3, 2, tzinfo=UTC)
WEEK_S = 7 * 24 * 3600
FACILITIES = ("JFK", "LAX", "ORD", "MIA")
EXPRESS = 0.3
"""Share that comes by an express carrier rather than by mail."""
SSCC_CARTONS = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What the records of one shipment say apart from its goods."""

    shipper: Party
    channel: str
    facility: str
    lane: str
    data_received_at: datetime
    arrived_at: datetime
    taken_at: datetime
    """When it was scanned and photographed."""
    master_bill: str | None
    receptacle_id: str | None

    @property
    def is_express(self) -> bool:
        """Whether an express carrier brought it, with a house bill and an entry for each parcel."""
        return self.channel == "express"


def loose_journey(rng: np.random.Generator, origin: str, mass_g: float, *, service: str) -> Journey:
    """The journey of a loose parcel: in a bag of mail, or on a bill of express parcels."""
    return _journey(rng, origin, mass_g * rng.uniform(4, 30), sscc=None, service=service)


def carton_journey(
    rng: np.random.Generator, origin: str, mass_g: float, *, number: int, seed: int, service: str
) -> Journey:
    """The journey of master carton `number`."""
    sscc = carton_sscc(number, seed) if rng.random() < SSCC_CARTONS else None
    return _journey(rng, origin, mass_g, sscc=sscc, service=service)


def _journey(
    rng: np.random.Generator, origin: str, receptacle_g: float, *, sscc: str | None, service: str
) -> Journey:
    express = rng.random() < EXPRESS or sscc is not None
    facility = FACILITIES[int(rng.integers(len(FACILITIES)))]
    arrived = WEEK_START + timedelta(seconds=int(rng.integers(WEEK_S)))
    bag = receptacle_s9(rng, origin, facility, receptacle_g, service=service)
    return Journey(
        shipper=shipper(rng, origin),
        channel="express" if express else "mail",
        facility=facility,
        lane=f"{origin}-{facility}",
        data_received_at=arrived - timedelta(minutes=int(rng.integers(6 * 60, 96 * 60))),
        arrived_at=arrived,
        taken_at=arrived + timedelta(minutes=int(rng.integers(20, 12 * 60))),
        master_bill=master_bill(rng) if express else None,
        receptacle_id=sscc if express else bag,
    )
