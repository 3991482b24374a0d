import os
import threading
import warnings
from datetime import datetime
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from parcelscope.datasets.dicos import DicosEnergy, derived_uid, read_dicos_dx, write_dicos_dx
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import read_header

PIXELS = np.random.default_rng(3).integers(0, 65535, (24, 36), np.uint16)
JPEG_LOSSLESS = UID("1.2.840.10008.1.2.4.70")


def written(folder: Path, energy: DicosEnergy = "LOW ENERGY", **options: object) -> bytes:
    write_dicos_dx(folder / "a.dcs", PIXELS, energy, derived_uid("seed", "P1"), **options)
    return (folder / "a.dcs").read_bytes()


@pytest.mark.parametrize("energy", ["LOW ENERGY", "HIGH ENERGY"])
def test_a_written_scan_comes_back_as_it_was(energy: DicosEnergy, tmp_path: Path) -> None:
    scan = read_dicos_dx(written(tmp_path, energy, pixel_pitch_mm=0.8))
    np.testing.assert_array_equal(scan.pixels, PIXELS)
    assert scan.energy == energy
    assert scan.pixel_pitch_mm == 0.8
    assert scan.study_uid == derived_uid("seed", "P1")


def test_equal_scans_are_written_as_equal_bytes(tmp_path: Path) -> None:
    taken_at = datetime(2026, 11, 22, 6, 30)
    first, again = (written(tmp_path, owner_id="P1", taken_at=taken_at) for _ in range(2))
    assert first == again
    assert first != written(tmp_path, "HIGH ENERGY", owner_id="P1", taken_at=taken_at)


def test_a_written_file_has_what_other_readers_ask_for(tmp_path: Path) -> None:
    written(tmp_path, "HIGH ENERGY", owner_id="P-0001")
    low, high = (tmp_path / name for name in ("low.dcs", "a.dcs"))
    write_dicos_dx(low, PIXELS, "LOW ENERGY", derived_uid("seed", "P1"), owner_id="P-0001")
    a, b = pydicom.dcmread(low), pydicom.dcmread(high)
    assert a.StudyInstanceUID == b.StudyInstanceUID
    assert a.SeriesInstanceUID == b.SeriesInstanceUID
    assert a.SOPInstanceUID != b.SOPInstanceUID
    assert list(b.ImageType) == ["ORIGINAL", "HIGH ENERGY"]
    assert b.PatientID == "P-0001"
    assert b.DICOSVersion == "V03"
    assert b.file_meta[0x00020004].value == "V03"
    np.testing.assert_array_equal(b.pixel_array, PIXELS)


def test_only_sixteen_bit_images_are_written(tmp_path: Path) -> None:
    narrow: npt.NDArray[np.generic] = PIXELS.astype(np.uint8)
    with pytest.raises(ValueError, match=r"must be uint16 \(H, W\), got uint8 \(24, 36\)"):
        write_dicos_dx(tmp_path / "a.dcs", narrow, "LOW ENERGY", derived_uid("1"))


def altered(folder: Path, **attributes: object) -> bytes:
    """A written file with other attributes."""
    written(folder)
    dataset = pydicom.dcmread(folder / "a.dcs")
    for name, value in attributes.items():
        setattr(dataset, name, value)
    dataset.save_as(folder / "b.dcs")
    return (folder / "b.dcs").read_bytes()


def compressed(folder: Path, stream: bytes) -> bytes:
    written(folder)
    dataset = pydicom.dcmread(folder / "a.dcs")
    dataset.file_meta.TransferSyntaxUID = JPEG_LOSSLESS
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(folder / "b.dcs")
    return (folder / "b.dcs").read_bytes()


def test_lossless_jpeg_comes_back_as_it_was(tmp_path: Path) -> None:
    data = compressed(tmp_path, imagecodecs.ljpeg_encode(PIXELS))
    np.testing.assert_array_equal(read_dicos_dx(data).pixels, PIXELS)


