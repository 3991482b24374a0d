import io
import os
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from parcelscope.datasets.dicos import derived_uid, write_dicos_dx
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import Header, read_bytes, read_header

CODES = {"empty", "not_an_image", "truncated", "too_large", "corrupt", "unsupported"}
"""What a header can be refused for."""
TIGHT_CAP = 1200
"""Just enough pixels for the largest of `FILES`, so that damaged sizes meet the cap."""


def noise(shape: tuple[int, ...], dtype: type[np.unsignedinteger]) -> npt.NDArray[np.generic]:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape, dtype)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def tiff(*pages: npt.NDArray[np.generic], **options: object) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, bigtiff=bool(options.pop("bigtiff", False))) as file:
        for page in pages:
            file.write(page, metadata=None, contiguous=False, **options)
    return stream.getvalue()


def dicos(tmp_path: Path) -> bytes:
    write_dicos_dx(tmp_path / "a.dcs", noise((20, 30), np.uint16), "LOW ENERGY", derived_uid("1"))
    return (tmp_path / "a.dcs").read_bytes()


def palette(transparent: bool) -> bytes:
    image = Image.fromarray(noise((20, 30, 3), np.uint8)).quantize(16)
    return saved(image, "png", **({"transparency": 0} if transparent else {}))


def turned(kind: str) -> bytes:
    exif = Image.Exif()
    exif[274] = 6
    return saved(Image.new("RGB", (30, 20)), kind, exif=exif)


GREY16 = noise((20, 30), np.uint16)
FILES = {
    "png grey16": (imagecodecs.png_encode(GREY16), Header(
        format="png", width=30, height=20, channels=1, bits=16)),
    "png grey alpha 16": (imagecodecs.png_encode(noise((20, 30, 2), np.uint16)), Header(
        format="png", width=30, height=20, channels=2, bits=16)),
    "png bilevel": (saved(Image.new("1", (30, 20)), "png"), Header(
        format="png", width=30, height=20, channels=1, bits=8)),
    "png palette": (palette(False), Header(
        format="png", width=30, height=20, channels=3, bits=8)),
    "png palette with transparency": (palette(True), Header(
        format="png", width=30, height=20, channels=4, bits=8)),
    "png turned": (turned("png"), Header(
        format="png", width=30, height=20, channels=3, bits=8, orientation=6)),
    "jpeg": (simplejpeg.encode_jpeg(noise((20, 30, 3), np.uint8)), Header(
        format="jpeg", width=30, height=20, channels=3, bits=8)),
    "jpeg turned": (turned("jpeg"), Header(
        format="jpeg", width=30, height=20, channels=3, bits=8, orientation=6)),
    "jpeg cmyk progressive": (saved(Image.new("CMYK", (30, 20)), "jpeg", progressive=True), Header(
        format="jpeg", width=30, height=20, channels=4, bits=8)),
    "tiff of two pages": (tiff(GREY16, GREY16, compression="zstd"), Header(
        format="tiff", width=30, height=20, channels=1, bits=16, pages=2)),
    "big-endian tiff rgb": (tiff(noise((20, 30, 3), np.uint8).astype(">u1"), photometric="rgb"),
        Header(format="tiff", width=30, height=20, channels=3, bits=8)),
    "bigtiff": (tiff(GREY16, bigtiff=True), Header(
        format="tiff", width=30, height=20, channels=1, bits=16)),
    "float tiff": (tiff(GREY16.astype(np.float32)), Header(
        format="tiff", width=30, height=20, channels=1, bits=32, sample="float")),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_header_tells_the_form_of_the_file(name: str) -> None:
    data, expected = FILES[name]
    assert read_header(data) == expected
    assert read_header(memoryview(data)) == expected


def test_a_dicos_header_tells_the_form_of_the_file(tmp_path: Path) -> None:
    expected = Header(format="dicos", width=30, height=20, channels=1, bits=16)
    assert read_header(dicos(tmp_path)) == expected


def claiming_65535(name: str) -> bytes:
    data = bytearray(FILES[name][0])
    if name.startswith("png"):
        data[16:24] = struct.pack(">II", 65535, 65535)
        data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    else:
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", 65535, 65535)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"<!DOCTYPE html><html></html>", "not_an_image", id="html"),
        pytest.param(b"\x89PN", "truncated", id="half a magic"),
        pytest.param(claiming_65535("png grey16"), "too_large", id="png bomb"),
        pytest.param(claiming_65535("jpeg"), "too_large", id="jpeg bomb"),
        pytest.param(FILES["png grey16"][0][:30], "truncated", id="png header cut"),
        pytest.param(FILES["png grey16"][0][:33], "truncated", id="png without pixels"),
        pytest.param(FILES["jpeg"][0][:40], "truncated", id="jpeg header cut"),
        pytest.param(b"\xff\xd8\xff\xda\0\x02", "corrupt", id="jpeg without frame"),
        pytest.param(b"\xff\xd8\xff\xe0\0\0", "corrupt", id="jpeg segment of length 0"),
        pytest.param(
            FILES["jpeg"][0] + b"\xff\xda\0\x02" * 101, "unsupported", id="a hundred scans"
        ),
        pytest.param(b"II*\0\x08\0\0\0", "truncated", id="tiff without directory"),
        pytest.param(b"II*\0\0\0\0\0", "corrupt", id="tiff without page"),
        pytest.param(
            b"II*\0\x08\0\0\0\x02\0" + struct.pack("<HHIIHHIII", 256, 4, 1, 9, 257, 4, 1, 9, 8),
            "corrupt",
            id="tiff pages in a circle",
        ),
        pytest.param(
            FILES["png grey16"][0][:33] + b"\0\0\0\0tEXt\0\0\0\0" * 1001,
            "unsupported",
            id="a thousand png chunks",
        ),
        pytest.param(
            b"\xff\xd8" + b"\xff\xe0\0\2" * 1001, "unsupported", id="a thousand jpeg segments"
        ),
        pytest.param(b"\xff\xd8" + b"\xff" * 5000, "corrupt", id="jpeg of fill bytes"),
        pytest.param(
            b"II*\0\x08\0\0\0" + struct.pack("<H", 1001) + bytes(12 * 1001 + 4),
            "unsupported",
            id="a thousand tiff tags",
        ),
        pytest.param(
            b"\0" * 128 + b"DICM" + b"\x10\0\x10\0LO\0\0" * 20_001,
            "unsupported",
            id="twenty thousand dicom attributes",
        ),
        pytest.param(b"RIFF\0\0\0\0WEBPVP8 ", "unsupported", id="webp"),
        pytest.param(b"\0" * 128 + b"DICM" + b"\xff" * 64, "corrupt", id="dicom of rubbish"),
        pytest.param(b"\0" * 128 + b"DICM", "corrupt", id="dicom of nothing"),
    ],
)
def test_a_poisoned_header_is_refused_with_a_code(data: bytes, code: str) -> None:
    with pytest.raises(ImageError) as refusal:
        read_header(data)
    assert refusal.value.code == code


