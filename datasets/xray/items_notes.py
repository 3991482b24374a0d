"""Banknotes as they travel: bundles, bricks, fans, envelopes, books, loose wads. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.items_wrapped import one_of
from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import about_z, block, disc, hollow, pick, rod, turned

NOTE_HALF_MM = (
    (78.0, 33.15), (60.0, 31.0), (63.5, 33.5), (66.5, 36.0), (70.0, 38.5), (73.5, 41.0),
    (76.5, 41.0), (62.5, 32.5), (66.5, 34.5), (73.0, 38.5), (80.0, 38.0), (75.0, 38.5),
    (77.5, 35.0), (61.5, 35.0), (75.5, 35.0), (78.5, 32.5), (60.0, 32.5), (71.0, 33.0),
)  # fmt: skip
"""Half length and width of notes in use: dollar, euro, pound, yen, yuan, franc and others."""
PAPER = ("currency_paper", "currency_paper", "currency_paper", "currency_paper", "pp")
COINS = ("brass", "copper", "steel", "zinc", "silver", "al")


def familiar_currency(rng: np.random.Generator) -> Model:
    """Bundles side by side, stacked, fanned, bricked, in envelopes or a book, loose, with coins."""
    forms = (_bundles, _fan, _brick, _envelope, _book, _wad, _crossed, _folded, _with_coins)
    return one_of(rng, "currency_stack", forms, (2.2, 0.8, 1.4, 1.2, 1.0, 1.0, 0.8, 0.8, 0.8))


def _note(rng: np.random.Generator) -> tuple[float, float]:
    a, b = NOTE_HALF_MM[int(rng.integers(len(NOTE_HALF_MM)))]
    return a * rng.uniform(0.97, 1.03), b * rng.uniform(0.97, 1.03)


def _thickness(rng: np.random.Generator) -> float:
    """Half thickness of 20 to 200 notes of about 0.11 mm, crisp or used."""
    return float(rng.choice([20, 50, 50, 100, 100, 100, 100, 200]) * rng.uniform(0.05, 0.068))


def bundle(
    rng: np.random.Generator, half: tuple[float, float, float], *, paper: str = "", leaves: int = 0
) -> list[Solid]:
    """Notes with printed stripes, threads and bands; the edges are never quite aligned."""
    paper = paper or pick(rng, *PAPER)
    leaves = leaves or int(rng.integers(2, 6))
    mess, solids = rng.uniform(0.2, 2.5), []
    for k in range(leaves):
        z = (k - (leaves - 1) / 2) * 2 * half[2] / leaves
        slip = rng.uniform(-mess, mess, 2)
        leaf = (half[0], half[1], half[2] / leaves)
        seed, depth = int(rng.integers(99)), rng.uniform(0.03, 0.12)
        turn = about_z(rng.normal(0, 0.006 * mess))
        solids.append(block((*slip, z), leaf, paper, rotation=turn, texture=seed, amplitude=depth))
    if paper == "currency_paper":
        for _ in range(int(rng.integers(1, 3))):
            # Threads and foil stripes of all notes line up through the bundle.
            x, width = rng.uniform(-0.8, 0.8) * half[0], rng.uniform(0.5, 2.5)
            solids.append(block((x, 0, 0), (width, half[1], half[2] * 0.2), "pet"))
        if rng.random() < 0.25:  # a foil patch on each note
            solids.append(
                block((half[0] * 0.6, 0, 0), (5, half[1] * 0.4, half[2] * 0.004 + 0.01), "al")
            )
    else:
        window = block(
            (half[0] * 0.5, half[1] * 0.2, 0), (6, 6, half[2] * 0.9), "air", replaces=paper
        )
        solids.append(window)
    return solids + _bands(rng, half)


def _bands(rng: np.random.Generator, half: tuple[float, float, float]) -> list[Solid]:
    kind = pick(rng, "paper", "paper", "rubber", "two", "pe", "none", "clip")
    spots = [rng.uniform(-0.5, 0.5) * half[0]]
    if kind == "two":
        spots = [-half[0] * 0.6, half[0] * 0.6]
    material, width, thick = {
        "rubber": ("rubber", rng.uniform(1, 5), 0.6),
        "pe": ("pe", rng.uniform(5, 15), 0.1),
    }.get(kind, ("paper", rng.uniform(9, 22), 0.15))
    if kind == "none":
        return []
    if kind == "clip":
        return [
            block((half[0] - 12, half[1] * 0.5, z), (14, 1.6, 0.4), "steel")
            for z in (-half[2] - 0.4, half[2] + 0.4)
        ]
    return [
        block((x, 0, z), (width, half[1] + 1.5, thick), material)
        for x in spots
        for z in (-half[2] - thick, half[2] + thick)
    ]


def _bundles(rng: np.random.Generator) -> list[Solid]:
    """Bundles in columns and layers, every one a little askew."""
    a, b = _note(rng)
    thick, paper = _thickness(rng), pick(rng, *PAPER)
    rows, columns, layers = (
        int(rng.choice([1, 1, 2])),
        int(rng.choice([1, 1, 2, 3])),
        int(rng.integers(1, 7)),
    )
    mess = rng.choice([0.01, 0.03, 0.1])
    # A lone pair side by side would be nearly square: one is slid along the other.
    slide = a * rng.uniform(0.35, 1.0) if rows == 1 and columns == 2 else 0.0
    leaves = 2 if rows * columns * layers > 6 else 0
    solids: list[Solid] = []
    for row in range(rows):
        for column in range(columns):
            for layer in range(layers):
                if layer and layer == layers - 1 and rng.random() < 0.3:
                    continue
                shift = (
                    row * (2 * a + 3) + column * slide,
                    column * (2 * b + 3),
                    layer * (2 * thick + 0.8),
                )
                slip = rng.uniform(-1, 1, 3) * (60 * mess, 40 * mess, 0)
                one = bundle(rng, (a, b, thick), paper=paper, leaves=leaves)
                solids += turned(one, about_z(rng.normal(0, mess)), slip + shift)
    return solids


def _fan(rng: np.random.Generator) -> list[Solid]:
    """Thin wads spread in a fan or a slanting row."""
    a, b = _note(rng)
    count, thick = int(rng.integers(3, 12)), rng.uniform(0.3, 2.5)
    sweep, slide = rng.uniform(0, 0.12), rng.uniform(0, 11)
    paper = pick(rng, *PAPER)
    solids: list[Solid] = []
    for k in range(count):
        turn = about_z((k - count / 2) * sweep)
        leaf = block((a * 0.7, 0, 0), (a, b, thick), paper, texture=k, amplitude=0.1)
        thread = block((a * rng.uniform(0.9, 1.2), 0, 0), (0.8, b, thick * 0.3), "pet")
        solids += turned([leaf, thread], turn, (slide * k, 0, 2.05 * thick * k))
    return solids


def _brick(rng: np.random.Generator) -> list[Solid]:
    """Two to ten bundles pressed into an oblong brick, in film, tape, foil or cloth."""
    a, b = _note(rng)
    thick, layers = _thickness(rng), int(rng.integers(2, 11))
    # Three across, never two: a pair would be nearly square.
    columns = int(rng.choice([1, 1, 1, 3])) if layers < 5 else 1
    # On its long edge only where it does not come out square.
    upright = rng.random() < 0.3 and columns == 1 and not 0.7 < layers * thick / a < 1.4
    paper = pick(rng, *PAPER)
    solids: list[Solid] = []
    for column in range(columns):
        for layer in range(layers):
            slip = rng.normal(0, 0.6, 2)
            spot = (
                slip[0],
                slip[1] + (column - (columns - 1) / 2) * (2 * b + 1),
                layer * 2.02 * thick,
            )
            solids += turned(bundle(rng, (a, b, thick), paper=paper, leaves=1), shift=spot)
    middle, high = 1.01 * thick * (layers - 1), layers * thick * 1.01
    wide = b * columns + columns
    film, wall = (("pe", 0.2), ("pet", 0.3), ("pvc", 0.2), ("al", 0.06), ("pe", 0.6))[
        int(rng.integers(5))
    ]
    cover = block((0, 0, middle), (a + 2, wide + 1.5, high + 1), film, texture=5, amplitude=0.4)
    solids += hollow(cover, wall)
    for x in rng.uniform(-0.8, 0.8, int(rng.integers(0, 4))) * a:  # strapping or brown tape
        for z in (middle - high - 1.2, middle + high + 1.2):
            solids.append(block((x, 0, z), (rng.uniform(2, 24), wide + 1.5, 0.15), "pp"))
    if upright:  # set on its long edge
        turn = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
        return turned(solids, turn)
    return solids


def _envelope(rng: np.random.Generator) -> list[Solid]:
    """A thin wad or some in an envelope, letters and a window with it."""
    a, b = _note(rng)
    paper, solids = pick(rng, *PAPER), []
    for k in range(int(rng.integers(1, 4))):
        wad = bundle(rng, (a, b, rng.uniform(0.4, 4.0)), paper=paper, leaves=2)
        shift = (*rng.uniform(-9, 9, 2), k * 7.5)
        solids += turned(wad, about_z(rng.normal(0, 0.06)), shift)
    top = float(max(solid.centre_mm[2] + solid.half_mm[2] for solid in solids))
    size = (a + rng.uniform(10, 40), b + rng.uniform(10, 40))
    skin = pick(rng, "paper", "paper", "pe", "textile_cotton")
    for z in (-6.0, top + 0.4):
        solids.append(block((0, 0, z), (*size, 0.15), skin))
    if skin == "paper":
        solids.append(block((0, size[1] * 0.6, top + 0.8), (size[0], size[1] * 0.4, 0.12), "paper"))
    if rng.random() < 0.5:
        solids.append(block((0, 0, top + 1.2), (size[0] - 4, size[1] - 4, 0.3), "paper"))
    return solids


def _book(rng: np.random.Generator) -> list[Solid]:
    """Notes between the pages of a book, in one hollow or split in several places."""
    a, b = _note(rng)
    page = np.array([a + rng.uniform(8, 40), b + rng.uniform(15, 70)])
    high, paper = rng.uniform(9, 24), pick(rng, *PAPER)
    solids = [block((0, 0, 0), (*page, high), "paper", texture=2, amplitude=0.02)]
    for z in (-high - 1.2, high + 1.2):
        solids.append(block((0, 0, z), (page[0] + 2, page[1] + 2, 1.2), "cardboard"))
    if rng.random() < 0.5:
        thick = min(high * rng.uniform(0.3, 0.8), 8.0)
        spot = np.array([0, rng.uniform(-0.5, 0.5) * (page[1] - b), 0])
        solids.append(block(spot, (a + 2, b + 2, thick + 1), "air", replaces="paper"))
        return solids + turned(bundle(rng, (a, b, thick), paper=paper, leaves=2), shift=spot)
    for k in range(int(rng.integers(2, 8))):
        where = rng.uniform(-0.6, 0.6, 2) * (page - (a, b))
        spot = np.array([*where, rng.uniform(-0.9, 0.9) * high])
        wad = [block((0, 0, 0), (a, b, rng.uniform(0.2, 1.6)), paper, texture=k, amplitude=0.1)]
        wad.append(block((a * 0.3, 0, 0), (0.8, b, 0.3), "pet"))
        solids += turned(wad, about_z(rng.normal(0, 0.05)), spot)
    return solids


def _wad(rng: np.random.Generator) -> list[Solid]:
    """Used notes thrown together, of several sizes, in vacuum film or a bag."""
    solids: list[Solid] = []
    spread_mm, angle = rng.uniform(3, 30), rng.choice([0.15, 0.5, 1.5])
    thick = rng.uniform(0.15, 1.2)
    for k in range(int(rng.integers(8, 32))):
        a, b = _note(rng)
        shift = (*rng.normal(0, spread_mm, 2) * (1, 0.6), 1.6 * thick * k)
        leaf = block((0, 0, 0), (a, b, thick), pick(rng, *PAPER), texture=k, amplitude=0.2)
        thread = block((a * 0.4, 0, 0), (0.8, b, thick * 0.3), "pet")
        solids += turned([leaf, thread], about_z(rng.normal(0, angle)), shift)
    return solids


def _crossed(rng: np.random.Generator) -> list[Solid]:
    """Bundles laid crosswise or thrown into a heap."""
    a, b = _note(rng)
    thick, paper, solids = _thickness(rng), pick(rng, *PAPER), []
    cross = rng.random() < 0.5
    for k in range(int(rng.integers(2, 8))):
        angle = (np.pi / 2) * (k % 2) + rng.normal(0, 0.1) if cross else rng.uniform(0, np.pi)
        shift = (*rng.normal(0, 18, 2), k * 2.02 * thick)
        solids += turned(bundle(rng, (a, b, thick), paper=paper, leaves=2), about_z(angle), shift)
    return solids


def _folded(rng: np.random.Generator) -> list[Solid]:
    """Wads folded in half in a clip, a sock or a wallet, the fold thicker than the ends."""
    a, b = _note(rng)
    solids: list[Solid] = []
    paper = pick(rng, *PAPER)
    for k in range(int(rng.integers(1, 5))):
        thick = rng.uniform(1.5, 6)
        wad = bundle(rng, (a / 2, b, thick), paper=paper, leaves=2)
        wad.append(rod((-a / 2, 0, 0), thick, b, paper, axis=(0, 1, 0), texture=k, amplitude=0.1))
        shift = ((k % 2) * (a + 8), (k // 2) * (2 * b + 4), rng.uniform(-1, 1))
        solids += turned(wad, about_z(rng.normal(0, 0.1) + np.pi * (k % 2)), shift)
    if rng.random() < 0.4:
        low = np.min([s.centre_mm - a / 2 for s in solids], axis=0)
        high = np.max([s.centre_mm + a / 2 for s in solids], axis=0)
        middle = (*((low + high)[:2] / 2), 0)
        skin = block(middle, (a / 2 + (high - low)[0] / 4, (high - low)[1] / 2, 8.5), "leather")
        solids += hollow(skin, rng.uniform(1.0, 1.8))
    return solids


def _with_coins(rng: np.random.Generator) -> list[Solid]:
    """Bundles with coins beside them, in rolls, stacks or strewn."""
    a, b = _note(rng)
    thick, paper, solids = _thickness(rng), pick(rng, *PAPER), []
    for layer in range(int(rng.integers(1, 4))):
        solids += turned(
            bundle(rng, (a, b, thick), paper=paper), shift=(0, 0, layer * 2.03 * thick)
        )
    for _ in range(int(rng.integers(3, 22))):
        radius, metal = rng.uniform(8, 14), pick(rng, *COINS)
        spot = (rng.uniform(-a, a), b + rng.uniform(14, 40), -thick)
        if rng.random() < 0.15:
            count = int(rng.integers(5, 26))
            solids.append(rod(spot, radius, count * 0.95, metal))
        else:
            solids.append(disc(spot, radius, rng.uniform(0.75, 1.2), metal))
    return solids
