"""Formats that other packages add, whole and broken."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.datasets.planted_formats import MAGIC, install, install_reader, tuff_bytes
from tests.inference.tiny_feed import dual_counts

from parcelscope.datasets.dicos import write_dicos_dx
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.scan_formats import BUILT_IN
from parcelscope.datasets.scan_plugins import plugin_versions, plugins, scan_suffixes
from parcelscope.datasets.scans import Energy, ScanFile, read_scan
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.versions import versions

Installs = Callable[[str], None]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Plug-ins are looked for once in a process; here anew in each test."""
    plugins.cache_clear()
    yield
    plugins.cache_clear()


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install_reader(tmp_path / "site"))


@pytest.fixture
def broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Installs:
    """Installs a package whose entry point `tuff` is what the code calls `tuff`."""

    def installed(code: str) -> None:
        place = tmp_path / "site"
        place.mkdir()
        # Modules are kept by name: a name for each test.
        install(place, f"broken_{abs(hash(request.node.name))}", code, tuff="tuff")
        monkeypatch.syspath_prepend(place)

    return installed


def scan(data: bytes, energy: Energy | None = None) -> ScanFile:
    return ScanFile(path=Path("a.tuff"), energy=energy, data=data)


@pytest.mark.usefixtures("reader")
def test_a_plug_in_reads_what_nobody_else_knows() -> None:
    low, high = dual_counts((40, 40))
    found = read_scan([scan(tuff_bytes(low, high), "dual")])
    assert (found.kind, found.pixel_pitch_mm) == ("dual", 1.5)
    assert found.low is not None
    assert found.high is not None
    np.testing.assert_array_equal(found.low, low)
    np.testing.assert_array_equal(found.high, high)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(MAGIC, "truncated", id="header"),
        pytest.param(MAGIC + struct.pack("<IIf", 9, 9, 1), "truncated", id="pixels"),
        pytest.param(MAGIC + struct.pack("<IIf", 65535, 65535, 1), "too_large", id="bomb"),
        pytest.param(MAGIC + struct.pack("<IIf", 0, 9, 1), "corrupt", id="nothing"),
        pytest.param(b"TUFF\x02", "not_an_image", id="nobody-knows-it"),
        pytest.param(b"", "empty", id="empty"),
    ],
)
def test_a_bad_file_is_the_files_fault(data: bytes, code: str) -> None:
    with pytest.raises(ImageError, match=r"a\.tuff") as caught:
        read_scan([scan(data)])
    assert caught.value.code == code


@pytest.mark.usefixtures("reader")
def test_a_file_that_says_another_energy_than_the_feed_is_refused(tmp_path: Path) -> None:
    write_dicos_dx(tmp_path / "a.dcs", dual_counts()[0], "LOW ENERGY", "1.2")
    with pytest.raises(ImageError, match="the feed says high energy, the file itself low"):
        read_scan([ScanFile(path=tmp_path / "a.dcs", energy="high")])


HEAD = """
import numpy as np
from parcelscope.datasets.scan_formats import ScanContent, ScanFormat
def plane(*shape, dtype="uint16"):
    return np.ones(shape, dtype)
def tell(recognises=lambda start: start[:4] == b"TUFF", read=None):
    return ScanFormat(name="tuff", suffixes=(".tuff",), recognises=recognises, read=read)
"""


def giving(content: str) -> str:
    return f"{HEAD}\ntuff = tell(read=lambda data, cap: {content})"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param("import no_such_module", "cannot be loaded: ModuleNotFound", id="import"),
        pytest.param("raise SystemExit(3)", "cannot be loaded: SystemExit: 3", id="exit"),
        pytest.param("tuff = 1", "to be a ScanFormat, got int", id="no-format"),
        pytest.param("", "cannot be loaded: AttributeError", id="nothing"),
        pytest.param(f"{HEAD}\ntuff = tell(lambda start: {{}}[1])", "KeyError: 1", id="asks"),
        pytest.param(giving("{}[1]"), "KeyError: 1", id="reads"),
        pytest.param(giving("None"), "a ScanContent, got NoneType", id="none"),
        pytest.param(giving("ScanContent()"), "got 0 and no rgb", id="empty"),
        pytest.param(giving("ScanContent(planes=(plane(4, 4),) * 3)"), "got 3", id="three"),
        pytest.param(
            giving("ScanContent(planes=(plane(4, 4, dtype='float32'),))"),
            r"planes to be uint16 \(H, W\), got float32 \(4, 4\)",
            id="kind",
        ),
        pytest.param(
            giving("ScanContent(rgb=plane(4, 4, dtype='uint8'))"), "rgb to be uint8", id="rgb"
        ),
        pytest.param(giving("ScanContent(planes=(plane(0, 4),))"), "got 0", id="no-pixel"),
        pytest.param(
            giving("ScanContent(planes=(plane(20, 20),))"), "1 to 100 pixels", id="too-many"
        ),
        pytest.param(
            giving("ScanContent(planes=(plane(4, 4),), energy='mid')"), "energy to be", id="energy"
        ),
        pytest.param(
            giving("ScanContent(planes=(plane(4, 4),), pixel_pitch_mm=float('nan'))"),
            "pixel_pitch_mm to be above 0",
            id="pitch",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_plug_in_is_told_by_its_name(
    code: str, said: str, broken: Installs, tmp_path: Path
) -> None:
    broken(code)
    with pytest.raises(ImageError, match=rf"scan format tuff of broken_\d+ 1\.2.*{said}") as caught:
        read_scan([scan(b"TUFF\x01")], pixel_cap=100)
    assert caught.value.code == "format_plugin"


def test_a_broken_plug_in_costs_no_other_file(broken: Installs, tmp_path: Path) -> None:
    broken("raise RuntimeError('of no use')")
    write_dicos_dx(tmp_path / "a.dcs", dual_counts()[0], "LOW ENERGY", "1.2")
    assert read_scan([ScanFile(path=tmp_path / "a.dcs")]).kind == "grey16"
    with pytest.raises(ImageError) as caught:
        read_scan([scan(b"GIF89a")])
    assert caught.value.code == "unsupported"


def test_no_plug_in_takes_a_known_file_away(broken: Installs, tmp_path: Path) -> None:
    broken(f"{HEAD}\ntuff = tell(lambda start: True, lambda data, cap: {{}}[1])")
    write_dicos_dx(tmp_path / "a.dcs", dual_counts()[0], "LOW ENERGY", "1.2")
    assert read_scan([ScanFile(path=tmp_path / "a.dcs")]).kind == "grey16"


@pytest.mark.usefixtures("reader")
def test_formats_are_listed_and_stand_among_the_versions(
    broken: Installs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plugin_versions() == {"tuff": "tuff_reader 1.2"}
    assert versions()["scan format tuff"] == "tuff_reader 1.2"
    assert ".tuff" in scan_suffixes()
    assert {".png", ".dcs", ".tif"} < set(scan_suffixes())
    with pytest.raises(SystemExit) as ended:
        main(["feed", "formats"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(BUILT_IN) + 1
    assert lines[-1].split() == ["tuff", ".tuff", "tuff_reader", "1.2"]