def test_the_pixel_cap_counts_all_pages() -> None:
    data, _ = FILES["tiff of two pages"]
    assert read_header(data, pixel_cap=1200).pages == 2
    with pytest.raises(ImageError, match="30 x 20 pixels; at most 1199 are read"):
        read_header(data, pixel_cap=1199)


def outcome(data: bytes) -> Header | str:
    """The header, or the code of the refusal."""
    try:
        return read_header(data, pixel_cap=TIGHT_CAP)
    except ImageError as error:
        return error.code


def keeps_its_promises(told: Header | str) -> bool:
    """Whether it is a header within the cap or a known refusal."""
    if isinstance(told, str):
        return told in CODES
    fits = min(told.width, told.height) >= 1 and told.width * told.height <= TIGHT_CAP
    return fits and told.pages >= 1 and 1 <= told.orientation <= 8


@pytest.mark.parametrize("name", FILES)
def test_whole_files_are_read_under_the_tight_cap(name: str) -> None:
    assert outcome(FILES[name][0]) == FILES[name][1]


@given(st.sampled_from([b"", *(data[:n] for data, _ in FILES.values() for n in (4, 8, 40))]),
       st.binary(max_size=300))  # fmt: skip
def test_random_bytes_give_a_header_within_the_cap_or_a_known_code(
    start: bytes, rest: bytes
) -> None:
    assert keeps_its_promises(outcome(start + rest))


CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)


@given(st.sampled_from(sorted(FILES)), st.floats(0, 1), CHANGES)
def test_damaged_files_give_a_header_within_the_cap_or_a_known_code(
    name: str, kept: float, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(FILES[name][0])
    for where, value in changes:
        data[int(where * len(data))] = value
    assert keeps_its_promises(outcome(bytes(data[: int(kept * len(data))])))


@settings(max_examples=60)
@given(changes=st.lists(st.tuples(st.integers(128, 1500), st.integers(0, 255)), max_size=8),
       kept=st.integers(100, 8000))  # fmt: skip
def test_damaged_dicos_gives_a_header_within_the_cap_or_a_known_code(
    dicos_bytes: bytes, changes: list[tuple[int, int]], kept: int
) -> None:
    data = bytearray(dicos_bytes)
    for where, value in changes:
        data[where] = value
    assert keeps_its_promises(outcome(bytes(data[:kept])))


@pytest.fixture(scope="module")
def dicos_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return dicos(tmp_path_factory.mktemp("dicos"))


def test_paths_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, code in {
        "no such": "missing",
        "nul\0": "missing",
        "empty": "empty",
        "pipe": "not_an_image",
        ".": "not_an_image",
    }.items():
        with pytest.raises(ImageError) as refusal:
            read_bytes(tmp_path / name)
        assert refusal.value.code == code
