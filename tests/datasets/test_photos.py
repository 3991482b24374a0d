import io
import os
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import Header
from parcelscope.datasets.photos import decode_photo, read_photo, reduction


def scene(height: int, width: int) -> npt.NDArray[np.uint8]:
    """A smooth picture whose four corners differ, so that every turn shows."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.dstack([255 * x, 255 * y, 120 * x * y]).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


SCENE = scene(90, 120)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(Image.fromarray(SCENE), "png", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(decode_photo(data), expected)


def test_a_jpeg_is_turned_too() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = saved(Image.fromarray(SCENE), "jpeg", exif=exif, quality=95)
    assert decode_photo(data).shape == (120, 90, 3)
    assert decode_photo(data, wanted_px=60).shape == (60, 45, 3)


def sixteen_bit() -> bytes:
    return bytes(imagecodecs.png_encode(SCENE.astype(np.uint16) * 257))


FORMS = {
    "png": saved(Image.fromarray(SCENE), "png"),
    "opaque png": saved(Image.fromarray(SCENE).convert("RGBA"), "png"),
    "16-bit png": sixteen_bit(),
    "jpeg": saved(Image.fromarray(SCENE), "jpeg", quality=95, subsampling=0),
    "progressive jpeg": saved(Image.fromarray(SCENE), "jpeg", quality=95, progressive=True),
    "cmyk jpeg": saved(Image.fromarray(SCENE).convert("CMYK"), "jpeg", quality=95),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_ends_as_the_same_rgb(name: str) -> None:
    photo = decode_photo(FORMS[name])
    assert photo.dtype == np.uint8
    assert photo.flags.c_contiguous
    assert np.abs(photo.astype(int) - SCENE).max() <= (0 if "png" in name else 12)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("png", "1"), ("png", "L"), ("png", "LA"), ("png", "P"), ("jpeg", "L"), ("tiff", "L"),
     ("tiff", "LA")],
)  # fmt: skip
def test_grey_and_palette_pictures_end_as_rgb(kind: str, mode: str) -> None:
    image = Image.fromarray(SCENE).convert(mode)
    photo = decode_photo(saved(image, kind))
    expected = np.asarray(image.convert("RGB"))
    assert photo.shape == (90, 120, 3)
    assert np.abs(photo.astype(int) - expected).mean() < 4


def test_a_transparent_photo_is_on_white() -> None:
    assert decode_photo(saved(Image.new("RGBA", (8, 8), (9, 9, 9, 0)), "png")).min() == 255


@pytest.mark.parametrize(
    ("wanted_px", "divisor"),
    [(None, 1), (1280, 1), (641, 1), (640, 2), (321, 2), (320, 4), (224, 4), (160, 8), (1, 8)],
)
def test_a_jpeg_is_decoded_at_the_smallest_sufficient_size(
    wanted_px: int | None, divisor: int
) -> None:
    header = Header(format="jpeg", width=960, height=1280, channels=3, bits=8)
    assert reduction(header, wanted_px) == divisor


@pytest.mark.parametrize("size", [(240, 320), (241, 321), (239, 317)], ids=str)
@pytest.mark.parametrize("divisor", [2, 4, 8])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_reduced_jpeg_looks_like_the_full_one(
    size: tuple[int, int], divisor: int, mode: str
) -> None:
    data = saved(Image.fromarray(scene(*size)).convert(mode), "jpeg", quality=95)
    full = Image.fromarray(decode_photo(data))
    wanted_px = max(size) // divisor
    photo = decode_photo(data, wanted_px=wanted_px)
    assert photo.shape == (-(-size[0] // divisor), -(-size[1] // divisor), 3)
    by_area = np.asarray(full.reduce(divisor))
    assert np.abs(photo.astype(int) - by_area).mean() < 2.5


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(None, "missing", id="no file"),
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"<html>not found</html>", "not_an_image", id="html"),
        pytest.param(FORMS["jpeg"][:-300], "truncated", id="cut jpeg"),
        pytest.param(FORMS["png"][:-30], "truncated", id="cut png"),
        pytest.param(saved(Image.new("P", (8, 8)), "tiff"), "unsupported", id="palette tiff"),
        pytest.param(saved(Image.new("1", (8, 8)), "tiff"), "wrong_depth", id="bilevel tiff"),
        pytest.param(saved(Image.new("RGB", (8, 8)), "gif"), "unsupported", id="gif"),
        pytest.param(saved(Image.new("RGB", (8, 8)), "webp"), "unsupported", id="webp"),
    ],
)
def test_a_photo_that_cannot_be_read_is_named(
    content: bytes | None, code: str, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=r"photo\.jpg") as refusal:
        read_photo(path)
    assert refusal.value.code == code


def test_flipped_jpeg_bytes_never_pass_where_the_strict_decoder_complains() -> None:
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 255, (96, 128, 3), np.uint8)
    whole = saved(Image.fromarray(grain), "jpeg", quality=85)
    refused = by_pillow = 0
    for _ in range(100):
        data = bytearray(whole)
        data[int(rng.integers(700, len(data) - 2))] ^= 0x5A
        try:
            decode_photo(bytes(data))
        except ImageError:
            refused += 1
            by_pillow += pillow_takes(bytes(data))
    # Most damage leaves valid codes, which no decoder can see: the feed's sha256 does.
    assert refused > 15
    assert by_pillow > 0.5 * refused


def pillow_takes(data: bytes) -> bool:
    try:
        Image.open(io.BytesIO(data)).load()
    except OSError:
        return False
    return True


CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5)
TIFFS = {"rgb tiff": io.BytesIO()}
tifffile.imwrite(TIFFS["rgb tiff"], SCENE, photometric="rgb", compression="lzw")
WHOLE = FORMS | {name: stream.getvalue() for name, stream in TIFFS.items()}


@settings(max_examples=200)
@given(st.sampled_from(sorted(WHOLE)), st.floats(0.3, 1), CHANGES, st.sampled_from([None, 50]))
def test_damaged_photos_raise_image_errors_only(
    name: str, kept: float, changes: list[tuple[float, int]], wanted_px: int | None
) -> None:
    data = bytearray(WHOLE[name])
    for where, value in changes:
        data[int(where * len(data))] = value
    try:
        photo = decode_photo(
            bytes(data[: int(kept * len(data))]), wanted_px=wanted_px, pixel_cap=1_000_000
        )
    except ImageError:
        return
    assert photo.ndim == 3


@pytest.mark.parametrize("folder", ["photos", "deeppcb", "mtd/test"])
def test_real_photos_are_read_at_both_sizes(folder: str) -> None:
    root = os.environ.get("PARCELSCOPE_REAL_DATA")
    if not root:
        pytest.skip("PARCELSCOPE_REAL_DATA is unset: no real photos to read")
    paths = [p for p in sorted(Path(root, folder).rglob("*")) if p.suffix in (".jpg", ".png")]
    assert paths
    for path in paths[:60]:
        full, small = read_photo(path), read_photo(path, wanted_px=200)
        with Image.open(path) as image:
            assert full.shape == (*ImageOps.exif_transpose(image).size[::-1], 3)
        assert max(small.shape) >= min(200, max(full.shape))
