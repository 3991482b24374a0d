"""Figures of a run for Prometheus: asked for over the wire, and written to a file."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import write_mixed_feed
from tests.pipelines.spooled import COMMAND

from parcelscope.pipelines.cli import main
from parcelscope.pipelines.metrics_options import told_to_prometheus
from parcelscope.pipelines.progress import Seen

Figures = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("metrics")
    write_tiny_bundle(folder / "bundle")
    (folder / "feed").mkdir()
    write_mixed_feed(folder / "feed")
    return folder


def words_of(place: Path, out: Path, *words: str) -> list[str]:
    bundle = str(place / "bundle")
    return ["screen", str(place / "feed"), "--out", str(out), "--bundle", bundle, *words]


def figures(page: str) -> Figures:
    """Values by name and labels."""
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def scraped(address: str) -> Figures:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return figures(answer.read().decode())


def test_a_run_at_work_answers_prometheus(place: Path, tmp_path: Path) -> None:
    words = words_of(place, tmp_path / "run", "--metrics-port", "0", "--shard-size", "2")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    address = ""
    seen: list[Figures] = []
    for line in process.stderr:
        if found := re.match(r"metrics at (http://127\.0\.0\.1:\d+/metrics)", line):
            address = found[1]
            break
    assert address
    try:
        while process.poll() is None:
            seen.append(scraped(address))
    except OSError:  # the run is over, and its port with it
        pass
    process.stderr.close()
    assert process.wait(60) == 0
    assert seen
    rows = [one.get(("parcelscope_rows_total", "assessed"), 0.0) for one in seen]
    assert rows == sorted(rows)
    assert rows[-1] > 0
    last = seen[-1]
    assert 0 < last["parcelscope_bound_fraction", ""] <= 1
    assert last["parcelscope_stage_seconds_total", "models,busy"] > 0
    with pytest.raises(OSError):  # noqa: PT011 - refused, or reset where it just closed
        scraped(address)


def test_the_file_has_what_the_run_came_to(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "node" / "parcelscope.prom"
    with pytest.raises(SystemExit) as ended:
        main(words_of(place, tmp_path / "run", "--metrics-file", str(file), "--shard-size", "4"))
    assert ended.value.code == 0
    found = figures(file.read_text())
    card = json.loads((tmp_path / "run" / "run.json").read_text())
    images = card["counts"]["images"]
    assert found["parcelscope_rows_total", "assessed"] == images["assessed"]
    assert found["parcelscope_shard_commit_seconds_count", ""] == 6
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_without_the_options_nothing_is_opened() -> None:
    seen = Seen()
    with told_to_prometheus(seen, port=None, file=None, say=str) as observer:
        assert observer is seen


def test_the_display_is_told_as_well(tmp_path: Path) -> None:
    seen, said = Seen(), list[str]()
    file = tmp_path / "a.prom"
    with told_to_prometheus(seen, port=0, file=file, say=said.append) as observer:
        observer.rows("quarantined", 3, code="truncated")
        (line,) = said
        page = scraped(line.removeprefix("metrics at "))
        assert page["parcelscope_quarantined_total", "truncated"] == 3
    assert seen.quarantined == 3
    assert figures(file.read_text()) == page


def test_a_disk_that_refuses_the_file_later_stops_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    with told_to_prometheus(Seen(), port=None, file=folder / "a.prom", say=str) as observer:
        (folder / "a.prom").unlink()
        folder.rmdir()
        folder.write_text("no folder any more")
        observer.committed(0.1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--metrics-file", "a.txt"], "--metrics-file must end in .prom", id="suffix"),
        pytest.param(
            ["--metrics-file", "/dev/null/a.prom"], "a.prom: cannot be written", id="place"
        ),
        pytest.param(["--metrics-port", "70000"], "--metrics-port", id="port"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused(
    words: list[str], said: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words_of(place, tmp_path / "run", *words))
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_port_in_use_is_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        with pytest.raises(SystemExit) as ended:
            main(words_of(place, tmp_path / "run", "--metrics-port", port))
    assert ended.value.code == 2
    assert f"--metrics-port {port}: expected a free port" in capsys.readouterr().err


def test_without_the_extra_it_says_which(
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(SystemExit) as ended:
        main(words_of(place, tmp_path / "run", "--metrics-port", "0"))
    assert ended.value.code == 2
    assert "--metrics-port needs the serve extra" in capsys.readouterr().err
