import io
import os
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from parcelscope.datasets.dicos import derived_uid, write_dicos_dx
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.scan_writing import (
    write_colour_jpeg,
    write_dual_png_pair,
    write_dual_tiff,
)
from parcelscope.datasets.scans import Energy, ScanFile, energy_excess, read_scan

Counts = npt.NDArray[np.uint16]


def parcel(seed: int = 0) -> tuple[Counts, Counts]:
    """Low and high energy of a box in air, with the noise of a real scanner."""
    through = np.ones((120, 160), np.float32)
    through[30:90, 40:110] *= 0.6
    through[50:70, 60:80] *= 0.3
    rng = np.random.default_rng(seed)
    low = 60000 * through**1.3 + rng.normal(size=through.shape) * 500
    high = 60000 * through + rng.normal(size=through.shape) * 900
    return (low.clip(0, 65535).astype(np.uint16), high.clip(0, 65535).astype(np.uint16))


LOW, HIGH = parcel()
COLOUR = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)


def file(path: Path, content: bytes, energy: Energy | None = None) -> ScanFile:
    path.write_bytes(content)
    return ScanFile(path=path, energy=energy)


def png(pixels: npt.NDArray[np.generic]) -> bytes:
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))


def tiff(*pages: npt.NDArray[np.generic], **options: object) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for page in pages:
            writer.write(page, metadata=None, contiguous=False, **options)
    return stream.getvalue()


def by_pillow(image: Image.Image, kind: str = "png") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def tiff_of_two_pages(folder: Path) -> list[ScanFile]:
    write_dual_tiff(folder / "a.tiff", LOW, HIGH)
    return [ScanFile(path=folder / "a.tiff", energy="dual")]


def unnamed_tiff(folder: Path) -> list[ScanFile]:
    write_dual_tiff(folder / "a.tiff", LOW, HIGH)
    return [ScanFile(path=folder / "a.tiff")]


def tiff_of_two_channels(folder: Path) -> list[ScanFile]:
    pixels = np.dstack([LOW, HIGH])
    content = tiff(pixels, photometric="minisblack", planarconfig="contig", compression="deflate")
    return [file(folder / "a.tiff", content)]


def tiff_of_two_planes(folder: Path) -> list[ScanFile]:
    pixels = np.stack([LOW, HIGH])
    content = tiff(pixels, photometric="minisblack", planarconfig="separate", compression="zstd")
    return [file(folder / "a.tiff", content)]


def lzw_tiff(folder: Path) -> list[ScanFile]:
    content = tiff(LOW, HIGH, photometric="minisblack", compression="lzw", predictor=True)
    return [file(folder / "a.tiff", content)]


def big_endian_lzw_tiff(folder: Path) -> list[ScanFile]:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, byteorder=">") as writer:
        for page in (LOW, HIGH):
            writer.write(page, metadata=None, contiguous=False, compression="lzw")
    return [file(folder / "a.tiff", stream.getvalue())]


def tiled_big_endian_tiff(folder: Path) -> list[ScanFile]:
    pages = tiff(LOW.astype(">u2"), HIGH.astype(">u2"), tile=(32, 32), photometric="minisblack")
    return [file(folder / "a.tiff", pages)]


def grey_alpha_png(folder: Path) -> list[ScanFile]:
    return [file(folder / "a.png", png(np.dstack([LOW, HIGH])))]


def two_png(folder: Path) -> list[ScanFile]:
    write_dual_png_pair(folder / "l.png", folder / "h.png", LOW, HIGH)
    return [
        ScanFile(path=folder / "h.png", energy="high"),
        ScanFile(path=folder / "l.png", energy="low"),
    ]


def two_png_and_a_rendering(folder: Path) -> list[ScanFile]:
    return [*two_png(folder), file(folder / "colour.jpg", b"never opened", "colour")]


def two_tiff_in_memory(folder: Path) -> list[ScanFile]:
    return [
        ScanFile(path=folder / "l", energy="low", data=tiff(LOW, photometric="minisblack")),
        ScanFile(path=folder / "h", energy="high", data=tiff(HIGH, photometric="minisblack")),
    ]


def dicos_pair(folder: Path) -> list[ScanFile]:
    write_dicos_dx(folder / "1.dcs", HIGH, "HIGH ENERGY", derived_uid("P1"))
    write_dicos_dx(folder / "2.dcs", LOW, "LOW ENERGY", derived_uid("P1"))
    return [ScanFile(path=folder / "1.dcs"), ScanFile(path=folder / "2.dcs")]


