"""Faults of one item while a feed is scored: they cost that item what failed, and nobody else."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import onnx
import pytest
import simplejpeg
from onnx import TensorProto, helper, numpy_helper
from tests.inference.planted_decoders import COMMAND, DEADLY_LUMA, Planted, planted
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import (
    dual_counts,
    photo_pixels,
    photo_row,
    scan_row,
    write_tables,
)

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.scan_writing import write_dual_tiff
from parcelscope.inference.decoding import Decoding
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import ShardResult, score_feed
from parcelscope.inference.isolation import Isolated
from parcelscope.inference.time_limit import Limited
from parcelscope.inference.verdicts import ImageVerdict, attempt

LIMIT_S = 2.0


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Detectors:
    folder = tmp_path_factory.mktemp("bundle")
    return load_detectors(write_tiny_bundle(folder), folder)


@pytest.fixture(scope="module")
def isolated() -> Iterator[Isolated]:
    with contextlib.closing(Isolated(processes=2, limit_s=LIMIT_S, command=COMMAND)) as decoding:
        yield decoding


def verdicts(result: ShardResult) -> dict[str, ImageVerdict]:
    return {verdict.path: verdict for verdict in result.image_verdicts}


def fail_on_dark_scans(path: Path, limit: float) -> None:
    """Make the model in `path` fail, not answer wrongly, on a batch that holds a dark scan."""
    model = onnx.load(path)
    output = model.graph.output[0].name
    for node in model.graph.node:
        for n, name in enumerate(node.output):
            if name == output:
                node.output[n] = "sound"
    model.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["absorbed", "all"], ["gloom"], keepdims=1),
            helper.make_node("Greater", ["gloom", "gloomy"], ["is_dark"]),
            helper.make_node("Cast", ["is_dark"], ["beyond"], to=TensorProto.INT64),
            helper.make_node("Gather", ["only", "beyond"], ["nothing"]),  # index 1 of 1 value
            helper.make_node("Add", ["sound", "nothing"], [output]),
        ]
    )
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([1, 2, 3]), "all"),
            numpy_helper.from_array(np.float32(limit), "gloomy"),
            numpy_helper.from_array(np.zeros(1, np.float32), "only"),
        ]
    )
    onnx.save(model, path)


def test_a_model_that_fails_on_one_scan_costs_that_scan_that_check(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    bundle = write_tiny_bundle(folder)
    sound = load_detectors(bundle, folder)
    (card,) = (c for c in bundle.detectors if (c.detector, c.input) == ("xray.items", "dual"))
    fail_on_dark_scans(folder / card.file, 0.25)
    failing = load_detectors(bundle, folder)
    for n in range(8):
        write_dual_tiff(tmp_path / f"{n}.tif", *dual_counts((20 + 8 * n, 40), seed=n))
    dark = np.full((120, 160), 6000, np.uint16)
    write_dual_tiff(tmp_path / "5.tif", dark, dark)
    rows = [scan_row(f"P{n}", f"{n}.tif") for n in range(8)]
    feed = write_tables(tmp_path, parcels=[f"P{n}" for n in range(8)], images=rows)
    (result,) = score_feed(feed, failing, workers=1)
    (expected,) = score_feed(feed, sound, workers=1)

    told = verdicts(result)
    assert {path: verdict.verdict for path, verdict in told.items()} == {
        f"{n}.tif": "degraded" if n == 5 else "assessed" for n in range(8)
    }
    assert (told["5.tif"].stage, told["5.tif"].code) == ("xray.items", "model_failed")
    assert told["5.tif"].error_class not in {None, "ImageError"}
    lost = [f for f in expected.findings if (f.owner_id, f.source) == ("P5", "xray.items")]
    assert lost
    assert list(result.findings) == [f for f in expected.findings if f not in lost]
    (gap,) = [
        row
        for row in result.not_assessed
        if row.check == "xray.items" and row not in expected.not_assessed
    ]
    assert gap.owner_id == "P5"


def write_feed(folder: Path) -> Feed:
    """A parcel for each fault, with a sound scan and a photo that has the fault."""
    jpeg = simplejpeg.encode_jpeg(photo_pixels())
    deadly = photo_pixels()
    deadly[0, :4] = np.array(DEADLY_LUMA)[:, None]
    content = {
        "good": jpeg,
        "segfault": planted(jpeg, "segfault"),
        "kill": planted(jpeg, "kill"),
        "sleep": planted(jpeg, "sleep"),
        "raise": planted(jpeg, "raise"),
        "codes": imagecodecs.png_encode(deadly),
        "page": b"<html>not found</html>",
    }
    write_dual_tiff(folder / "scan.tif", *dual_counts((60, 40)))
    rows = []
    for name, data in content.items():
        (folder / f"{name}.jpg").write_bytes(data)
        rows += [scan_row(name, "scan.tif"), photo_row(name, f"{name}.jpg")]
    rows.append(photo_row("good", "gone.jpg"))
    return write_tables(folder, parcels=list(content), images=rows)


def test_crashes_and_hangs_in_the_middle_of_a_feed_have_their_verdicts(
    tmp_path: Path, detectors: Detectors, isolated: Isolated
) -> None:
    feed = write_feed(tmp_path)
    (result,) = score_feed(feed, detectors, workers=2, decoding=isolated)
    told = {
        path: (verdict.verdict, verdict.stage, verdict.code)
        for path, verdict in verdicts(result).items()
    }
    assert told == {
        "scan.tif": ("assessed", None, None),
        "good.jpg": ("assessed", None, None),
        "gone.jpg": ("missing", "read", "missing"),
        "page.jpg": ("quarantined", "read", "not_an_image"),
        "segfault.jpg": ("quarantined", "read", "killed_decoder"),
        "kill.jpg": ("quarantined", "read", "killed_decoder"),
        "sleep.jpg": ("quarantined", "read", "timeout"),
        "raise.jpg": ("quarantined", "read", "unexpected"),
        "codes.jpg": ("degraded", "photo.codes", "killed_decoder"),
    }
    assert verdicts(result)["raise.jpg"].error_class == "ZeroDivisionError"
    scanned = {f.owner_id for f in result.findings if f.code == "anomaly.scan"}
    assert scanned == set(feed.parcels.get_column("parcel_id"))
    judged = {f.owner_id for f in result.findings if f.source == "photo.quality"}
    assert judged == {"good", "codes"}
    checks = {row.check for row in result.not_assessed if row.owner_id == "codes"}
    assert "photo.codes" in checks
    assert "photo.quality" not in checks


class CodesFail(Planted):
    """Reads no codes at all."""

    def codes(self, luma: np.ndarray, *, thorough: bool = True) -> tuple[()]:
        raise cv2.error("a library that gave up")


@pytest.mark.parametrize("limited", [False, True], ids=["direct", "limited"])
def test_a_check_that_fails_on_a_photo_leaves_the_others(
    tmp_path: Path, detectors: Detectors, limited: bool
) -> None:
    (tmp_path / "a.jpg").write_bytes(simplejpeg.encode_jpeg(photo_pixels()))
    feed = write_tables(tmp_path, parcels=["P"], images=[photo_row("P", "a.jpg")])
    decoding: Decoding = Limited(CodesFail()) if limited else CodesFail()
    (result,) = score_feed(feed, detectors, workers=1, decoding=decoding)
    told = verdicts(result)["a.jpg"]
    assert (told.verdict, told.stage, told.error_class) == ("degraded", "photo.codes", "error")
    assert [f.source for f in result.findings] == ["photo.quality"]
    (gap,) = [row for row in result.not_assessed if row.check == "photo.codes"]
    assert gap.reason == "a.jpg: a library that gave up"
    if isinstance(decoding, Limited):
        decoding.close()


def test_what_is_wrong_with_the_run_is_no_verdict_on_an_image() -> None:
    def work() -> None:
        raise RunError("no process to decode in could be had")

    with pytest.raises(RunError, match="no process to decode in"):
        attempt(work, root=Path())
