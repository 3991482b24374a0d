"""Time of each stage of a simulated scan, in ms of one core, on cartons full of goods.

python benchmarks/xray_render.py
"""

import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from parcelscope.datasets.xray.acquisition import SCANNERS, Scanner, acquire
from parcelscope.datasets.xray.colour import as_jpeg, pseudo_colour, random_palette
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.goods import goods_names, make_goods
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.scan import simulate
from parcelscope.datasets.xray.scene import Scene, Solid, moved
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.datasets.xray.wedge import step_wedge
from parcelscope.datasets.xray.zeff import effective_z
from parcelscope.inference.mass import MassGauge

SIZES = ((320, 256, 1.6), (640, 480, 0.8))
SOLIDS = (300, 1500)
REPEATS = 5


def main() -> None:
    cv2.setNumThreads(1)
    print(f"{'picture':>9} {'solids':>6}  ms of one core, best of {REPEATS}")
    for columns, rows, pitch in SIZES:
        scanner = replace(SCANNERS["PS-160"], geometry=Geometry.square(columns, rows, pitch))
        for solids in SOLIDS:
            scene = crowded(solids)
            times = "  ".join(
                f"{name} {best_ms(stage):.1f}" for name, stage in stages_of(scene, scanner).items()
            )
            print(f"{columns}x{rows:<5} {len(scene.solids):>6}  {times}")


def stages_of(scene: Scene, scanner: Scanner) -> dict[str, Callable[[], object]]:
    """The stages of a scan, each with its input ready."""
    texture = texture_field(np.random.default_rng(0))
    projection = render(scene, scanner.geometry, texture=texture)
    le, he = acquire(projection, scanner, np.random.default_rng(0))
    z_map = effective_z(le, he, scanner.spectrum)
    palette = random_palette(np.random.default_rng(0))
    rgb = pseudo_colour(le, he, z_map, palette)
    wedge = step_wedge(scanner)
    gauge = MassGauge.from_wedge(wedge.pe_mm, wedge.steel_mm, wedge.le, wedge.he, AIR_LEVEL)
    pitch = scanner.geometry.pixel_pitch_mm
    return {
        "render": lambda: render(scene, scanner.geometry, texture=texture),
        "acquire": lambda: acquire(projection, scanner, np.random.default_rng(0)),
        "simulate": lambda: simulate(scene, scanner, np.random.default_rng(0), texture),
        "zeff": lambda: effective_z(le, he, scanner.spectrum),
        "colour": lambda: pseudo_colour(le, he, z_map, palette),
        "jpeg": lambda: as_jpeg(rgb, 90),
        "mass": lambda: gauge.grams(le, he, AIR_LEVEL, pitch),
    }


def crowded(solids: int) -> Scene:
    """A carton with goods at random until it has at least that many solids."""
    rng = np.random.default_rng(1)
    scene = Scene()
    middle = np.array([0.0, 0.0, 75.0])
    carton = scene.begin("carton", "packaging")
    wall = Solid(
        shape="box", centre_mm=middle, half_mm=np.array([200.0, 140, 75]), material="cardboard"
    )
    hollow = replace(wall, half_mm=wall.half_mm - 3, material="air", replaces="cardboard")
    scene.add(carton, [wall, hollow])
    names = goods_names("familiar")
    while len(scene.solids) < solids:
        model = make_goods(names[int(rng.integers(len(names)))], rng)
        shift = rng.uniform(-1, 1, 3) * (150, 90, 40) + middle
        placed = scene.begin(model.name, "item")
        scene.add(placed, [moved(s, rotation=np.eye(3), shift_mm=shift) for s in model.solids])
    return scene


def best_ms(stage: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        stage()
        times.append(time.process_time() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
