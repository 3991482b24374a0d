"""Tar archives: files are found where they lie, and nothing but plain files is."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.tar_shards import TarError, tar_members

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def write_tar(path: Path, files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> None:
    with tarfile.open(path, "w", format=form) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def contents(path: Path) -> dict[str, bytes]:
    data = path.read_bytes()
    return {m.name: data[m.offset : m.offset + m.size] for m in tar_members(path)}


def collect(path: Path, names: list[str]) -> None:
    for member in tar_members(path):
        names.append(member.name)


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_files_are_found_where_they_lie(tmp_path: Path, form: int) -> None:
    files = {
        "scans/0001.tiff": b"a" * 700,
        "photos/" + "long-" * 18 + "name.jpg": b"b",  # beyond the 100 bytes of the oldest form
        "empty": b"",
        "exact": b"c" * 512,
    }
    write_tar(tmp_path / "a.tar", files, form)
    assert contents(tmp_path / "a.tar") == files


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_names_of_any_length_and_script_are_read(tmp_path: Path, form: int) -> None:
    files = {"фото/" + "x" * 300 + ".jpg": b"1", "扫描.png": b"2", "after.png": b"3"}
    write_tar(tmp_path / "a.tar", files, form)
    assert contents(tmp_path / "a.tar") == files


def test_links_folders_and_devices_are_no_files(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind, target in (
            ("soft", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard", tarfile.LNKTYPE, "../secret"),
            ("folder", tarfile.DIRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("device", tarfile.CHRTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        member = tarfile.TarInfo("real")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"real"))
    assert contents(tmp_path / "a.tar") == {"real": b"real"}


@pytest.mark.parametrize(
    ("damage", "sentence", "kept"),
    [
        pytest.param(lambda data: data[:1700], "is cut off at byte 1700", ["a"], id="cut off"),
        pytest.param(lambda data: data[:1024], "without the mark of its end", ["a"], id="no end"),
        pytest.param(lambda data: b"", "without the mark of its end", [], id="empty"),
        pytest.param(
            lambda data: b"<!DOCTYPE html>" * 99, "holds no tar header at byte 0", [], id="HTML"
        ),
        pytest.param(
            lambda data: data[:1024] + b"\xff" * 512 + data[1536:],
            "holds no tar header at byte 1024",
            ["a"],
            id="a header overwritten",
        ),
    ],
)
def test_a_damaged_archive_gives_what_is_before_the_damage(
    tmp_path: Path, damage: object, sentence: str, kept: list[str]
) -> None:
    path = tmp_path / "a.tar"
    write_tar(path, {"a": b"1" * 100, "b": b"2" * 600}, tarfile.USTAR_FORMAT)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    names: list[str] = []
    with pytest.raises(TarError, match=sentence):
        collect(path, names)
    assert names == kept


def test_a_name_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    write_tar(path, {"x" * 300: b"1"}, tarfile.GNU_FORMAT)
    data = bytearray(path.read_bytes())
    data[124:136] = b"77777777777\0"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path.write_bytes(data)
    with pytest.raises(TarError, match="has a name of 8589934591 bytes"):
        list(tar_members(path))


@given(st.binary(max_size=3000))
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.tar"
    path.write_bytes(data)
    try:
        for member in tar_members(path):
            assert 0 <= member.offset <= len(data)
    except TarError:
        pass


@given(at=st.integers(0, 3000), bit=st.integers(0, 7))
def test_no_flipped_bit_crashes_the_reader_or_leads_out_of_the_archive(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.tar"
    write_tar(path, {"a": b"1" * 100, "b" * 200: b"2" * 600})
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)
    try:
        for member in tar_members(path):
            assert member.offset + member.size <= len(data)
    except TarError:
        pass
