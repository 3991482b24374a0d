"""Damaged, forged and misplaced files, drawn from a seed: the same seed, the same feed."""

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import polars as pl
import simplejpeg
import tifffile
from PIL import Image
from tests.inference.tiny_feed import dual_counts, photo_row, scan_row

from parcelscope.datasets.dicos import DicosEnergy, derived_uid, write_dicos_dx

Rng = np.random.Generator
SIZE = (slice(None, None, 3), slice(None, None, 3))  # a third of the tiny scans: 54 x 40 pixels


@dataclass(frozen=True, slots=True)
class Sound:
    """A file before anything is done to it."""

    name: str
    data: bytes
    energy: str | None
    """None for a photo."""


def sound_files(folder: Path) -> list[Sound]:
    """One file of every form that is read; `folder` is for files that are only written by path."""
    low, high = (np.ascontiguousarray(plane[SIZE]) for plane in dual_counts((60, 40)))
    both = np.stack([low, high], axis=-1)
    rgb = np.random.default_rng(5).integers(0, 255, (40, 56, 3), dtype=np.uint8)
    picture = Image.fromarray(rgb)
    files = [
        Sound(f"dual-{codec}.tif", _tiff([low, high], codec), "dual")
        for codec in ("none", "zstd", "deflate", "lzw")
    ]
    files += [
        Sound("dual-la.png", imagecodecs.png_encode(both), "dual"),
        Sound("low.png", imagecodecs.png_encode(low), "low"),
        Sound("colour.jpg", simplejpeg.encode_jpeg(rgb), "colour"),
        Sound("colour.png", imagecodecs.png_encode(rgb), "colour"),
        Sound("photo.jpg", simplejpeg.encode_jpeg(rgb), None),
        Sound("photo.png", imagecodecs.png_encode(rgb), None),
        Sound("photo.tif", _tiff([rgb], "deflate"), None),
        Sound("progressive.jpg", _saved(picture, "jpeg", progressive=True), None),
        Sound("cmyk.jpg", _saved(picture.convert("CMYK"), "jpeg"), None),
        Sound("palette.png", _saved(picture.quantize(16), "png"), None),
    ]
    energies: list[DicosEnergy] = ["LOW ENERGY", "HIGH ENERGY"]
    for energy, pixels in zip(energies, (low, high), strict=True):
        path = folder / "dicos.tmp"
        write_dicos_dx(path, pixels, energy, derived_uid("hostile"))
        files.append(Sound(f"{energy[:4].strip().lower()}.dcs", path.read_bytes(), None))
        path.unlink()
    return [
        Sound(f.name, f.data, {"low.dcs": "low", "high.dcs": "high"}.get(f.name, f.energy))
        for f in files
    ]


def _tiff(pages: list[np.ndarray], codec: str) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        for page in pages:
            file.write(
                page,
                metadata=None,
                contiguous=False,
                compression=None if codec == "none" else codec,
                photometric="rgb" if page.ndim == 3 else "minisblack",
            )
    return stream.getvalue()


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def truncated(data: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(0, len(data)))]


