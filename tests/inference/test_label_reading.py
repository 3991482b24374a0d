"""Labels read as text: the reader itself, in the engine, and where it fails."""

import contextlib
import importlib.util
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import simplejpeg
from PIL import Image
from tests.inference.planted_decoders import COMMAND, ENDLESS_LUMA, Planted
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import photo_pixels, photo_row, write_tables

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.packaging.codes import LabelCode
from parcelscope.datasets.packaging.label import label_photo
from parcelscope.datasets.records import Finding
from parcelscope.datasets.text_lines import TextLine
from parcelscope.inference.code_reading import Luma
from parcelscope.inference.codes import luma_of
from parcelscope.inference.decoding import DIRECT
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import score_feed
from parcelscope.inference.isolation import Isolated
from parcelscope.inference.label_reading import read_text, require_reader
from parcelscope.inference.time_limit import Limited

NUMBER = "RB123456785GB"
LINES = ("Golden Gate Co", "12 Mill Road", "Shenzhen CN", "", "Jane Doe", "45 Main Street")
LINES += ("Springfield 62701", "US")
needs_reader = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None,
    reason="reading labels as text needs the extra `ocr`, which is not installed",
)


def label(seed: int = 0) -> bytes:
    """A JPEG photo of a label."""
    rng = np.random.default_rng(seed)
    return label_photo(rng, codes=[LabelCode("Code128", NUMBER)], lines=LINES).jpeg


def luma(jpeg: bytes) -> Luma:
    return luma_of(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")))


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Detectors:
    folder = tmp_path_factory.mktemp("bundle")
    return load_detectors(write_tiny_bundle(folder), folder)


@pytest.fixture(scope="module")
def isolated() -> Iterator[Isolated]:
    with contextlib.closing(Isolated(processes=1, limit_s=20, command=COMMAND)) as decoding:
        yield decoding


def by_code(findings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    told: dict[str, list[Finding]] = {}
    for one in findings:
        if one.source == "photo.text":
            told.setdefault(one.code, []).append(one)
    return told


@needs_reader
def test_the_lines_of_a_label_are_read_where_they_stand() -> None:
    photo = luma(label())
    lines = read_text(photo)
    assert {NUMBER, "Jane Doe", "Springfield 62701"} <= {line.text for line in lines}
    height, width = photo.shape
    for line in lines:
        x0, y0, x1, y1 = line.box_xyxy
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert 0.5 <= line.confidence <= 1


@needs_reader
def test_a_large_photo_has_its_lines_at_its_own_size() -> None:
    photo = luma(label())
    large = np.repeat(np.repeat(photo, 2, axis=0), 2, axis=1)
    (small,) = (line for line in read_text(photo) if line.text == NUMBER)
    (found,) = (line for line in read_text(large) if line.text == NUMBER)
    assert found.box_xyxy == pytest.approx([2 * side for side in small.box_xyxy], abs=12)


@needs_reader
@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 4000), (4000, 3), (20, 9000), (30, 30), (32, 2000), (33, 33)]
)
def test_a_photo_of_any_shape_is_read(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    assert isinstance(read_text(noise), tuple)


@needs_reader
def test_a_colour_photo_is_no_luma() -> None:
    with pytest.raises(ValueError, match=r"luma must have shape \(H, W\), got \(4, 4, 3\)"):
        read_text(np.zeros((4, 4, 3), np.uint8))


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(ConfigError, match=r"needs the extra: pip install 'parcelscope\[ocr\]'"):
        require_reader()


OFFLINE = """
import socket
def refuse(*_, **__): raise OSError("no network here")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import sys, numpy as np
from parcelscope.inference.label_reading import read_text
luma = np.load(sys.argv[1])
print(sorted(line.text for line in read_text(luma)))
"""


@needs_reader
def test_nothing_is_downloaded(tmp_path: Path) -> None:
    np.save(tmp_path / "luma.npy", luma(label()))
    before = sorted(_installed().rglob("*.onnx"))
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path / "luma.npy")],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert NUMBER in done.stdout, done.stderr
    assert sorted(_installed().rglob("*.onnx")) == before


def _installed() -> Path:
    spec = importlib.util.find_spec("rapidocr")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@needs_reader
