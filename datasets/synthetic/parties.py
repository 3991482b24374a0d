"""Invented senders, buyers and their addresses. Cities are real, nobody in them is."""

from dataclasses import dataclass

import numpy as np

FIRST_NAMES = (
    "Ada", "Ben", "Carla", "Diego", "Emma", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kira",
    "Leon", "Mina", "Noah", "Olga", "Pablo", "Quinn", "Rosa", "Samir", "Tessa", "Uma", "Vera",
    "Wade", "Ximena", "Yara", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Brandt", "Castell", "Dorsey", "Engel", "Fairley", "Garner", "Holloway", "Ibarra",
    "Jansen", "Keller", "Lindley", "Marlow", "Norwood", "Ortega", "Pryor", "Quist", "Renner",
    "Sandoval", "Tilden", "Ulrich", "Vance", "Wexler", "Yates", "Zeller",
)  # fmt: skip
FIRM_HEADS = (
    "Bright", "Golden", "River", "Silver", "North", "Lucky", "Ever", "Sun", "Blue", "Jade",
    "Prime", "Happy", "Star", "Ocean", "Cedar",
)  # fmt: skip
FIRM_TAILS = ("Harvest", "Bridge", "Field", "Lane", "Peak", "Crane", "Port", "Spring", "Gate")
FIRM_FORMS = ("Trading Co.", "Ltd", "E-Commerce Co., Ltd", "Export", "Online Store", "GmbH")
STREETS = (
    "Maple Street", "Oak Avenue", "Mill Road", "Station Lane", "Park Drive", "Hill Street",
    "Church Road", "Lake View", "Cherry Lane", "Main Street", "Elm Court", "Garden Way",
)  # fmt: skip
ORIGIN_SHARES = {
    "CN": 0.46, "HK": 0.12, "SG": 0.06, "TR": 0.07, "IN": 0.08, "VN": 0.07, "DE": 0.06, "GB": 0.08,
}  # fmt: skip
"""Of parcels and cartons, by the country that they come from."""
SHIPPER_CITIES = {
    "CN": ("Shenzhen", "Guangzhou", "Yiwu", "Hangzhou", "Shanghai"),
    "HK": ("Hong Kong",),
    "SG": ("Singapore",),
    "TR": ("Istanbul", "Izmir"),
    "IN": ("Mumbai", "Delhi", "Jaipur"),
    "VN": ("Hanoi", "Da Nang"),
    "DE": ("Hamburg", "Leipzig", "Cologne"),
    "GB": ("Leeds", "Bristol", "London"),
}
CONSIGNEE_CITIES = (
    ("Springfield", "62701"), ("Columbus", "43004"), ("Austin", "73301"), ("Denver", "80014"),
    ("Portland", "97035"), ("Tampa", "33601"), ("Newark", "07101"), ("Boise", "83701"),
    ("Omaha", "68007"), ("Fresno", "93650"), ("Albany", "12201"), ("Tulsa", "74101"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A sender or a buyer."""

    name: str
    address: str
    city: str
    postcode: str | None
    country: str


def shipper(rng: np.random.Generator, country: str) -> Party:
    """A firm in `country`, one of `ORIGIN_SHARES`."""
    firm = f"{_pick(rng, FIRM_HEADS)} {_pick(rng, FIRM_TAILS)} {_pick(rng, FIRM_FORMS)}"
    return Party(
        name=firm,
        address=f"{int(rng.integers(1, 900))} {_pick(rng, STREETS)}",
        city=_pick(rng, SHIPPER_CITIES[country]),
        postcode=None,
        country=country,
    )


def consignee(rng: np.random.Generator) -> Party:
    """A private person in the United States."""
    city, postcode = CONSIGNEE_CITIES[int(rng.integers(len(CONSIGNEE_CITIES)))]
    return Party(
        name=f"{_pick(rng, FIRST_NAMES)} {_pick(rng, LAST_NAMES)}",
        address=f"{int(rng.integers(1, 9900))} {_pick(rng, STREETS)}",
        city=city,
        postcode=postcode,
        country="US",
    )


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
