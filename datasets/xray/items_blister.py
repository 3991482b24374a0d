"""Tablets in cards of many layouts, stacked and packed in many ways. Lengths in mm."""

from collections.abc import Callable

import numpy as np

from parcelscope.datasets.xray.items_tablet import Dose, a_dose, a_lozenge, dose_solids
from parcelscope.datasets.xray.items_wrapper import (
    band,
    extent,
    film_wrap,
    finished,
    paper_box,
    sachet,
    zip_bag,
)
from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import about_x, about_y, about_z, ball, block, pick, turned

CARD_LIMIT_MM = (190.0, 115.0)
SOLIDS_MEANT = 84
Card = tuple[list[Solid], float]
"""A card lying flat and its full height."""


def familiar_blister_pack(rng: np.random.Generator) -> Model:
    """Cards of tablets in plastic over foil."""
    arrange = ARRANGEMENTS[int(rng.choice(len(ARRANGEMENTS), p=ARRANGEMENT_SHARES))]
    solids = arrange(rng)
    chance = rng.random()
    if chance < 0.3:
        solids += paper_box(rng, solids)
        if rng.random() < 0.25:
            # Lying on its narrow side, the cards on edge.
            solids = turned(solids, about_x(np.pi / 2))
    elif chance < 0.4:
        solids += film_wrap(rng, solids, pick(rng, "pe", "pe", "al", "paper"))
    elif chance < 0.5:
        solids += zip_bag(rng, solids)
    elif chance < 0.56:
        solids += sachet(rng, solids, pick(rng, "paper", "pe"))
    elif chance < 0.66:
        solids += band(rng, solids)
    return finished(rng, "blister_pack", solids)


def tablet_card(rng: np.random.Generator, *, most: int = 50) -> Card:
    """A rectangular card of at most `most` cavities."""
    dose = a_lozenge(rng) if rng.random() < 0.15 else a_dose(rng)
    # Tablets may lie along or across the card, or aslant.
    angle = float(rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)], p=[0.45, 0.4, 0.15]))
    room = _reach(dose, angle)
    gap = rng.uniform(2.5, 9.0, 2) if rng.random() < 0.85 else rng.uniform(8, 18, 2)
    spots = _layout(rng, 2 * room + gap, most)
    margin = rng.uniform(2.5, 11.0, 2)
    reach = np.abs(spots).max(axis=0) + room + margin
    height = dose.half_mm[2] * 2 + rng.uniform(0.6, 1.8)
    solids = _sheets(rng, reach)
    empty = rng.uniform(0.1, 0.75) if rng.random() < 0.3 else 0.0
    crushed = rng.random() < 0.5
    loose = rng.random() < 0.3
    kept = 0
    for k, spot in enumerate(spots):
        at = np.array([*spot, dose.half_mm[2] + 0.2])
        if rng.random() < empty and (kept or k + 1 < len(spots)):
            if crushed:
                dent = (*(room * rng.uniform(0.6, 1.0, 2)), 0.1)
                solids.append(ball(at * (1, 1, 0.5), dent, "pvc"))
            continue
        kept += 1
        turn = about_z(angle + (rng.normal(0, 0.12) if loose else 0.0))
        solids += dose_solids(dose, at, turn)
    return solids, height


def _reach(dose: Dose, angle: float) -> Vector:
    """Half sizes (2,) of the upright rectangle around a dose turned by `angle`."""
    a, b = dose.half_mm[:2]
    c, s = abs(np.cos(angle)), abs(np.sin(angle))
    return np.array([np.hypot(a * c, b * s), np.hypot(a * s, b * c)])


