"""Decoding in processes: what hangs is killed, what crashes is outlived, the rest is the same."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from tests.inference import lying_decoder
from tests.inference.planted_decoders import COMMAND, DEADLY_LUMA, Planted, planted
from tests.inference.tiny_feed import PITCH_MM, dual_counts, photo_pixels

from parcelscope.datasets.errors import ImageError, RunError
from parcelscope.datasets.photos import decode_photo
from parcelscope.datasets.scan_writing import write_colour_jpeg, write_dual_tiff
from parcelscope.datasets.scans import Scan, ScanFile, read_scan
from parcelscope.inference.decoding import UnforeseenError
from parcelscope.inference.isolation import Isolated, open_decoding
from parcelscope.inference.slabs import KEPT_BYTES

JPEG = simplejpeg.encode_jpeg(photo_pixels())
LIMIT_S = 2.0


@pytest.fixture(scope="module")
def isolated() -> Iterator[Isolated]:
    with contextlib.closing(Isolated(processes=2, limit_s=LIMIT_S, command=COMMAND)) as decoding:
        yield decoding


def children(process: int) -> set[int]:
    """Processes that `process` started, and those that they started."""
    found: set[int] = set()
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, listed.read_text().split()):
            found |= {child, *children(child)}
    return found


def gone(processes: set[int], *, within_s: float) -> bool:
    """Whether all of `processes` end in time."""
    deadline = time.monotonic() + within_s
    while any(Path(f"/proc/{one}").exists() for one in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_photo_is_the_same_as_without_processes(isolated: Isolated) -> None:
    for wanted_px in (None, 100):
        np.testing.assert_array_equal(
            isolated.photo(JPEG, wanted_px=wanted_px), decode_photo(JPEG, wanted_px=wanted_px)
        )


def same(one: Scan, other: Scan) -> bool:
    facts = ("kind", "air_level", "pixel_pitch_mm", "energies_swapped")
    planes = ("low", "high", "rgb")
    return all(getattr(one, name) == getattr(other, name) for name in facts) and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        if getattr(one, name) is not None
        else getattr(other, name) is None
        for name in planes
    )


def test_a_scan_is_the_same_as_without_processes(isolated: Isolated, tmp_path: Path) -> None:
    write_dual_tiff(tmp_path / "a.tif", *dual_counts((60, 40)))
    write_colour_jpeg(tmp_path / "b.jpg", photo_pixels())
    for name, energy in (("a.tif", "dual"), ("b.jpg", "colour")):
        data = (tmp_path / name).read_bytes()
        files = [ScanFile(path=Path(name), energy=energy, data=data)]
        facts = {"air_level": 60000.0, "pixel_pitch_mm": PITCH_MM}
        assert same(isolated.scan(files, **facts), read_scan(files, **facts))


def test_codes_are_the_same_as_without_processes(isolated: Isolated) -> None:
    import zxingcpp

    bars = zxingcpp.create_barcode("RB123456785CN", zxingcpp.BarcodeFormat.Code128)
    grey = np.asarray(zxingcpp.write_barcode_to_image(bars, scale=3))
    luma = np.pad(grey, 40, constant_values=255)
    found, expected = isolated.codes(luma), Planted().codes(luma)
    assert [code.text for code in found] == ["RB123456785CN"]
    assert (found[0].format, found[0].symbology_ok) == (
        expected[0].format,
        expected[0].symbology_ok,
    )
    np.testing.assert_array_equal(found[0].corners_xy, expected[0].corners_xy)


def test_what_a_decoder_refuses_is_refused_in_the_same_words(isolated: Isolated) -> None:
    for data in (JPEG[: len(JPEG) // 2], b"<html>not found</html>", b"", b"II*\0"):
        with pytest.raises(ImageError) as without:
            decode_photo(data)
        with pytest.raises(ImageError) as within:
            isolated.photo(data)
        assert (within.value.code, str(within.value)) == (without.value.code, str(without.value))


def test_what_nobody_foresaw_keeps_its_class(isolated: Isolated) -> None:
    with pytest.raises(UnforeseenError, match="nobody foresaw this") as refusal:
        isolated.photo(planted(JPEG, "raise"))
    assert refusal.value.error_class == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("fault", "end"),
    [("segfault", "signal 11"), ("kill", "signal 9"), ("exit", "exit code 3")],
)
def test_an_input_that_kills_twice_is_refused_and_the_next_one_is_read(
    isolated: Isolated, fault: str, end: str
) -> None:
    before = isolated.killed
    with pytest.raises(ImageError, match=f"it ended 2 decoding processes: {end}") as refusal:
        isolated.photo(planted(JPEG, fault))
    assert refusal.value.code == "killed_decoder"
    assert isolated.killed == before + 2
    np.testing.assert_array_equal(isolated.photo(JPEG), decode_photo(JPEG))


def test_an_input_that_kills_once_is_tried_again(isolated: Isolated, tmp_path: Path) -> None:
    data = planted(JPEG, f"once={tmp_path / 'met'}")
    np.testing.assert_array_equal(isolated.photo(data), decode_photo(JPEG))
    assert (tmp_path / "met").exists()


def test_a_process_that_somebody_else_killed_costs_nothing(isolated: Isolated) -> None:
    isolated.photo(JPEG)
    (program,) = (one for one in children(os.getpid()) if children(one))
    for pid in children(program):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    np.testing.assert_array_equal(isolated.photo(JPEG), decode_photo(JPEG))


@pytest.mark.parametrize("fault", ["sleep", "spin", "hold"])
def test_a_decoder_that_hangs_is_killed_at_the_limit(isolated: Isolated, fault: str) -> None:
    began = time.monotonic()
    with pytest.raises(ImageError, match="not decoded within 2 s") as refusal:
        isolated.photo(planted(JPEG, fault))
    assert refusal.value.code == "timeout"
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + 3
    np.testing.assert_array_equal(isolated.photo(JPEG), decode_photo(JPEG))


def test_a_code_reader_that_crashes_leaves_the_picture(isolated: Isolated) -> None:
    luma = np.full((40, 40), 255, np.uint8)
    luma[0, :4] = DEADLY_LUMA
    with pytest.raises(ImageError) as refusal:
        isolated.codes(luma)
    assert refusal.value.code == "killed_decoder"
    assert isolated.codes(np.full((40, 40), 255, np.uint8)) == ()


@pytest.mark.parametrize("fault", ["grey", "floats"])
def test_pixels_of_another_form_are_not_believed(isolated: Isolated, fault: str) -> None:
    with pytest.raises(ImageError):
        isolated.photo(planted(JPEG, fault))
    np.testing.assert_array_equal(isolated.photo(JPEG), decode_photo(JPEG))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits private memory alone")
def test_a_decoder_that_wants_all_memory_fails_alone(isolated: Isolated) -> None:
    with pytest.raises(UnforeseenError) as refusal:
        isolated.photo(planted(JPEG, "take"))
    assert "MemoryError" in refusal.value.error_class


@pytest.fixture(scope="module")
def lying() -> Iterator[Isolated]:
    command = lying_decoder.COMMAND
    with contextlib.closing(Isolated(processes=1, limit_s=20, command=command)) as decoding:
        yield decoding


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="nothing"),
        pytest.param([], id="no object"),
        pytest.param({"facts": {}, "parts": []}, id="no pixels"),
        pytest.param({"facts": {}, "parts": [[0, "uint8", [4, 4, 3]]] * 2}, id="too many"),
        pytest.param({"facts": {}, "parts": [[0, "uint8", [4, 4]]]}, id="grey"),
        pytest.param({"facts": {}, "parts": [[0, "uint16", [4, 4, 3]]]}, id="16 bits"),
        pytest.param({"facts": {}, "parts": [[0, "object", [4, 4, 3]]]}, id="objects"),
        pytest.param({"facts": {}, "parts": [[-64, "uint8", [4, 4, 3]]]}, id="before the slab"),
        pytest.param({"facts": {}, "parts": [[1 << 40, "uint8", [4, 4, 3]]]}, id="behind it"),
        pytest.param({"facts": {}, "parts": [[0, "uint8", [1 << 32, 1 << 32, 3]]]}, id="huge"),
        pytest.param({"facts": {}, "parts": [[0, "uint8", [-4, -4, 3]]]}, id="negative"),
        pytest.param({"facts": {}, "parts": [[0, "uint8", "333"]]}, id="letters"),
        pytest.param({"refused": "no"}, id="half a refusal"),
        pytest.param({"refused": ["a code; with more", "x"]}, id="no code"),
        pytest.param({"unforeseen": [7, 8]}, id="no class"),
    ],
)
def test_a_process_that_was_taken_over_is_not_believed(lying: Isolated, answer: object) -> None:
    with pytest.raises(ImageError) as refusal:
        lying.photo(json.dumps(answer).encode())
    assert refusal.value.code in {"killed_decoder", "corrupt"}


def test_a_process_that_was_taken_over_cannot_cut_off_the_shared_memory(lying: Isolated) -> None:
    with pytest.raises(ImageError, match=r"^0 cut$"):
        lying.photo(b"cut")


def test_what_a_decoder_prints_reaches_nobody(
    isolated: Isolated, capfd: pytest.CaptureFixture[str]
) -> None:
    isolated.photo(planted(JPEG, "say"))
    assert capfd.readouterr() == ("", "")


def test_pixels_stay_as_they_are_while_somebody_holds_them(isolated: Isolated) -> None:
    pictures = [np.full((60, 80, 3), 20 * n, np.uint8) for n in range(12)]
    read = [isolated.photo(simplejpeg.encode_jpeg(picture)) for picture in pictures]
    slices = [rgb[::2, 5:40] for rgb in read]
    del read
    for n, part in enumerate(slices):
        assert abs(int(part.mean()) - 20 * n) <= 2


def test_memory_is_used_again_and_a_large_picture_gives_its_own_back(isolated: Isolated) -> None:
    large = simplejpeg.encode_jpeg(np.zeros((4000, 4000, 3), np.uint8))
    for _ in range(8):
        assert isolated.photo(large).nbytes > KEPT_BYTES
    shared = sum(
        int(line.split()[1]) * 1024
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("RssShmem")
    )
    assert shared < 4 * KEPT_BYTES


def test_many_threads_share_a_few_processes(isolated: Isolated) -> None:
    faults = ["", "segfault", "", "raise", "", "kill", "", ""]

    def one(n: int) -> str:
        try:
            isolated.photo(planted(JPEG, faults[n % 8]) if faults[n % 8] else JPEG)
        except (ImageError, UnforeseenError) as error:
            return type(error).__name__
        return ""

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(one, range(48)))
    expected = ["", "ImageError", "", "UnforeseenError", "", "ImageError", "", ""] * 6
    assert told == expected


def test_a_program_that_does_not_start_stops_the_run_with_a_sentence() -> None:
    command = (sys.executable, "-c", "raise SystemExit('no such decoder')")
    with (
        contextlib.closing(Isolated(processes=1, command=command)) as decoding,
        pytest.raises(RunError, match="expected it to start, got: no such decoder"),
    ):
        decoding.photo(JPEG)


def test_nothing_is_left_behind() -> None:
    before = children(os.getpid())
    threads = threading.active_count()
    with open_decoding(isolate=True, processes=2) as decoding:
        decoding.photo(JPEG)
        made = children(os.getpid()) - before
        assert len(made) == 2
    assert gone(made, within_s=10)
    assert threading.active_count() <= threads


def test_a_killed_run_leaves_no_process_behind(tmp_path: Path) -> None:
    (tmp_path / "hang.jpg").write_bytes(planted(JPEG, "sleep"))
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from parcelscope.inference.isolation import Isolated\n"
        f"decoding = Isolated(processes=1, limit_s=1.0, command={COMMAND!r})\n"
        "decoding.photo(Path(sys.argv[2]).read_bytes())\n"
        "print('ready', flush=True)\n"
        "decoding.photo(Path(sys.argv[1]).read_bytes())\n"
    )
    (tmp_path / "good.jpg").write_bytes(JPEG)
    run = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "hang.jpg"), str(tmp_path / "good.jpg")],
        stdout=subprocess.PIPE,
    )
    with run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        made = children(run.pid)
        time.sleep(0.2)
        run.kill()
    assert len(made) == 2
    assert gone(made, within_s=15)