def flipped(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        changed[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def flipped_head(data: bytes, rng: Rng) -> bytes:
    head = min(len(data), 400)
    return flipped(data[:head], rng) + data[head:]


def overwritten(data: bytes, rng: Rng) -> bytes:
    at, size = int(rng.integers(len(data))), int(rng.integers(1, 64))
    fill = rng.choice([0, 255]) if rng.random() < 0.5 else None
    noise = rng.bytes(size) if fill is None else bytes([fill]) * size
    return (data[:at] + noise + data[at + size :])[: len(data)]


def spliced(data: bytes, rng: Rng) -> bytes:
    a, b = sorted(int(n) for n in rng.integers(0, len(data), 2))
    return data[:a] + data[b:] if rng.random() < 0.5 else data[:b] + data[a:]


def of_zeros(data: bytes, rng: Rng) -> bytes:
    return bytes(len(data))


def empty(data: bytes, rng: Rng) -> bytes:
    return b""


def web_page(data: bytes, rng: Rng) -> bytes:
    return b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"


def noise_behind_magic(data: bytes, rng: Rng) -> bytes:
    start = 132 if data[128:132] == b"DICM" else 8
    return data[:start] + rng.bytes(500)


def bomb(data: bytes, rng: Rng) -> bytes:
    """A header that claims 65535 x 65535 pixels."""
    side, changed = 65535, bytearray(data)
    if data.startswith(b"\x89PNG"):
        changed[16:24] = struct.pack(">II", side, side)
        changed[29:33] = struct.pack(">I", zlib.crc32(bytes(changed[12:29])))
    elif data.startswith(b"\xff\xd8"):
        frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        changed[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    elif data.startswith(b"II"):
        at = struct.unpack_from("<I", data, 4)[0]
        for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12):
            if struct.unpack_from("<H", data, entry)[0] in (256, 257):
                changed[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, side)
    else:
        for tag in (b"\x28\0\x10\0US\2\0", b"\x28\0\x11\0US\2\0"):
            at = data.index(tag) + 8
            changed[at : at + 2] = struct.pack("<H", side)
    return bytes(changed)


def long_header(data: bytes, rng: Rng) -> bytes:
    """A header of a hundred thousand empty entries."""
    n = 100_000
    if data.startswith(b"\x89PNG"):
        return data[:33] + b"\0\0\0\0tEXt\0\0\0\0" * n + data[33:]
    if data.startswith(b"\xff\xd8"):
        return data[:2] + b"\xff\xe9\0\2" * n + data[2:]
    if data[128:132] == b"DICM":
        return data[:132] + b"\x09\0\x10\0LO\0\0" * n + data[132:]
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, n) + bytes(20 * n + 8)


DAMAGES: tuple[Callable[[bytes, Rng], bytes], ...] = (
    truncated, flipped, flipped_head, overwritten, spliced, of_zeros, empty, web_page,
    noise_behind_magic, bomb, long_header,
)  # fmt: skip
_WEIGHTS = np.array([4, 6, 6, 4, 3, 1, 1, 1, 3, 2, 1.0])


def damaged(files: list[Sound], rng: Rng) -> tuple[Sound, bytes]:
    """One of `files`, and what is left of it."""
    file = files[int(rng.integers(len(files)))]
    damage = DAMAGES[int(rng.choice(len(DAMAGES), p=_WEIGHTS / _WEIGHTS.sum()))]
    return file, damage(file.data, rng)


def write_hostile_feed(folder: Path, outside: Path, *, items: int, seed: int) -> None:
    """Write a feed of `items` hostile images into `folder`, some of which point to `outside`.

    Every parcel has a sound scan and two hostile images; those in `outside` are sound, so whoever
    reads them is found out.
    """
    rng = np.random.default_rng(seed)
    files = sound_files(folder)
    for file in files:
        (outside / file.name).write_bytes(file.data)
    (folder / "sound.tif").write_bytes(files[1].data)
    (folder / "pipe").mkdir()
    rows: list[dict[str, object]] = []
    ids = [f"P{n:05}" for n in range((items + 1) // 2)]
    rows += [scan_row(one, "sound.tif", station="origin") for one in ids]
    misplaced = _misplaced(folder, outside, files, rng)
    for n in range(items):
        owner = ids[n // 2]
        if rng.random() < 0.12:
            rows.append(photo_row(owner, next(misplaced)))
            continue
        file, data = damaged(files, rng)
        path = f"{n:05}-{file.name}"
        (folder / path).write_bytes(data)
        if file.energy is None:
            row = photo_row(owner, path)
        else:
            row = scan_row(owner, path, file.energy, view=["top", "side"][n % 2])
        if rng.random() < 0.05:
            row["sha256"] = "0" * 64
        rows.append(row)
    rows = [{"sha256": None} | row for row in rows]
    pl.DataFrame({"parcel_id": ids}).write_parquet(folder / "parcels.parquet")
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / "images.parquet")


def _misplaced(folder: Path, outside: Path, files: list[Sound], rng: Rng) -> Iterator[str]:
    """Paths that lead out of the feed, or to what is no plain file."""
    n = 0
    while True:
        name = files[n % len(files)].name
        plain = f"misplaced-{n}"
        match int(rng.integers(8)):
            case 0:
                (folder / plain).symlink_to(outside / name)
                yield plain
            case 1:
                (folder / plain).symlink_to(outside, target_is_directory=True)
                yield f"{plain}/{name}"
            case 2:
                yield "../" * (1 + n % 3) + f"{outside.name}/{n}-{name}"
            case 3:
                yield f"pipe/../../{outside.name}/{n}-{name}"
            case 4:
                yield f"{outside}/{n}-{name}"
            case 5:
                os.mkfifo(folder / "pipe" / plain)
                yield f"pipe/{plain}"
            case 6:
                (folder / f"{plain}.jpg").mkdir()
                yield f"{plain}.jpg"
            case _:
                (folder / plain).symlink_to(plain)
                yield plain
        n += 1