@pytest.mark.parametrize(
    "write",
    [
        tiff_of_two_pages, unnamed_tiff, tiff_of_two_channels, tiff_of_two_planes,
        lzw_tiff, big_endian_lzw_tiff, tiled_big_endian_tiff, grey_alpha_png, two_png,
        two_png_and_a_rendering, two_tiff_in_memory, dicos_pair,
    ],
)  # fmt: skip
def test_both_energies_come_back_as_they_were(
    write: Callable[[Path], list[ScanFile]], tmp_path: Path
) -> None:
    scan = read_scan(write(tmp_path), air_level=60000.0, pixel_pitch_mm=0.8)
    assert (scan.kind, scan.air_level, scan.pixel_pitch_mm) == ("dual", 60000.0, 0.8)
    assert scan.low is not None
    assert scan.high is not None
    assert scan.low.dtype == scan.high.dtype == np.uint16
    np.testing.assert_array_equal(scan.low, LOW)
    np.testing.assert_array_equal(scan.high, HIGH)
    assert scan.rgb is None
    assert not scan.energies_swapped
    assert scan.size_wh == (160, 120)


def test_a_dicos_file_gives_its_pixel_pitch(tmp_path: Path) -> None:
    write_dicos_dx(tmp_path / "a.dcs", LOW, "LOW ENERGY", derived_uid("P1"), pixel_pitch_mm=0.75)
    files = [ScanFile(path=tmp_path / "a.dcs")]
    assert read_scan(files).pixel_pitch_mm == 0.75
    assert read_scan(files, pixel_pitch_mm=0.5).pixel_pitch_mm == 0.5


@pytest.mark.parametrize(("energy", "slot"), [("low", "low"), ("high", "high"), ("grey", "low")])
def test_a_single_energy_is_sixteen_bit_grey(energy: Energy, slot: str, tmp_path: Path) -> None:
    scan = read_scan([file(tmp_path / "a.png", png(LOW), energy)])
    assert scan.kind == "grey16"
    np.testing.assert_array_equal(getattr(scan, slot), LOW)
    assert (scan.low is None) != (scan.high is None)


RENDERINGS = {
    "png": (png(COLOUR), COLOUR, "colour"),
    "grey png": (png(COLOUR[..., 0]), np.dstack([COLOUR[..., 0]] * 3), "grey8"),
    "palette png": (
        by_pillow(Image.fromarray(COLOUR).quantize(16)),
        np.asarray(Image.fromarray(COLOUR).quantize(16).convert("RGB")),
        "colour",
    ),
    "opaque png": (png(np.dstack([COLOUR, np.full((40, 60), 255, np.uint8)])), COLOUR, "colour"),
    "clear png": (
        png(np.dstack([COLOUR, np.zeros((40, 60), np.uint8)])),
        np.full_like(COLOUR, 255),
        "colour",
    ),
    "tiff": (tiff(COLOUR, photometric="rgb", compression="lzw"), COLOUR, "colour"),
}


@pytest.mark.parametrize("name", RENDERINGS)
def test_a_rendering_comes_back_as_rgb(name: str, tmp_path: Path) -> None:
    content, expected, kind = RENDERINGS[name]
    scan = read_scan([file(tmp_path / "a", content)])
    assert scan.kind == kind
    assert scan.rgb is not None
    np.testing.assert_array_equal(scan.rgb, expected)


def test_a_half_transparent_pixel_is_half_white(tmp_path: Path) -> None:
    pixel = np.array([[[0, 100, 255, 128]]], np.uint8)
    scan = read_scan([file(tmp_path / "a.png", png(pixel))])
    assert scan.rgb is not None
    assert scan.rgb.tolist() == [[[127, 177, 255]]]


