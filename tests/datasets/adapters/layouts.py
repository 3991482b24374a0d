"""Tiny sets in the layouts of public ones: a few drawn pictures, and annotations of their shape."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from parcelscope.datasets.scan_writing import write_dual_png_pair

SIZE_WH = (96, 64)
BOX = (20, 12, 50, 44)
"""The box that every annotated picture has."""


def draw(path: Path, seed: int, *, depth: int = 8) -> None:
    """A bright picture of SIZE_WH with a dark block at BOX and patches unlike any other seed's."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(90, 250, (4, 6, 3)).astype(np.uint8)
    rgb = cv2.resize(coarse, SIZE_WH, interpolation=cv2.INTER_CUBIC)
    x0, y0, x1, y1 = BOX
    rgb[y0:y1, x0:x1] = (30, 60, 120)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in (".jpg", ".jpeg"):
        path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality=95))
    else:
        pixels = rgb if depth == 8 else rgb[..., 0].astype(np.uint16) * 230
        done, data = cv2.imencode(path.suffix, pixels)
        assert done
        path.write_bytes(data.tobytes())


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def voc_xml(path: Path, label: str | None, *, size: bool = True) -> None:
    """BOX as VOC says it: counted from one, the last pixel included."""
    x0, y0, x1, y1 = BOX
    item = (
        f"<object><name>{label}</name><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
    )
    wh = f"<size><width>{SIZE_WH[0]}</width><height>{SIZE_WH[1]}</height><depth>3</depth></size>"
    text(path, f"<annotation>{wh * size}{item if label else ''}</annotation>")


def coco_json(path: Path, names: list[str], classes: list[str], label: str) -> None:
    x0, y0, x1, y1 = BOX
    images = [
        {"id": at, "file_name": name, "width": SIZE_WH[0], "height": SIZE_WH[1]}
        for at, name in enumerate(names)
    ]
    boxes = [
        {
            "id": at, "image_id": at, "category_id": classes.index(label) + 1, "iscrowd": 0,
            "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
            "segmentation": [[x0, y0, x1, y0, x1, y1]],
        }
        for at in range(len(names))
    ]  # fmt: skip
    categories = [{"id": at, "name": name} for at, name in enumerate(classes, start=1)]
    text(path, json.dumps({"images": images, "annotations": boxes, "categories": categories}))


def sixray(src: Path) -> None:
    header = "name,Gun,Knife,Wrench,Pliers,Scissors\n"
    for split, start in (("train", 0), ("test", 10)):
        rows = [f"P{start + n:05d},-1,1,-1,-1,-1" for n in range(4)]
        rows += [f"N{start + n:05d},-1,-1,-1,-1,-1" for n in range(2)]
        for at, row in enumerate(rows):
            name = row.split(",")[0]
            draw(src / "JPEGImage" / f"{name}.jpg", 100 * start + at)
            if name.startswith("P"):
                voc_xml(src / "Annotation" / f"{name}.xml", "Knife")
        text(src / "ImageSet" / "10" / f"{split}.csv", header + "\n".join(rows) + "\n")


def sixray_mirror(src: Path) -> None:
    sixray(src)
    (src / "JPEGImage").rename(src / "0")


PIDRAY = [
    "Baton", "Pliers", "Hammer", "Powerbank", "Scissors", "Wrench", "Gun", "Bullet", "Sprayer",
    "HandCuffs", "Knife", "Lighter",
]  # fmt: skip


def pidray(src: Path) -> None:
    parts = [("train", "train", 6), ("test_easy", "easy", 2)]
    parts += [("test_hard", "hard", 2), ("test_hidden", "hidden", 2)]
    for at, (name, folder, count) in enumerate(parts):
        names = [f"xray_{folder}_{n:05d}.png" for n in range(count)]
        for n, picture in enumerate(names):
            draw(src / folder / picture, 1000 + 100 * at + n)
        path = src / "annotations" / f"xray_{name}.json"
        coco_json(path, [f"{folder}/{n}" for n in names], PIDRAY, "Wrench")


def _box_lists(src: Path, list_name: str, label: str, seed: int) -> None:
    for at, split in enumerate(("train", "test")):
        names = [f"{split}{n:04d}.jpg" for n in range(5)]
        for n, name in enumerate(names):
            draw(src / split / f"{split}_image" / name, seed + 100 * at + n)
            line = f"{name} {label} {' '.join(str(side) for side in BOX)}\n"
            text(src / split / f"{split}_annotation" / name.replace(".jpg", ".txt"), line)
        text(src / split / list_name.format(split), "\n".join(names) + "\n")


