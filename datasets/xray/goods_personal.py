"""Cosmetics, jewellery, toys and what people wear or play with. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Z_AXIS,
    Variety,
    about_x,
    about_z,
    along,
    ball,
    block,
    chain,
    disc,
    hollow,
    model,
    pick,
    ring,
    rod,
    spread,
    turned,
    vector,
)


def jar(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A pot of cream with a screw lid, half of them in a printed box."""
    radius, half = rng.uniform(20, 34), rng.uniform(16, 28)
    ware = pick(rng, "pp", "glass", "pmma")
    solids = hollow(disc((0, 0, 0), radius, half, ware), 2.4, pick(rng, "oil", "syrup", "water"))
    solids += [
        disc((0, 0, half + 6), radius + 1, 7, pick(rng, "pp", "abs", "al")),
        disc((0, 0, half + 0.3), radius - 2, 0.15, "al"),
    ]
    if rng.random() < 0.5:
        carton = block((0, 0, 4), (radius + 3, radius + 3, half + 13), "paper")
        solids += hollow(carton, 0.5)
    return model("jar", solids)


def cream_tube(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Soft tubes of paste or cream, flat at the crimp."""
    solids: list[Solid] = []
    for k in range(int(rng.integers(1, 4))):
        half, radius = rng.uniform(45, 75), rng.uniform(14, 21)
        skin = pick(rng, "pe", "al")
        fill = pick(rng, "oil", "syrup", "talc")
        tube = [
            *hollow(ball((0, 0, 0), (half, radius, radius * 0.75), skin), 0.4, fill),
            rod((half * 0.62, 0, 0), radius * 0.75, half * 0.3, skin, flat=0.9),
            rod((half + 8, 0, 0), 10, 10, "pp"),
            block((-half * 0.9, 0, 0), (half * 0.16, radius * 1.05, 0.9), skin),
        ]
        solids += turned(tube, about_z(rng.normal(0, 0.1) + np.pi * (k % 2)), (0, 38.0 * k, 0))
    return model("cream_tube", solids)


def makeup_palette(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Pressed powders in tin pans, with a mirror; often a brush."""
    columns, rows = int(rng.integers(2, 6)), int(rng.integers(2, 4))
    pitch = rng.uniform(17, 26)
    a, b = columns * pitch / 2 + 4, rows * pitch / 2 + 4
    solids = hollow(block((0, 0, 0), (a, b, 6), "abs"), 1.4)
    solids.append(block((0, 0, 4.5), (a * 0.9, b * 0.9, 1.0), "glass"))
    for i in range(columns):
        for j in range(rows):
            spot = np.array([(i - (columns - 1) / 2) * pitch, (j - (rows - 1) / 2) * pitch, -1.5])
            solids.append(disc(spot, pitch * 0.42, 1.8, "talc"))
            solids.append(disc(spot - (0, 0, 2), pitch * 0.44, 0.15, "steel"))
    if rng.random() < 0.6:
        solids += [
            rod((0, b + 6, 0), 3, a * 0.7, "wood"),
            rod((a * 0.7, b + 6, 0), 3.6, 9, "al"),
            ball((a * 0.7 + 18, b + 6, 0), (14, 6, 5), "nylon", texture=3, amplitude=0.6),
        ]
    return model("makeup_palette", solids)


def lipstick(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Lipsticks or mascara in metal sleeves."""
    solids: list[Solid] = []
    for k in range(int(rng.integers(1, 6))):
        half, radius = rng.uniform(34, 44), rng.uniform(8, 10.5)
        spot = (rng.uniform(-4, 4), 23.0 * k, 0)
        stick = [
            *hollow(rod((0, 0, 0), radius, half, pick(rng, "abs", "al")), 1.1),
            *hollow(rod((-half * 0.3, 0, 0), radius * 0.78, half * 0.6, "al"), 0.5, "pe"),
            rod((half * 0.4, 0, 0), radius * 0.55, half * 0.35, "oil"),
            rod((-half * 0.85, 0, 0), radius * 0.9, 3.5, "steel"),
        ]
        solids += turned(stick, about_z(rng.normal(0, 0.05) + np.pi * (rng.random() < 0.5)), spot)
    return model("lipstick", solids)


def jewellery(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Rings, a fine chain and stones in a padded box."""
    metal = pick(rng, "gold", "silver", "brass", "steel")
    solids: list[Solid] = [
        *hollow(block((0, 0, 0), (42, 42, 17), "paper"), 2.0),
        block((0, 0, -9), (38, 38, 6), "foam"),
    ]
    for _ in range(int(rng.integers(1, 4))):
        turn = along(rng.normal(size=3) + vector(0, 0, 0.4))
        reach = rng.uniform(8, 11)
        spot = spread(rng, (24, 24, 3))
        solids += ring(spot, (reach, reach), 1.1, metal, rotation=turn, segments=12)
        stone = spot + turn @ np.array([reach + 1.5, 0, 0])
        solids.append(ball(stone, (2.4, 2.4, 2.0), pick(rng, "glass", "ceramic")))
    if rng.random() < 0.7:
        share = np.linspace(0, 2 * np.pi, 22)
        wave = 24 + 7 * np.sin(3 * share + rng.uniform(0, 6))
        line = np.stack([wave * np.cos(share), wave * np.sin(share), 0 * share], axis=1)
        solids += chain(line, 0.7, metal)
    return model("jewellery", solids)


def watch(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A wrist watch laid flat, on a link bracelet or a strap; unseen: closed round its cushion."""
    radius = rng.uniform(16, 23)
    metal = pick(rng, "steel", "steel", "ti", "gold")
    case = [
        disc((0, 0, 0), radius, 5, metal),
        disc((0, 0, 0.4), radius - 2.2, 4.2, "air", replaces=metal),
        disc((0, 0, 0), radius - 4, 1.6, "brass"),
        disc((0, 0, 4), radius - 2.5, 0.8, "glass"),
        disc((6, 4, 0), 4.8, 1.5, "steel"),
        disc((-5, -5, 1), 3.5, 1, "brass"),
        rod((0, radius + 1.5, 0), 2.6, 1.8, metal, axis=(0, 1, 0)),
    ]
    linked = rng.random() < 0.6
    solids = list(case)
    for k in range(9):
        for side in (-1, 1):
            half = (3.5, 9.5 - 0.35 * k, 1.5)
            stuff = metal if linked else "leather"
            if variety == "unseen":
                angle = side * (0.55 + 0.27 * k)
                spot = (34 * np.sin(angle), 0, -34 + 34 * np.cos(angle))
                turn = along((np.sin(angle), 0, np.cos(angle)))
                solids.append(block(spot, (9, 3.5, 1.5), stuff, rotation=turn))
            else:
                spot = (side * (radius + 4 + 7.4 * k), 0, -1 - 0.3 * k)
                solids.append(block(spot, half, stuff))
    end = -radius - 4 - 7.4 * 9 if variety == "familiar" else 0
    solids.append(block((end, 0, -4 if variety == "familiar" else -68), (6, 8, 1.8), "steel"))
    if variety == "unseen":
        solids.append(rod((0, 0, -34), 28, 25, "pe_foam", axis=(0, 1, 0)))
    return model("watch", solids)


def sunglasses(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Folded glasses in a hard case."""
    frame = pick(rng, "abs", "steel")
    wire = 2.2 if frame == "abs" else 0.9
    solids = hollow(block((0, 0, 0), (80, 30, 18), pick(rng, "pp", "leather")), 1.6)
    for side in (-1, 1):
        centre = (side * 34, 4, 4)
        solids += ring(centre, (27, 20), wire, frame, segments=12)
        solids.append(block(centre, (22, 16, 1.0), pick(rng, "pmma", "glass")))
        solids.append(rod((side * 8, -10, -3 * side), wire, 64, frame, axis=(1, 0.06 * side, 0)))
        solids.append(block((side * 63, 6, 2), (2.5, 3, 2.5), "steel"))
    solids.append(rod((0, 6, 4), wire, 8, frame))
    return model("sunglasses", solids)


def toy_car(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A die-cast or plastic car with axles; unseen: a remote-controlled one with a motor."""
    size = rng.uniform(0.8, 1.6)
    body = pick(rng, "zinc", "abs")
    wall = 1.4 if body == "zinc" else 2.0
    solids = [
        *hollow(block((0, 0, 0), (36, 16, 7), body), wall),
        *hollow(block((-4, 0, 11), (18, 13, 6), body), wall),
        block((-4, 0, 11), (16, 11.4, 1), "pmma", replaces="air"),
        block((0, 0, -8), (34, 14, 1), "abs"),
    ]
    for x in (-22, 22):
        solids.append(rod((x, 0, -8), 1.2, 18, "steel", axis=(0, 1, 0)))
        for y in (-17, 17):
            solids.append(rod((x, y, -8), 7.5, 3.5, "rubber", axis=(0, 1, 0)))
            solids.append(rod((x, y, -8), 4, 3.6, "abs", axis=(0, 1, 0), replaces="rubber"))
    if variety == "unseen":
        solids += [
            *hollow(rod((-14, 0, -1), 8, 11, "steel"), 1.6, "copper"),
            block((12, 0, -1), (12, 8, 4), "liion"),
            block((0, 0, 4), (20, 10, 0.8), "fr4"),
        ]
    grown = [
        block(s.centre_mm * size, s.half_mm * size, s.material, rotation=s.rotation,
              replaces=s.replaces)
        if s.shape == "box"
        else rod(s.centre_mm * size, float(s.half_mm[0]) * size, float(s.half_mm[2]) * size,
                 s.material, axis=s.rotation[:, 2], replaces=s.replaces)
        for s in solids
    ]  # fmt: skip
    return model("toy_car", grown)


def building_bricks(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A bag of hollow plastic bricks in a heap."""
    solids: list[Solid] = []
    for _ in range(int(rng.integers(12, 28))):
        half = np.array([rng.choice([8, 16, 24]), rng.choice([8, 16]), 5.5]) * 0.98
        turn = along(rng.normal(size=3)) @ about_z(rng.uniform(0, 3))
        brick = hollow(block((0, 0, 0), half, "abs"), 1.5)
        solids += turned(brick, turn, spread(rng, (45, 38, 16)))
    return model("building_bricks", solids)


def playing_cards(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Decks of cards or a small board game with counters and dice."""
    solids: list[Solid] = []
    for k in range(int(rng.integers(1, 4))):
        deck = hollow(block((0, 0, 0), (46, 33, 10), "paper"), 0.6)
        deck.append(block((0, 0, 0), (44, 31, 8.6), "paper", texture=k, amplitude=0.03))
        turn = about_z(rng.normal(0, 0.06))
        solids += turned(deck, turn, (96.0 * (k % 2), 0, 22.0 * (k // 2)))
    for _ in range(int(rng.integers(0, 9))):
        die = block((0, 0, 0), (7, 7, 7), "pmma", rotation=along(rng.normal(size=3)))
        solids += turned([die], shift=(rng.uniform(-40, 90), 44, rng.uniform(-2, 2)))
    return model("playing_cards", solids)


def doll(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A jointed plastic figure with metal pins; unseen: a robot figure with springs and magnets."""
    skin = pick(rng, "pvc", "abs")
    solids = [
        *hollow(ball((88, 0, 0), (18, 16, 15), skin), 1.8),
        *hollow(block((40, 0, 0), (28, 19, 11), skin), 1.8),
        *hollow(block((4, 0, 0), (10, 17, 10), skin), 1.8),
        ball((92, 0, -4), (20, 20, 14), "nylon", texture=3, amplitude=0.6),
    ]
    for side in (-1, 1):
        swing = side * rng.uniform(0.0, 0.5)
        leg = [
            rod((-32, 0, 0), 8, 34, skin),
            rod((-92, 0, 0), 6.5, 28, skin),
            rod((-64, 0, 0), 2, 8, "steel", axis=(0, 1, 0)),
            block((-122, 0, 5), (5, 7, 13), skin),
        ]
        solids += turned(leg, about_z(-swing * 0.4), (0, side * 10, 0))
        arm = [rod((-25, 0, 0), 5, 26, skin), rod((-70, 0, 0), 4.2, 22, skin)]
        solids += turned(arm, about_z(-swing), (60, side * 26, 0))
        solids.append(rod((58, side * 20, 0), 1.6, 7, "steel", axis=(0, 1, 0)))
    if variety == "unseen":
        solids += [disc((40, 0, 0), 8, 3, "steel"), block((40, 0, -6), (14, 12, 2), "zinc")]
    return model("doll", solids)


def figurine(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """A cast statuette on a base."""
    stuff = pick(rng, "ceramic", "zinc", "wood", "pmma")
    solids = [disc((0, 0, -60), 34, 7, pick(rng, "wood", stuff))]
    for k in range(7):
        spot = (rng.normal(0, 6), rng.normal(0, 6), -44 + 15.0 * k)
        width = rng.uniform(9, 24) * (1 - 0.07 * k)
        solids.append(ball(spot, (width, width * 0.8, 12), stuff))
    for side in (-1, 1):
        solids.append(
            rod((side * 20, 0, 10), 5, 20, stuff, axis=(side * 0.6, rng.normal(0, 0.4), 0.7))
        )
    return model("figurine", solids)


def clock(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """An alarm clock: gears, bell, cell."""
    radius = rng.uniform(40, 52)
    solids = [
        *hollow(rod((0, 0, 0), radius, 20, pick(rng, "steel", "abs"), axis=Z_AXIS), 1.2),
        disc((0, 0, 18), radius * 0.94, 1, "glass"),
        disc((0, 0, 12), radius * 0.9, 0.3, "al"),
        block((0, 12, 14), (1, 14, 0.4), "steel"),
        block((9, 0, 14), (11, 1.2, 0.4), "steel"),
        *hollow(rod((0, -radius * 0.5, -8), 7, 24, "steel"), 0.3, "zinc"),
    ]
    for _ in range(6):
        gear = disc(spread(rng, (radius * 0.5, radius * 0.5, 6)), rng.uniform(5, 11), 0.8, "brass")
        solids.append(gear)
    for side in (-1, 1):
        bell = ball((side * radius * 0.6, radius * 0.95, 0), (17, 13, 17), "steel")
        solids += hollow(bell, 1.0)
    return model(
        "clock", [*solids, *chain(np.array([[-20, 62, 0], [0, 70, 0], [20, 62, 0.0]]), 2, "steel")]
    )


def hair_brush(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A brush with rows of bristles, or combs and clips."""
    solids = [
        block((-62, 0, 0), (48, 9, 6), pick(rng, "wood", "abs")),
        ball((30, 0, 0), (52, 30, 9), pick(rng, "wood", "abs")),
    ]
    for i in range(8):
        for j in range(4):
            spot = (-6 + 10.5 * i, (j - 1.5) * 10, 17)
            solids.append(rod(spot, 1.0, 10, pick(rng, "nylon", "steel"), axis=Z_AXIS))
    return model("hair_brush", turned(solids, about_x(rng.choice([0, np.pi / 2]))))