def test_a_colour_jpeg_comes_back_close_to_what_was_written(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(20, 220, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    write_colour_jpeg(tmp_path / "a.jpg", smooth, 95)
    scan = read_scan([ScanFile(path=tmp_path / "a.jpg", energy="colour")])
    assert scan.kind == "colour"
    assert scan.rgb is not None
    assert np.abs(scan.rgb.astype(int) - smooth).max() <= 3


def test_energies_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    swapped = [
        file(tmp_path / "l.png", png(HIGH), "low"),
        file(tmp_path / "h.png", png(LOW), "high"),
    ]
    with pytest.raises(ImageError, match=r"l\.png: low energy exceeds high .*swapped") as refusal:
        read_scan(swapped, air_level=60000.0)
    assert refusal.value.code == "corrupt"


def test_energies_that_are_slightly_off_are_told_but_not_mended(tmp_path: Path) -> None:
    brighter = np.where(LOW < 50000, LOW.astype(int) + 300, LOW).astype(np.uint16)
    scan = read_scan([file(tmp_path / "a.png", png(np.dstack([brighter, LOW])))], air_level=60000.0)
    assert scan.energies_swapped
    assert scan.low is not None
    np.testing.assert_array_equal(scan.low, brighter)


def test_an_empty_belt_is_not_taken_for_swapped_energies() -> None:
    rng = np.random.default_rng(0)
    low = (60000 + rng.normal(size=(480, 640)) * 530).astype(np.uint16)
    high = (60000 + rng.normal(size=(480, 640)) * 900).clip(0, 65535).astype(np.uint16)
    assert energy_excess(low, high, 60000.0) == 0.0
    assert energy_excess(low[:1, :1], high[:1, :1], None) == 0.0


def test_detectors_of_unequal_gain_are_compared_each_with_its_own_air() -> None:
    assert energy_excess(LOW, (HIGH * 0.7).astype(np.uint16), None) < 0


def flipped(content: bytes) -> bytes:
    data = bytearray(content)
    for share in (0.5, 0.6, 0.7):
        data[int(share * len(data))] ^= 0x5A
    return bytes(data)


def jpeg(tmp_path: Path) -> bytes:
    grain = np.random.default_rng(5).integers(0, 255, (240, 320, 3), np.uint8)
    write_colour_jpeg(tmp_path / "whole.jpg", grain, 85)
    return (tmp_path / "whole.jpg").read_bytes()


@pytest.mark.parametrize("codec", [None, "zstd", "lzw", "deflate", "packbits"])
def test_half_a_tiff_is_refused(codec: str | None, tmp_path: Path) -> None:
    whole = tiff(LOW, HIGH, compression=codec, photometric="minisblack")
    assert read_scan([file(tmp_path / "a", whole)]).kind == "dual"
    with pytest.raises(ImageError) as refusal:
        read_scan([file(tmp_path / "a", whole[: len(whole) // 2])])
    assert refusal.value.code in ("truncated", "corrupt")


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_png_is_refused(damage: str, tmp_path: Path) -> None:
    whole = png(np.dstack([LOW, HIGH]))
    data, code = (whole[:-40], "truncated") if damage == "cut" else (flipped(whole), "corrupt")
    with pytest.raises(ImageError) as refusal:
        read_scan([file(tmp_path / "a.png", data)])
    assert refusal.value.code == code


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_jpeg_is_refused_though_pillow_would_take_it(damage: str, tmp_path: Path) -> None:
    whole = jpeg(tmp_path)
    data, code = (whole[:-400], "truncated") if damage == "cut" else (flipped(whole), "corrupt")
    with pytest.raises(ImageError, match=r"a\.jpg: ") as refusal:
        read_scan([file(tmp_path / "a.jpg", data)])
    assert refusal.value.code == code


def sparse_tiff() -> bytes:
    """A page whose strip has no bytes: tifffile alone would return zeros, the densest metal."""
    whole = tiff(LOW, photometric="minisblack", rowsperstrip=120, compression="zstd")
    with tifffile.TiffFile(io.BytesIO(whole)) as opened:
        tag = opened.pages.first.tags["StripByteCounts"]
    data = bytearray(whole)
    data[tag.valueoffset : tag.valueoffset + 4] = b"\0" * 4
    return bytes(data)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param({}, "missing", id="no file"),
        pytest.param({"low": None}, "missing", id="file not there"),
        pytest.param({"low": b""}, "empty", id="empty file"),
        pytest.param({"low": b"<html>404</html>"}, "not_an_image", id="html"),
        pytest.param({"low": png(LOW), "high": png(HIGH[:-1])}, "corrupt", id="two shapes"),
        pytest.param({"low": png(COLOUR)}, "wrong_depth", id="8 bits for low"),
        pytest.param({"low": png(LOW), "high": png(COLOUR)}, "wrong_depth", id="8 bits for high"),
        pytest.param({"colour": png(LOW)}, "wrong_depth", id="16 bits for colour"),
        pytest.param({"low": png(np.dstack([LOW, HIGH]))}, "wrong_channels", id="two for low"),
        pytest.param({"dual": png(LOW)}, "wrong_channels", id="one for dual"),
        pytest.param({None: png(np.dstack([LOW] * 3))}, "wrong_channels", id="16-bit rgb"),
        pytest.param({None: tiff(LOW, LOW, LOW)}, "wrong_channels", id="three pages"),
        pytest.param({None: tiff(LOW, HIGH[:-1])}, "corrupt", id="pages of two shapes"),
        pytest.param({None: tiff(COLOUR, COLOUR)}, "wrong_depth", id="two 8-bit pages"),
        pytest.param({None: tiff(LOW.astype(np.float32))}, "wrong_depth", id="float"),
        pytest.param({None: tiff(LOW.astype(np.int16))}, "wrong_depth", id="signed"),
        pytest.param(
            {None: tiff(COLOUR, compression="jpeg")}, "unsupported", id="jpeg inside tiff"
        ),
        pytest.param(
            {None: tiff(np.dstack([LOW, HIGH]), compression="lzw", photometric="minisblack")},
            "unsupported",
            id="two channels in LZW",
        ),
        pytest.param({None: sparse_tiff()}, "corrupt", id="strip without bytes"),
        pytest.param({None: png(LOW), "low": png(LOW)}, "unsupported", id="low and unnamed"),
        pytest.param({"low": png(LOW), "grey": png(LOW), None: b""}, "unsupported", id="three"),
    ],
)
def test_files_that_make_no_scan_are_refused(
    files: dict[Energy | None, bytes | None], code: str, tmp_path: Path
) -> None:
    given_files = []
    for energy, content in files.items():
        path = tmp_path / f"{energy}.img"
        if content is not None:
            path.write_bytes(content)
        given_files.append(ScanFile(path=path, energy=energy))
    with pytest.raises(ImageError) as refusal:
        read_scan(given_files)
    assert refusal.value.code == code
    assert not files or str(tmp_path) in str(refusal.value)


WHOLE = {
    "zstd": tiff(LOW[:20, :30], HIGH[:20, :30], compression="zstd", predictor=True),
    "lzw": tiff(LOW[:20, :30], HIGH[:20, :30], compression="lzw", photometric="minisblack"),
    "channels": tiff(
        np.dstack([LOW, HIGH])[:20, :30], compression="deflate", photometric="minisblack"
    ),
    "tiles": tiff(LOW[:40, :50], compression="deflate", tile=(16, 16)),
    "plain": tiff(LOW[:20, :30]),
    "png": png(np.dstack([LOW, HIGH])[:20, :30]),
    "palette": by_pillow(Image.fromarray(COLOUR).quantize(4)),
    "jpeg": by_pillow(Image.fromarray(COLOUR), "jpeg"),
    "cmyk": by_pillow(Image.fromarray(COLOUR).convert("CMYK"), "jpeg"),
}
CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5)


@settings(max_examples=400)
@given(st.sampled_from(sorted(WHOLE)), st.floats(0.2, 1), CHANGES)
def test_damaged_files_raise_image_errors_only(
    name: str, kept: float, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(WHOLE[name])
    for where, value in changes:
        data[int(where * len(data))] = value
    content = bytes(data[: int(kept * len(data))])
    message = None
    try:
        read_scan([ScanFile(path=Path("upload"), data=content)], pixel_cap=1_000_000)
    except ImageError as error:
        message = str(error)
    assert message is None or message.startswith("upload: ")


def test_real_opixray_scans_are_colour_renderings() -> None:
    root = os.environ.get("PARCELSCOPE_REAL_DATA")
    if not root:
        pytest.skip("PARCELSCOPE_REAL_DATA is unset: no real OPIXray scans to read")
    paths = sorted(Path(root, "opixray", "images", "val").glob("*.jpg"))
    assert paths
    for path in paths:
        scan = read_scan([ScanFile(path=path, energy="colour")])
        assert scan.kind == "colour"
        assert scan.rgb is not None
        assert scan.rgb.shape == (416, 416, 3)