def _layout(rng: np.random.Generator, pitch: Vector, most: int) -> Vector:
    """(n, 2) centres of the cavities about the origin: plain, staggered, in blocks or by week."""
    limit = np.maximum(1, (np.array(CARD_LIMIT_MM) / pitch).astype(int))
    columns = min(int(rng.integers(2, 11)), int(limit[0]))
    rows = min(int(rng.integers(1, 6)), int(limit[1]), max(1, most // columns))
    style = pick(rng, "plain", "plain", "staggered", "blocks", "week", "sparse")
    if style == "week":
        columns, rows = min(7, int(limit[0])), min(int(rng.integers(1, 5)), int(limit[1]))
    columns = max(1, min(columns, most))
    x, y = np.meshgrid(np.arange(columns) * pitch[0], np.arange(rows) * pitch[1], indexing="ij")
    if style == "staggered":
        x = x + (np.arange(rows) % 2) * pitch[0] / 2
    elif style == "blocks" and columns > 3:
        # A gap where the card breaks in two, or between groups.
        group = int(rng.integers(2, columns // 2 + 1))
        x = x + (np.arange(columns) // group)[:, None] * rng.uniform(4, 14)
    spots = np.stack([x.ravel(), y.ravel()], axis=1)
    if style == "sparse" and len(spots) > 5:
        # Every other place of a chequered card.
        spots = spots[((x / pitch[0] + y / pitch[1]).ravel().round() % 2) == 0]
    middle: Vector = spots - (spots.max(axis=0) + spots.min(axis=0)) / 2
    return middle[:most]


def _sheets(rng: np.random.Generator, reach: Vector) -> list[Solid]:
    """The formed plastic and its lidding, perhaps on a board, with grooves to snap it along."""
    plastic = rng.uniform(0.1, 0.3)
    sheets = [
        block((0, 0, 0), (*reach, plastic), pick(rng, "pvc", "pvc", "pvc", "pet", "pp")),
        block((0, 0, -0.3), (*reach, rng.uniform(0.008, 0.03)), "al"),
    ]
    backing = rng.random()
    if backing < 0.12:
        sheets.append(block((0, 0, -0.6), (*reach, 0.2), "paper"))
    elif backing < 0.22 and reach[0] < 2.5 * reach[1]:
        # Formed from aluminium laminate: cards only, no strips.
        sheets.append(block((0, 0, 0.3), (*reach, rng.uniform(0.03, 0.08)), "al"))
    if rng.random() < 0.3:
        count = int(rng.integers(1, 4))
        for x in np.linspace(-1, 1, count + 2)[1:-1] * reach[0]:
            sheets.append(block((x, 0, 0), (0.5, reach[1], plastic * 0.9), "air",
                                replaces=sheets[0].material))  # fmt: skip
    if rng.random() < 0.25:
        edge = reach[0] - rng.uniform(1.5, 3)
        sheets.append(block((edge, 0, 0), (1.5, reach[1], plastic * 1.5), "pvc"))
    return sheets


def _thickened(solids: list[Solid], times: int) -> list[Solid]:
    """`times` cards exactly on top of each other, as one of as many times the height."""
    if times == 1:
        return solids
    up = np.array([1.0, 1.0, times])
    # Only what stands upright can be stretched along z alone.
    tall = []
    for solid in solids:
        axis = int(np.argmax(np.abs(solid.rotation[2])))
        half = solid.half_mm.copy()
        half[axis] *= times
        tall.append(Solid(
            shape=solid.shape, centre_mm=solid.centre_mm * up, half_mm=half,
            rotation=solid.rotation, material=solid.material, replaces=solid.replaces,
        ))  # fmt: skip
    return tall


def _single(rng: np.random.Generator) -> list[Solid]:
    return tablet_card(rng)[0]


def _stack(rng: np.random.Generator) -> list[Solid]:
    """2 to 20 cards, level, shifted or in stairs; every other one may lie face down."""
    card, height = tablet_card(rng, most=24)
    pitch = height * rng.uniform(0.85, 1.1)
    cards = min(int(rng.integers(2, 21)), int(100 // pitch))
    drawn = int(np.clip(SOLIDS_MEANT // len(card), 1, min(cards, 8)))
    groups = np.full(drawn, cards // drawn) + (np.arange(drawn) < cards % drawn)
    flip = rng.random() < 0.5
    step = rng.uniform(-12, 12, 2) if rng.random() < 0.35 else np.zeros(2)
    jitter = rng.uniform(0.3, 7)
    solids: list[Solid] = []
    z = 0.0
    for k, times in enumerate(groups.tolist()):
        upside = flip and k % 2
        tall = times * pitch
        turn = about_z(rng.normal(0, 0.006 * jitter)) @ about_x(np.pi * bool(upside))
        place = step * k + rng.normal(0, jitter / 2, 2)
        solids += turned(_thickened(card, times), turn, (*place, z + (tall if upside else 0.0)))
        z += tall
    return solids


def _fan(rng: np.random.Generator) -> list[Solid]:
    """Cards spread like a hand of playing cards."""
    card, height = tablet_card(rng, most=16)
    middle, half = extent(card)
    cards = int(np.clip(SOLIDS_MEANT // len(card), 2, rng.integers(2, 7)))
    solids: list[Solid] = []
    turn = rng.uniform(0.08, 0.5)
    pivot = np.array([-half[0], rng.uniform(-1, 1) * half[1], 0])
    for k in range(cards):
        solids += turned(turned(card, shift=-pivot - (*middle[:2], 0)),
                         about_z(k * turn + rng.normal(0, 0.03)), (0, 0, k * height))  # fmt: skip
    return solids


def _scattered(rng: np.random.Generator) -> list[Solid]:
    """A few cards of one or two kinds, thrown together."""
    kinds = [tablet_card(rng, most=14) for _ in range(int(rng.integers(1, 4)))]
    solids: list[Solid] = []
    z = 0.0
    for _ in range(int(rng.integers(2, 7))):
        card, height = kinds[int(rng.integers(len(kinds)))]
        if len(solids) + len(card) > SOLIDS_MEANT and solids:
            break
        turn = about_z(rng.uniform(0, 2 * np.pi)) @ about_x(np.pi * int(rng.integers(2)))
        solids += turned(card, turn, (*rng.uniform(-35, 35, 2), z + height * (turn[2, 2] < 0)))
        z += height * rng.uniform(0.4, 1.0)
    return solids


def _side_by_side(rng: np.random.Generator) -> list[Solid]:
    """Two or three piles next to each other, as in a double-wide box."""
    card, _ = tablet_card(rng, most=14)
    _, half = extent(card)
    piles = int(rng.integers(2, 4)) if half[1] < 33 else 2
    solids: list[Solid] = []
    for k in range(piles):
        times = int(rng.integers(1, 6))
        place = (rng.normal(0, 3), k * (2 * half[1] + rng.uniform(0.5, 4)), 0)
        solids += turned(_thickened(card, times), about_z(rng.normal(0, 0.03)), place)
    return solids


def _folded(rng: np.random.Generator) -> list[Solid]:
    """A card folded on itself, or a wallet of board folded about one or two cards."""
    card, height = tablet_card(rng, most=24)
    middle, half = extent(card)
    slope = rng.uniform(0.03, 0.5)
    upper = turned(turned(card, about_x(np.pi), (half[0], -middle[1], 0)), about_y(-slope),
                   (0, 0, 2 * height + 1))  # fmt: skip
    lower = turned(card, shift=(half[0], -middle[1], 0))
    solids = [*lower, *upper]
    if rng.random() < 0.4:
        reach = (half[0] + 4, half[1] + 4, rng.uniform(0.2, 0.4))
        solids += [block((half[0], 0, z), reach, "paper") for z in (-1.2, 2 * height + 2)]
    return solids


def _cut_pieces(rng: np.random.Generator) -> list[Solid]:
    """Cards cut into short strips and single doses, in a heap."""
    card, height = tablet_card(rng, most=3)
    _, half = extent(card)
    solids: list[Solid] = []
    pieces = int(rng.integers(5, max(6, min(16, SOLIDS_MEANT // len(card)))))
    spread = float(np.sqrt(pieces) * half[:2].mean()) * rng.uniform(0.6, 1.1)
    for _ in range(pieces):
        turn = (
            about_z(rng.uniform(0, 2 * np.pi)) @ about_x(rng.normal(0, 0.3))
            @ about_x(np.pi * int(rng.integers(2)))
        )  # fmt: skip
        place = (*rng.normal(0, spread / 1.6, 2), rng.uniform(0, 3) * height)
        solids += turned(card, turn, place)
    return solids


def _in_wallet(rng: np.random.Generator) -> list[Solid]:
    """Cards glued into a board wallet with printed, cut-out windows."""
    solids, height = tablet_card(rng, most=28)
    middle, half = extent(solids)
    board = half[:2] + rng.uniform(4, 22, 2)
    thin = rng.uniform(0.2, 0.45)
    panels = int(rng.integers(2, 5))
    for k in range(panels):
        z = -0.6 - 2 * thin * k if k % 2 else height + 2 * thin * k
        solids.append(block((middle[0] + rng.normal(0, 2), middle[1], z), (*board, thin), "paper"))
    solids.append(block((middle[0] - board[0], middle[1], height / 2),
                        (thin, board[1], height / 2 + 1), "paper"))  # fmt: skip
    return solids


ARRANGEMENTS: tuple[Callable[[np.random.Generator], list[Solid]], ...] = (
    _single, _stack, _fan, _scattered, _side_by_side, _folded, _cut_pieces, _in_wallet,
)  # fmt: skip
ARRANGEMENT_SHARES = (0.18, 0.36, 0.07, 0.1, 0.11, 0.06, 0.05, 0.07)