@pytest.mark.parametrize("cut", ["half", "end"])
def test_half_a_lossless_jpeg_is_refused(cut: str, tmp_path: Path) -> None:
    stream = imagecodecs.ljpeg_encode(PIXELS)
    data = compressed(tmp_path, stream[: len(stream) // 2 if cut == "half" else -4])
    with pytest.raises(ImageError) as refusal:
        read_dicos_dx(data)
    assert refusal.value.code == "truncated"


def test_a_frame_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    stream = bytearray(imagecodecs.ljpeg_encode(PIXELS))
    at = stream.index(b"\xff\xc3")
    stream[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageError, match="does not fit the DICOS header"):
        read_dicos_dx(compressed(tmp_path, bytes(stream)))


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        pytest.param({"Rows": 25}, "truncated", id="more rows than pixels"),
        pytest.param({"PixelRepresentation": 1}, "wrong_depth", id="signed"),
        pytest.param({"BitsAllocated": 8}, "wrong_depth", id="8 bits"),
        pytest.param({"BitsStored": 12, "HighBit": 11}, "corrupt", id="more than 12 bits"),
        pytest.param({"BitsStored": 12}, "corrupt", id="high bit in an unknown place"),
        pytest.param({"SamplesPerPixel": 3}, "wrong_channels", id="colour"),
        pytest.param({"PhotometricInterpretation": "RGB"}, "wrong_channels", id="rgb"),
        pytest.param({"NumberOfFrames": 2}, "unsupported", id="two frames"),
        pytest.param({"PixelIntensityRelationship": "LOG"}, "unsupported", id="logarithmic"),
        pytest.param({"PixelIntensityRelationshipSign": -1}, "unsupported", id="dark is air"),
        pytest.param({"RescaleSlope": "2"}, "unsupported", id="rescaled"),
        pytest.param({"ImageType": ["DERIVED", "Z_EFFECTIVE"]}, "unsupported", id="zeff"),
        pytest.param({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "unsupported", id="medical CT"),
    ],
)
def test_what_is_no_intensity_image_is_refused(
    attributes: dict[str, object], code: str, tmp_path: Path
) -> None:
    with pytest.raises(ImageError) as refusal:
        read_dicos_dx(altered(tmp_path, **attributes))
    assert refusal.value.code == code


def test_a_deflated_file_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    data = written(tmp_path).replace(b"1.2.840.10008.1.2.1\0\0", b"1.2.840.10008.1.2.1.99")
    data += b"1.2.840.10008.1.2.1.99"
    with pytest.raises(ImageError, match="deflated DICOS is not read"):
        read_header(data)


def test_an_oblong_pixel_has_no_pitch(tmp_path: Path) -> None:
    assert read_dicos_dx(altered(tmp_path, ImagerPixelSpacing=[0.8, 1.6])).pixel_pitch_mm is None


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("dicos")
    return [written(folder), compressed(folder, imagecodecs.ljpeg_encode(PIXELS))]


CHANGES = st.lists(st.tuples(st.integers(128, 3000), st.integers(0, 255)), max_size=6)


@settings(max_examples=150)
@given(st.integers(0, 1), CHANGES, st.integers(128, 6000))
def test_damaged_files_raise_image_errors_only(
    samples: list[bytes], index: int, changes: list[tuple[int, int]], kept: int
) -> None:
    data = bytearray(samples[index])
    for where, value in changes:
        data[min(where, len(data) - 1)] = value
    try:
        read_header(bytes(data[:kept]), pixel_cap=1_000_000)
        pixels = read_dicos_dx(bytes(data[:kept])).pixels
    except ImageError:
        return
    assert pixels.dtype == np.uint16


def test_threads_leave_pydicom_as_it_was(tmp_path: Path) -> None:
    data = written(tmp_path)
    before = pydicom.config.settings.reading_validation_mode, list(warnings.filters)
    threads = [threading.Thread(target=read_dicos_dx, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (pydicom.config.settings.reading_validation_mode, list(warnings.filters)) == before


REAL = {
    "SimpleProcessingDX": None,
    "SimplePresentationDX": None,
    "SimpleColorPaletteDX": "a DX scan must be monochrome, got PALETTE COLOR x 1",
    "SimpleCT0000": "only DICOS DX is read as a scan; this file is a DICOS CT volume",
    "TDR": "threat detection report, which holds no scan",
    "SimpleBaggageTDR": "threat detection report, which holds no scan",
    "SimpleBaggageNoThreatTDR": "threat detection report, which holds no scan",
    "MultiplePTOsTDR": "threat detection report, which holds no scan",
}


def test_files_of_an_independent_toolkit_are_read_or_refused_with_a_sentence() -> None:
    root = os.environ.get("PARCELSCOPE_REAL_DATA")
    if not root:
        pytest.skip("PARCELSCOPE_REAL_DATA is unset: no DICOS files of another toolkit to read")
    paths = sorted(Path(root, "dicos", "toolkit_tests").glob("*.dcs"))
    assert {path.stem for path in paths} == set(REAL)
    for path in paths:
        sentence = REAL[path.stem]
        if sentence is None:
            scan = read_dicos_dx(path.read_bytes())
            assert (scan.pixels.shape, scan.energy) == ((128, 256), None)
            assert int(scan.pixels.max()) == 32767
        else:
            with pytest.raises(ImageError, match=sentence):
                read_dicos_dx(path.read_bytes())
