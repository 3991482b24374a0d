"""Rows of the parcels and cartons tables."""

import numpy as np

from parcelscope.datasets.synthetic.config import SynthConfig
from parcelscope.datasets.synthetic.declaration import Declaration
from parcelscope.datasets.synthetic.journey import Journey
from parcelscope.datasets.synthetic.numbering import entry_number, house_bill, parcel_id
from parcelscope.datasets.synthetic.parties import Party
from parcelscope.datasets.synthetic.rows import Row


def parcel_row(
    *,
    number: int,
    seed: int,
    tracking: str,
    journey: Journey,
    buyer: Party,
    goods: Declaration,
    declared_weight_g: float,
    measured_weight_g: float | None,
    carton_id: str | None = None,
) -> Row:
    """The manifest row of one parcel."""
    sender = journey.shipper
    return {
        "parcel_id": parcel_id(number),
        "tracking_number": tracking,
        "house_bill": house_bill(number, seed) if journey.is_express else None,
        "master_bill": journey.master_bill,
        # An SSCC names the carton, which has its own row; parcels name bags of mail.
        "receptacle_id": None if journey.is_express else journey.receptacle_id,
        "entry_number": entry_number(number) if journey.is_express else None,
        "carton_id": carton_id,
        "facility": journey.facility,
        "lane": journey.lane,
        "channel": journey.channel,
        "data_received_at": journey.data_received_at,
        "arrived_at": journey.arrived_at,
        "shipper_name": sender.name,
        "shipper_address": sender.address,
        "shipper_city": sender.city,
        "shipper_country": sender.country,
        "consignee_name": buyer.name,
        "consignee_address": buyer.address,
        "consignee_city": buyer.city,
        "consignee_postcode": buyer.postcode,
        "consignee_country": buyer.country,
        "origin_country": sender.country,
        "description": goods.description,
        "hs_code": goods.hs_code,
        "quantity": float(goods.quantity),
        "pieces": 1,
        "declared_weight_g": declared_weight_g,
        "measured_weight_g": measured_weight_g,
        "value": goods.value_usd,
        "currency": "USD",
    }


def carton_row(
    *,
    carton_id: str,
    journey: Journey,
    pieces_manifested: int,
    declared_weight_g: float,
    measured_weight_g: float,
    seal_id: str,
) -> Row:
    """The manifest row of one master carton."""
    return {
        "carton_id": carton_id,
        "master_bill": journey.master_bill,
        "receptacle_id": journey.receptacle_id,
        "facility": journey.facility,
        "lane": journey.lane,
        "pieces_manifested": pieces_manifested,
        "declared_weight_g": declared_weight_g,
        "measured_weight_g": measured_weight_g,
        "seal_id": seal_id,
    }


def declared_g(rng: np.random.Generator, mass_g: float, config: SynthConfig) -> float:
    """`mass_g` on the sender's scale, rounded as senders do, never to nothing."""
    step = config.declared_weight_rounding_g
    return max(round(_weighed(rng, mass_g, config) / step), 1) * step


def measured_g(rng: np.random.Generator, mass_g: float, config: SynthConfig) -> float:
    """`mass_g` on the facility's scale, which shows grams."""
    return float(max(round(_weighed(rng, mass_g, config)), 1))


def _weighed(rng: np.random.Generator, mass_g: float, config: SynthConfig) -> float:
    return mass_g * (1 + config.weight_error * float(rng.standard_normal()))