def opixray(src: Path) -> None:
    _box_lists(src, "{}_knife.txt", "Multi-tool_Knife", 2000)


def hixray(src: Path) -> None:
    _box_lists(src, "{}_name.txt", "Portable_Charger_1", 3000)


def clcxray(src: Path) -> None:
    classes = ["blade", "scissors", "knife", "dagger", "SwissArmyKnife", "PlasticBottle"]
    for at, split in enumerate(("train", "val", "test")):
        names = [f"{split}{n}.jpg" for n in range(4)]
        for n, name in enumerate(names):
            draw(src / f"{split}2017" / name, 4000 + 100 * at + n)
        coco_json(src / f"annotations/instances_{split}2017.json", names, classes, "dagger")


def eds(src: Path) -> None:
    for at in (1, 2, 3):
        folder = src / f"domain{at}"
        for n in range(5):
            draw(folder / "images" / f"d{at}_{n}.jpg", 5000 + 100 * at + n)
            voc_xml(folder / "labels" / f"d{at}_{n}.xml", "powerbank")
        text(folder / "val.txt", f"d{at}_0\nd{at}_1.jpg\n")


def dvxray(src: Path) -> None:
    x0, y0, x1, y1 = BOX
    for n in range(6):
        folder = src / "DvXray_Positive_Samples"
        objects = [
            {"label": "Gun", "ol_bb": [x1, y1, x0, y0], "sd_bb": list(BOX)},
            {"label": "Lighter", "ol_bb": list(BOX), "sd_bb": "difficult"},
        ]
        text(folder / f"P{n}.json", json.dumps({"name": f"P{n}", "objects": objects}))
        text(
            src / "DvXray_Negative_Samples" / f"N{n}.json",
            json.dumps({"name": f"N{n}", "objects": "None"}),
        )
        for at, view in enumerate(("OL", "SD")):
            draw(folder / f"P{n}_{view}.png", 6000 + 10 * n + at)
            draw(src / "DvXray_Negative_Samples" / f"N{n}_{view}.png", 6500 + 10 * n + at)


def gdxray(src: Path) -> None:
    x0, y0, x1, y1 = BOX
    for series in (1, 2, 3, 4, 5, 6):
        name = f"B{series:04d}"
        for n in (1, 2):
            draw(src / "Baggages" / name / f"{name}_{n:04d}.png", 7000 + 10 * series + n)
        lines = "".join(f"  {n}.0 {x0}e0 {x1} {y0} {y1}\n" for n in (1, 2))
        if series < 6:
            text(src / "Baggages" / name / "ground_truth.txt", lines)


def compass_xp(src: Path, count: int = 8) -> None:
    root = src / "COMPASS-XP" / "COMPASS-XP"
    rows = ["basename\tclass\tinstance\tpose\tdangerous\tscan_tray"]
    for n in range(count):
        rng = np.random.default_rng(8000 + n)
        fine = cv2.resize(rng.uniform(0.5, 1, (4, 6)), SIZE_WH, interpolation=cv2.INTER_LINEAR)
        low = (52000 * fine).clip(0, 65535).astype(np.uint16)
        high = (60000 * (low / 60000) ** 0.6).astype(np.uint16)
        (root / "Low").mkdir(parents=True, exist_ok=True)
        (root / "High").mkdir(parents=True, exist_ok=True)
        write_dual_png_pair(root / f"Low/{n:04d}.png", root / f"High/{n:04d}.png", low, high)
        draw(root / "Colour" / f"{n:04d}.png", 8000 + n)
        draw(root / "Photo" / f"{n:04d}.jpg", 8500 + n)
        kind, danger = ("gun", "True") if n % 4 == 0 else ("laptop", "False")
        rows.append(f"{n:04d}\t{kind}\t{n // 2}\t{n % 2}\t{danger}\tFalse")
    text(root / "meta.txt", "\n".join(rows) + "\n")


def mvtec(src: Path, train: int = 8) -> None:
    for n in range(train):
        draw(src / "bottle" / "train" / "good" / f"{n:03d}.png", 9000 + n)
    for at, kind in enumerate(("good", "broken")):
        for n in range(2):
            draw(src / "bottle" / "test" / kind / f"{n:03d}.png", 9500 + 10 * at + n)
            if kind == "broken":
                draw(src / "bottle" / "ground_truth" / kind / f"{n:03d}_mask.png", n)


