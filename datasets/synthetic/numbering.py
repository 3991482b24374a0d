"""Ids and numbers of invented parcels: unique within a feed, valid unless meant to be wrong."""

import numpy as np

from parcelscope.datasets.identifiers import make_awb, make_s9, make_s10, make_sscc

SERIALS = 100_000_000
STRIDE = 48_271_397
"""Prime to `SERIALS`, so that neighbouring rows get serials far apart and none twice."""
SERVICES = ("LX", "RX", "CP", "UA", "LZ", "EE")
"""S10 service indicators of letters, registered items, parcels and express mail."""
SUB_CLASSES = {"C": "CN", "E": "EN"}
"""UPU sub-class of a bag, by the first letter of its items' service; all others are letters."""
AIRLINES = ("176", "160", "180", "020", "406")


def parcel_id(number: int) -> str:
    """Id of a manifest row."""
    return f"P{number + 1:06d}"


def carton_id(number: int) -> str:
    """Id of a master carton."""
    return f"C{number + 1:05d}"


def tracking_number(seed: int, number: int, origin: str, *, service: str | None = None) -> str:
    """The S10 item identifier of a manifest row from `origin`; any process finds the same."""
    serial = (seed * 7_919 + (number + 1) * STRIDE) % SERIALS
    drawn = SERVICES[serial // 1000 % len(SERVICES)]
    return make_s10(service or drawn, f"{serial:08d}", origin)


def foreign_tracking_number(seed: int, number: int, origin: str) -> str:
    """A valid S10 that no manifest row of the feed has."""
    # No feed has this many rows: their serials count up from 0, these down from the end.
    return tracking_number(seed, SERIALS - 2 - number, origin)


def wrong_check_digit(tracking: str, rng: np.random.Generator) -> str:
    """An S10 item identifier `tracking` with another check digit."""
    digit = (int(tracking[10]) + int(rng.integers(1, 10))) % 10
    return f"{tracking[:10]}{digit}{tracking[11:]}"


def master_bill(rng: np.random.Generator) -> str:
    """An air waybill number."""
    airline = AIRLINES[int(rng.integers(len(AIRLINES)))]
    return make_awb(airline, f"{int(rng.integers(10_000_000)):07d}")


def house_bill(number: int, seed: int) -> str:
    """A forwarder's own waybill number; it has no check digit."""
    return f"HWB{(seed * 104_729 + number * 7_919) % 10**9:09d}"


def entry_number(number: int) -> str:
    """Number of a customs entry: filer code, serial, check digit."""
    return f"Q7X-{number + 1:07d}-{(number + 1) * 3 % 10}"


def receptacle_s9(
    rng: np.random.Generator, origin: str, facility: str, weight_g: float, *, service: str
) -> str:
    """The S9 identifier of a bag of `service` items from an office in `origin` to `facility`."""
    office = f"{origin}{rng.choice(['AAA', 'BBX', 'CNT'])!s}A"
    sub_class = SUB_CLASSES.get(service[0], "UN")
    despatch = f"{office}US{facility}AA{sub_class}6{int(rng.integers(1, 10_000)):04d}"
    return make_s9(despatch, int(rng.integers(1, 400)), weight_g=min(weight_g, 900_000))


def carton_sscc(number: int, seed: int) -> str:
    """The SSCC-18 of a master carton."""
    return make_sscc(f"0{(4_006_381 + seed % 1000):07d}{number + 1:09d}")
