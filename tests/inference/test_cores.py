"""Cores that may be used: the quota of a container counts, in both versions of control groups."""

import os
from pathlib import Path

import pytest

from parcelscope.inference.cores import quota_cores, usable_cores


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, None, id="no control groups"),
        pytest.param({"cpu.max": "max 100000\n"}, None, id="version 2 without a limit"),
        pytest.param({"cpu.max": "150000 100000\n"}, 1.5, id="version 2 with a limit"),
        pytest.param({"cpu.max": "nonsense\n"}, None, id="a file that nobody can read"),
        pytest.param(
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            None,
            id="version 1 without a limit",
        ),
        pytest.param(
            {"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            4.0,
            id="version 1 with a limit",
        ),
    ],
)
def test_the_quota_is_read_where_there_is_one(
    tmp_path: Path, files: dict[str, str], expected: float | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert quota_cores(tmp_path) == expected


def test_a_small_quota_leaves_one_core_and_a_large_one_no_more_than_there_are(
    tmp_path: Path,
) -> None:
    (tmp_path / "cpu.max").write_text("10000 100000")
    assert usable_cores(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("99900000 100000")
    assert usable_cores(tmp_path) == len(os.sched_getaffinity(0))
