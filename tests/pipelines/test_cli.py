"""The command line: one sentence and exit code 2 for what it refuses, and docs for every option."""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.facility_feed import write_facility_feed
from typer.main import get_command
from typer.testing import CliRunner

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.datasets.schema import TABLES
from parcelscope.pipelines.cli import app, main, one_line, parse_budget
from parcelscope.pipelines.run_folder import read_run

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of `parcelscope words`."""
    with pytest.raises(SystemExit) as leaving:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return int(leaving.value.code or 0), said.out, said.err


def parcelscope(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """`parcelscope words` as its own process."""
    code = "from parcelscope.pipelines.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )


def commands(group: object, path: Sequence[str] = ()) -> Iterator[tuple[str, list[str]]]:
    """Every command of the app with its options."""
    children = getattr(group, "commands", {})
    if not children or (path and group.invoke_without_command):
        options = [opt for p in group.params for opt in p.opts if opt.startswith("--")]
        yield " ".join(path), [opt for opt in options if opt != "--help"]
    for name, child in sorted(children.items()):
        yield from commands(child, (*path, name))


COMMANDS = dict(commands(get_command(app)))


@pytest.mark.parametrize(
    ("text", "share"),
    [
        pytest.param("2%", 0.02, id="percent"),
        pytest.param(" 0.5 % ", 0.005, id="blanks"),
        pytest.param("0.02", 0.02, id="share"),
        pytest.param("100%", 1.0, id="all"),
        pytest.param("1", 1.0, id="all as a share"),
    ],
)
def test_a_budget_is_a_share_or_a_percentage(text: str, share: float) -> None:
    assert parse_budget(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "text", ["", "%", "two", "0", "0%", "-1%", "2", "101%", "nan", "inf", "2%%", "1e400"]
)
def test_a_budget_that_is_no_share_is_one_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match="--budget must be a share above 0 and at most 100%"):
        parse_budget(text)


def test_hostile_text_stays_on_one_line() -> None:
    assert one_line(FeedError("row 1:\n got \x1b[31mred\x07")) == "row 1: got \ufffd[31mred\ufffd"


def test_an_error_of_the_system_names_the_file() -> None:
    assert one_line(OSError(28, "No space left on device", "run.json")) == (
        "run.json: No space left on device"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["screen", "no such feed", "--out", "r"], "no such feed: expected a folder"),
        pytest.param(["screen", "f", "--out", "r", "--budget", "lots"], "--budget must be a share"),
        pytest.param(["screen", "f", "--out", "r", "--config", "no.yaml"], "no.yaml: expected a"),
        pytest.param(["feed", "from-folder", "out"], "expected --scans, --photos or both"),
        pytest.param(
            ["feed", "from-folder", "out", "--scans", "s", "--pitch-mm", "-1"],
            "--pitch-mm must be a positive number",
        ),
        pytest.param(["feed", "from-folder", "out", "--scans", "nowhere"], "nowhere: expected a"),
        pytest.param(["bundle", "inspect", "nowhere"], "nowhere: expected a bundle"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused_is_one_sentence_and_exit_code_2(
    words: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *words)
    assert code == 2
    assert out == ""
    assert err.startswith("parcelscope: ")
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--nonsense"],
        ["nonsense"],
        ["screen"],
        ["screen", "f"],
        ["screen", "f", "--out"],
        ["screen", "f", "--out", "r", "--workers", "0"],
        ["screen", "f", "--out", "r", "--workers", "many"],
        ["screen", "f", "--out", "r", "--seed", "-1"],
        ["screen", "f", "g", "--out", "r"],
        ["feed", "from-folder"],
        ["feed", "from-folder", "o", "--pitch-mm", "wide"],
        ["feed", "from-folder", "o", "--energy", "purple"],
        ["synth", "feed"],
        ["synth", "feed", "--out", "o", "--parcels", "0"],
        ["evaluate", "run", "r"],
        ["bundle", "hide"],
    ],
    ids=" ".join,
)
def test_wrong_options_never_show_a_traceback(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, *words)
    assert code == 2
    assert "Traceback" not in err
    assert "Error: " in err


@pytest.mark.parametrize(
    "words", [["--debug", "bundle", "inspect"], ["bundle", "inspect", "--debug"]]
)
def test_debug_works_anywhere_and_keeps_the_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, *words, tmp_path)
    assert code == 2
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("parcelscope: ")


def test_the_whole_way_as_its_own_process(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "bundle")
    write_facility_feed(tmp_path / "feed")
    words = ["screen", tmp_path / "feed", "--out", tmp_path / "run", "--bundle"]
    done = parcelscope(*words, tmp_path / "bundle", "--budget", "20%", "--workers", "1")
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    report, review = done.stdout.splitlines()[-2:]
    assert report.endswith("report.html")
    assert review == f"Review what was flagged: parcelscope review {tmp_path / 'run'}"
    assert "scoring: 25 of 25" in done.stderr
    assert read_run(tmp_path / "run").card.budget == 0.2
    again = parcelscope(*words, tmp_path / "bundle")
    assert again.returncode == 2
    assert "already holds a run" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_feed_from_folder_can_be_screened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_bundle(tmp_path / "bundle")
    write_facility_feed(tmp_path / "loose")
    scans = tmp_path / "scans"
    scans.mkdir()
    (tmp_path / "loose" / "P-003.jpg").rename(scans / "one.jpg")
    runner = CliRunner()
    made = runner.invoke(
        app, ["feed", "from-folder", str(tmp_path / "feed"), "--scans", str(scans), "--copy"]
    )
    assert made.exit_code == 0, made.output
    assert "1 parcels with 1 scans and 0 photos" in made.output
    done = runner.invoke(
        app,
        [
            *("screen", str(tmp_path / "feed"), "--out", str(tmp_path / "run")),
            *("--bundle", str(tmp_path / "bundle")),
        ],
    )
    assert done.exit_code == 0, done.output
    assert read_run(tmp_path / "run").card.counts.images.assessed == 1


def test_the_schema_is_printed_for_people_and_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, text, _ = call(capsys, "schema")
    assert code == 0
    code, data, _ = call(capsys, "schema", "--json")
    assert code == 0
    tables = json.loads(data)
    for table in TABLES:
        assert [c["name"] for c in tables[table.name]["columns"]] == list(table.names)
        for column in table.columns:
            assert column.name in text


def test_a_bundle_is_verified_before_it_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_bundle(tmp_path)
    code, out, _ = call(capsys, "bundle", "inspect", tmp_path)
    assert code == 0
    assert out.startswith("tiny 1, all 6 model files verified\n")
    assert "xray.items on dual scans" in out
    (tmp_path / "items-dual.onnx").write_bytes(b"")
    code, _, err = call(capsys, "bundle", "inspect", tmp_path)
    assert code == 2
    assert "expected SHA-256" in err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "version")
    assert code == 0
    assert re.fullmatch(r"parcelscope \d+\.\d+\.\d+\n", out)


def test_help_is_instant() -> None:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    begin = spent()
    assert parcelscope("--help").returncode == 0
    # Of processor time, as the machine may be busy with other things.
    assert spent() - begin < 0.5


def test_help_loads_neither_tables_nor_models() -> None:
    code = (
        "import sys; import parcelscope.pipelines.cli;"
        " print({'polars', 'numpy', 'onnxruntime', 'torch', 'rich', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_and_option_is_documented(command: str) -> None:
    text = DOCS.read_text(encoding="utf-8")
    title = rf"^## `parcelscope {command}(?=[` ])(?! [a-z])"
    section = re.search(rf"{title}.*?(?=^## |\Z)", text, re.M | re.S)
    assert section, f"docs/cli.md has no section on {command}"
    documented = set(re.findall(r"`(--[a-z-]+)", section.group()))
    assert documented == set(COMMANDS[command])


def test_every_documented_command_exists() -> None:
    titles = re.findall(r"^## `parcelscope ([a-z-]+(?: [a-z-]+)*)", DOCS.read_text(), re.M)
    assert sorted(titles) == sorted(COMMANDS)