def coco(src: Path) -> None:
    for at, split in enumerate(("train", "val")):
        names = [f"{split}_{n}.jpg" for n in range(4)]
        for n, name in enumerate(names):
            draw(src / "images" / split / name, 10000 + 100 * at + n)
        coco_json(src / f"annotations/instances_{split}.json", names, ["pipe", "wrench"], "wrench")


def yolo(src: Path) -> None:
    x0, y0, x1, y1 = BOX
    width, height = SIZE_WH
    shares = f"{(x0 + x1) / 2 / width} {(y0 + y1) / 2 / height} {(x1 - x0) / width}"
    for at, split in enumerate(("train", "val")):
        for n in range(4):
            draw(src / split / "images" / f"{split}{n}.jpg", 11000 + 100 * at + n)
            line = f"1 {shares} {(y1 - y0) / height}\n"
            text(src / split / "labels" / f"{split}{n}.txt", line)
    # As Roboflow writes it: one folder up, though they lie beside this file.
    text(
        src / "data.yaml",
        "train: ../train/images\nval: ../val/images\nnc: 2\nnames: ['pipe', 'wrench']\n",
    )


def voc(src: Path) -> None:
    for n in range(8):
        draw(src / "VOC2007" / "JPEGImages" / f"{n:06d}.jpg", 12000 + n)
        voc_xml(src / "VOC2007" / "Annotations" / f"{n:06d}.xml", "wrench" if n else None)
    for split, numbers in (("train", range(5)), ("val", range(5, 8))):
        lines = "".join(f"{n:06d}\n" for n in numbers)
        text(src / "VOC2007" / "ImageSets" / "Main" / f"{split}.txt", lines)


@dataclass(frozen=True)
class Shape:
    """A fixture, and what importing it must give."""

    adapter: str
    make: Callable[[Path], None]
    classes: tuple[str, ...]
    label: str | None
    """Of the box that pictures have; None for a set without boxes."""
    images: int
    boxes: int
    splits: frozenset[str]
    kind: str = "colour"


ALL = frozenset({"train", "val", "test"})
SHAPES = {
    "sixray": Shape(
        "sixray", sixray, ("Gun", "Knife", "Wrench", "Pliers", "Scissors", "Hammer"), "Knife",
        12, 8, ALL,
    ),
    "sixray mirror": Shape(
        "sixray", sixray_mirror, ("Gun", "Knife", "Wrench", "Pliers", "Scissors", "Hammer"),
        "Knife", 12, 8, ALL,
    ),
    "pidray": Shape("pidray", pidray, tuple(PIDRAY), "Wrench", 12, 12, ALL),
    "opixray": Shape(
        "opixray", opixray,
        ("Folding_Knife", "Straight_Knife", "Scissor", "Utility_Knife", "Multi-tool_Knife"),
        "Multi-tool_Knife", 10, 10, ALL,
    ),
    "hixray": Shape(
        "hixray", hixray,
        (
            "Portable_Charger_1", "Portable_Charger_2", "Water", "Laptop", "Mobile_Phone",
            "Tablet", "Cosmetic", "Nonmetallic_Lighter",
        ),
        "Portable_Charger_1", 10, 10, ALL,
    ),
    "clcxray": Shape(
        "clcxray", clcxray,
        ("blade", "scissors", "knife", "dagger", "SwissArmyKnife", "PlasticBottle"), "dagger",
        12, 12, ALL,
    ),
    "eds": Shape(
        "eds", eds,
        (
            "drinkbottle", "pressure", "lighter", "knife", "smallelectronicequipmen",
            "powerbank", "umbrella", "glassbottle", "scissor", "laptop",
        ),
        "powerbank", 15, 15, frozenset({"train", "val"}),
    ),
    "dvxray": Shape("dvxray", dvxray, ("Gun", "Lighter"), "Gun", 24, 18, ALL),
    "gdxray": Shape("gdxray", gdxray, ("object",), "object", 12, 10, ALL, "grey"),
    "compass-xp": Shape("compass-xp", compass_xp, (), None, 8, 0, ALL, "dual"),
    "mvtec-ad": Shape("mvtec-ad", mvtec, (), None, 12, 0, ALL, "photo"),
    "coco": Shape("coco", coco, ("pipe", "wrench"), "wrench", 8, 8, frozenset({"train", "val"})),
    "yolo": Shape("yolo", yolo, ("pipe", "wrench"), "wrench", 8, 8, frozenset({"train", "val"})),
    "voc": Shape("voc", voc, ("wrench",), "wrench", 8, 7, frozenset({"train", "val"})),
}  # fmt: skip
