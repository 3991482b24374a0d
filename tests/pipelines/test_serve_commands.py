"""`parcelscope serve` at the command line: what it refuses, and the keys."""

import socket
from pathlib import Path

import pytest

from parcelscope.pipelines.cli import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    code = ended.value.code
    return int(code) if code is not None else 0, told.out, told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--host", "0.0.0.0"), "there is no key yet", id="open-to-others"),
        pytest.param(("--root", "nowhere"), "root nowhere: expected a folder", id="root"),
        pytest.param(("--settings", "nowhere.yaml"), "No such file", id="settings"),
        pytest.param(("--latency-ms", "90000"), "latency_budget_s", id="latency"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, told = run(capsys, "serve", "--home", str(tmp_path / "home"), *words)
    assert code == 2
    assert said in told
    assert told.count("\n") == 1


def test_a_port_that_is_taken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, told = run(capsys, "serve", "--home", str(tmp_path), "--port", port)
    assert code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in told


def test_a_setting_that_is_unknown_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.yaml").write_text("limits: {upload: 1}\n")
    code, _, told = run(capsys, "serve", "--settings", str(tmp_path / "s.yaml"))
    assert code == 2
    assert "limits.upload" in told


def test_a_key_is_printed_once_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path))
    code, key, _ = run(capsys, "serve", "keys", "add", "scanner 3", "--role", "operator", *home)
    assert code == 0
    assert key.startswith("ps_")
    _, listed, _ = run(capsys, "serve", "keys", "list", *home)
    assert "scanner 3" in listed
    assert "operator" in listed
    assert key.split("_", 2)[2].strip() not in listed
    assert run(capsys, "serve", "keys", "revoke", "scanner 3", *home)[0] == 0
    assert "revoked" in run(capsys, "serve", "keys", "list", *home)[1]
    assert run(capsys, "serve", "keys", "revoke", "scanner 3", *home)[0] == 2
