import os
import stat
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pytest

from parcelscope.datasets.writing import (
    parquet_bytes,
    write_csv_whole,
    write_parquet_whole,
    write_text_whole,
    write_whole,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "content", [b"", b"abc", bytearray(b"abc")], ids=["empty", "bytes", "array"]
)
def test_bytes_are_written_and_nothing_else_is_left(tmp_path: Path, content: bytes) -> None:
    write_whole(tmp_path / "new" / "a.bin", content)
    assert (tmp_path / "new" / "a.bin").read_bytes() == content
    assert names(tmp_path / "new") == ["a.bin"]


def test_a_function_writes_into_the_open_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", lambda file: file.write(b"abc"))
    assert (tmp_path / "a").read_bytes() == b"abc"


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fails(file: BinaryIO) -> None:
        file.write(b"half of the new")
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        write_whole(path, fails)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_nobody_sees_the_file_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "part-0.parquet"
    seen: list[list[str]] = []

    def writes(file: BinaryIO) -> None:
        file.write(b"x")
        seen.append([p.name for p in tmp_path.glob("part-*")])

    write_whole(path, writes)
    assert seen == [[]]
    assert path.exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_a_new_file_has_the_usual_mode_and_a_replaced_one_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_whole(tmp_path / "a", b"1")
    usual = stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == usual
    (tmp_path / "a").chmod(0o640)
    write_whole(tmp_path / "a", b"2")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "a", b"1")
    assert names(tmp_path) == ["a"]


def test_text_is_utf_8_and_tables_read_back(tmp_path: Path) -> None:
    write_text_whole(tmp_path / "a.txt", "größer\n")
    assert (tmp_path / "a.txt").read_bytes() == "größer\n".encode()
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y,z"]})
    write_parquet_whole(frame, tmp_path / "a.parquet")
    assert pl.read_parquet(tmp_path / "a.parquet").equals(frame)
    write_csv_whole(frame, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == 'a,b\n1,x\n,"y,z"\n'


def test_of_several_writers_the_first_wins_where_nothing_is_to_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_text_whole(path, "first", replace=False)
    with pytest.raises(FileExistsError):
        write_text_whole(path, "second", replace=False)
    assert path.read_text() == "first"
    assert names(tmp_path) == ["plan.json"]


def test_the_same_table_gives_the_same_bytes() -> None:
    def table() -> pl.DataFrame:
        numbers = range(5_000)
        return pl.DataFrame(
            {
                "id": [f"P{n}" for n in numbers],
                "code": [f"code.{n % 7}" for n in numbers],
                "score": [n / 7 if n % 3 else None for n in numbers],
                "box": [[float(n), 1.0] if n % 2 else None for n in numbers],
            }
        )

    assert len({parquet_bytes(table()) for _ in range(5)}) == 1