def test_the_engine_reads_labels_where_it_is_asked_to(tmp_path: Path, detectors: Detectors) -> None:
    for name in ("label", "outside", "goods"):
        (tmp_path / f"{name}.jpg").write_bytes(label())
    rows = [
        photo_row("P", "label.jpg"),
        photo_row("P", "goods.jpg", view="product"),
        photo_row("Q", "outside.jpg", view="exterior"),
        photo_row("R", "goods.jpg", view="product"),
    ]
    feed = write_tables(tmp_path, parcels=["P", "Q", "R", "S"], images=rows)
    (plain,) = score_feed(feed, detectors, workers=1)
    (result,) = score_feed(feed, detectors, workers=2, ocr=True)

    assert by_code(plain.findings) == {}
    assert {row.check for row in plain.not_assessed} >= {"photo.codes"}
    assert "photo.text" not in {row.check for row in plain.not_assessed}
    told = by_code(result.findings)
    assert {one.image_path for one in told["text.lines"]} == {"label.jpg", "outside.jpg"}
    assert {one.text for one in told["text.s10"]} == {NUMBER}
    places = {one.sentence for one in told["text.address"]}
    assert places == {
        "The photo shows an address in CN.",
        "The photo shows an address in 62701 US.",
    }
    why = {row.owner_id: row.reason for row in result.not_assessed if row.check == "photo.text"}
    assert why == {
        "R": "no photo of a label or of the outside in the feed",
        "S": "no photo in the feed",
    }
    kept = tuple(one for one in result.findings if one.source != "photo.text")
    assert kept == plain.findings


@needs_reader
def test_processes_of_their_own_read_the_same(isolated: Isolated) -> None:
    photo = luma(label())
    here, there = DIRECT.text(photo), isolated.text(photo)
    assert [(line.text, line.box_xyxy) for line in there] == [
        (line.text, line.box_xyxy) for line in here
    ]
    assert [line.confidence for line in there] == [line.confidence for line in here]


def endless() -> bytes:
    """A photo whose text takes for ever to read."""
    pixels = photo_pixels()
    pixels[0, :4] = np.array(ENDLESS_LUMA)[:, None]
    return bytes(imagecodecs.png_encode(pixels))


def test_a_photo_that_takes_too_long_costs_its_text_alone(
    tmp_path: Path, detectors: Detectors
) -> None:
    (tmp_path / "endless.png").write_bytes(endless())
    feed = write_tables(tmp_path, parcels=["P"], images=[photo_row("P", "endless.png")])
    with contextlib.closing(Isolated(processes=1, limit_s=2, command=COMMAND)) as decoding:
        (result,) = score_feed(feed, detectors, workers=1, decoding=decoding, ocr=True)
    (verdict,) = result.image_verdicts
    assert (verdict.verdict, verdict.stage, verdict.code) == ("degraded", "photo.text", "timeout")
    assert {one.source for one in result.findings} == {"photo.quality"}
    (gap,) = (row for row in result.not_assessed if row.check == "photo.text")
    assert gap.reason == "endless.png: not decoded within 2 s"


class TextFails(Planted):
    """Reads no text at all."""

    def text(self, luma: Luma) -> tuple[TextLine, ...]:
        raise RuntimeError("a library that gave up")


def test_a_reader_that_fails_leaves_the_other_checks(tmp_path: Path, detectors: Detectors) -> None:
    (tmp_path / "a.jpg").write_bytes(simplejpeg.encode_jpeg(photo_pixels()))
    (tmp_path / "b.jpg").write_bytes(b"<html>not found</html>")
    rows = [photo_row("P", "a.jpg"), photo_row("Q", "b.jpg")]
    feed = write_tables(tmp_path, parcels=["P", "Q"], images=rows)
    with contextlib.closing(Limited(TextFails())) as decoding:
        (result,) = score_feed(feed, detectors, workers=1, decoding=decoding, ocr=True)
    told = {one.path: (one.verdict, one.stage, one.error_class) for one in result.image_verdicts}
    assert told == {
        "a.jpg": ("degraded", "photo.text", "RuntimeError"),
        "b.jpg": ("quarantined", "read", "ImageError"),
    }
    why = {row.owner_id for row in result.not_assessed if row.check == "photo.text"}
    assert why == {"P", "Q"}
